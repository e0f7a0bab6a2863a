package main

import (
	_ "embed"
	"html/template"
	"log/slog"
	"net/http"
	"regexp"
)

//go:embed pages.html
var pagesText string

var (
	templates     = template.Must(template.New("").Parse(pagesText))
	challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	samples       = []string{"alice", "bob", "carol"}
)

// page is what the templates show.
type page struct {
	Nonce, Pass, RedirectURL, Challenge, Wrong string
	Users                                      []string
}

// pages are for people. The pass lives in the browser's storage for this origin, not in a cookie: cookies are sent to
// every port of a host, and on a shared machine the next port may be a neighbour's.
func pages(mux *http.ServeMux, settings Settings, issuer *Issuer) {
	mux.HandleFunc("GET /enter", func(w http.ResponseWriter, r *http.Request) {
		redirect := r.URL.Query().Get("redirect_url")
		if _, good := issuer.Use("link", r.URL.Query().Get("code"), ""); !good || redirect != "" && leadsBack(settings, redirect) == nil {
			show(w, http.StatusForbidden, "message", page{Wrong: "This link was used, or is too old. Ask the tool for a new one."})
			return
		}
		show(w, http.StatusOK, "enter", page{Pass: issuer.Pass(), RedirectURL: redirect})
	})
	mux.HandleFunc("GET /sign-in", func(w http.ResponseWriter, r *http.Request) {
		asked := page{RedirectURL: r.URL.Query().Get("redirect_url"), Challenge: r.URL.Query().Get("challenge"), Users: samples}
		if leadsBack(settings, asked.RedirectURL) == nil || !challengeForm.MatchString(asked.Challenge) {
			show(w, http.StatusBadRequest, "message", page{Wrong: "A sign-in begins at the application, which says where to lead back to."})
			return
		}
		show(w, http.StatusOK, "sign-in", asked)
	})
	mux.HandleFunc("POST /sign-in", func(w http.ResponseWriter, r *http.Request) {
		if origins := r.Header.Values("Origin"); len(origins) != 1 || origins[0] != "http://"+r.Host {
			show(w, http.StatusForbidden, "message", page{Wrong: "Only this page can send the form."})
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
		if err := r.ParseForm(); err != nil {
			show(w, http.StatusBadRequest, "message", page{Wrong: "The form could not be read."})
			return
		}
		form := r.PostForm
		asked := page{RedirectURL: form.Get("redirect_url"), Challenge: form.Get("challenge"), Users: samples}
		back := leadsBack(settings, asked.RedirectURL)
		if back == nil || !challengeForm.MatchString(asked.Challenge) {
			show(w, http.StatusBadRequest, "message", page{Wrong: "A sign-in begins at the application, which says where to lead back to."})
			return
		}
		if !same(form.Get("pass"), issuer.Pass()) {
			asked.Wrong = "This browser is not let in yet."
			show(w, http.StatusForbidden, "sign-in", asked)
			return
		}
		person, wrong := complete(Person{User: form.Get("user")})
		if wrong != "" {
			asked.Wrong = wrong
			show(w, http.StatusUnprocessableEntity, "sign-in", asked)
			return
		}
		query := back.Query()
		query.Set("code", issuer.Code("sign-in", person, asked.Challenge, codeFor))
		back.RawQuery = query.Encode()
		http.Redirect(w, r, back.String(), http.StatusSeeOther)
	})
}

func show(w http.ResponseWriter, status int, name string, content page) {
	content.Nonce = short()
	// Chromium applies form-action to the redirect after a form, too; where it may lead is checked above.
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src 'nonce-"+
		content.Nonce+"'; style-src 'nonce-"+content.Nonce+"'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	if err := templates.ExecuteTemplate(w, name, content); err != nil {
		slog.Warn("page", "error", err)
	}
}
