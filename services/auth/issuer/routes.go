package main

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

const tokenTTL = time.Hour // of tokens for tools, unless they ask for another

// routes answers only requests that call us by a name of ours (a page of the internet whose name was made to lead
// here does not), and lets tools in by the secret, browsers by a pass.
func routes(settings Settings, issuer *Issuer) http.Handler {
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
	}
	mux.HandleFunc("GET /healthz", ok)
	mux.HandleFunc("GET /readyz", ok)
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, issuer.Jwks())
	})

	mux.Handle("POST /v1/sessions", tool(issuer, func(w http.ResponseWriter, r *http.Request) {
		var wish struct {
			Person
			TTL     int  `json:"ttl_s"`
			Refresh bool `json:"refresh"`
		}
		if !read(w, r, &wish) {
			return
		}
		person, wrong := complete(wish.Person)
		ttl := time.Duration(wish.TTL) * time.Second
		if ttl == 0 {
			ttl = tokenTTL
		}
		if ttl < time.Second || ttl > 24*time.Hour {
			wrong = "ttl_s is from 1 to 86400"
		}
		if wrong != "" {
			refuse(w, http.StatusUnprocessableEntity, "invalid", wrong)
			return
		}
		minted, err := issuer.Mint(person, ttl, wish.Refresh)
		if err != nil {
			broken(w, err)
			return
		}
		slog.Info("minted", "subject", minted.Subject, "session", minted.SessionID, "expires_at", minted.ExpiresAt)
		reply(w, http.StatusCreated, minted)
	}))
	mux.Handle("POST /v1/links", tool(issuer, func(w http.ResponseWriter, r *http.Request) {
		var wish struct {
			RedirectURL string `json:"redirect_url"`
		}
		if !read(w, r, &wish) {
			return
		}
		if wish.RedirectURL != "" && leadsBack(settings, wish.RedirectURL) == nil {
			refuse(w, http.StatusUnprocessableEntity, "invalid", "redirect_url is not of AUTH_WEB_ORIGINS")
			return
		}
		query := url.Values{"code": {issuer.Code("link", Person{}, "", linkFor)}}
		if wish.RedirectURL != "" {
			query.Set("redirect_url", wish.RedirectURL)
		}
		reply(w, http.StatusCreated, map[string]string{"url": "http://" + r.Host + "/enter?" + query.Encode()})
	}))
	mux.Handle("POST /v1/exchange", server(func(w http.ResponseWriter, r *http.Request) {
		var wish struct{ Code, Verifier string }
		if !read(w, r, &wish) {
			return
		}
		person, good := issuer.Use("sign-in", wish.Code, wish.Verifier)
		if !good {
			refuse(w, http.StatusUnauthorized, "code_invalid", "the code is not valid, or was used")
			return
		}
		minted, err := issuer.Mint(person, settings.SessionTTL, true)
		if err != nil {
			broken(w, err)
			return
		}
		slog.Info("signed in", "subject", minted.Subject, "session", minted.SessionID)
		reply(w, http.StatusCreated, minted)
	}))
	mux.Handle("POST /v1/refresh", server(func(w http.ResponseWriter, r *http.Request) {
		var wish struct {
			RefreshToken string `json:"refresh_token"`
		}
		if !read(w, r, &wish) {
			return
		}
		minted, good := issuer.Refresh(wish.RefreshToken)
		if !good {
			refuse(w, http.StatusUnauthorized, "session_ended", "the session has ended")
			return
		}
		reply(w, http.StatusOK, minted)
	}))
	mux.Handle("POST /v1/sign-out", server(func(w http.ResponseWriter, r *http.Request) {
		var wish struct {
			RefreshToken string `json:"refresh_token"`
		}
		if !read(w, r, &wish) {
			return
		}
		if err := issuer.SignOut(wish.RefreshToken); err != nil {
			broken(w, err)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	pages(mux, settings, issuer)
	return named(settings, mux)
}

// named refuses requests that call us by a name that is not ours.
func named(settings Settings, next http.Handler) http.Handler {
	hosts := settings.Hosts
	for _, host := range []string{"127.0.0.1", "localhost", "::1"} {
		hosts = append(hosts, net.JoinHostPort(host, settings.Port))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !slices.Contains(hosts, r.Host) {
			refuse(w, http.StatusMisdirectedRequest, "host_refused", "not a name of this issuer (ISSUER_HOSTS)")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// server lets no browser through: those send Origin with every POST.
func server(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header.Values("Origin")) > 0 || r.Header.Get("Sec-Fetch-Site") != "" {
			refuse(w, http.StatusForbidden, "origin_refused", "not for browsers")
			return
		}
		if r.Header.Get("Content-Type") != "application/json" {
			refuse(w, http.StatusUnsupportedMediaType, "invalid", "want application/json")
			return
		}
		next(w, r)
	})
}

// tool lets through who shows the secret, which only the issuer's own user can read.
func tool(issuer *Issuer, next http.HandlerFunc) http.Handler {
	return server(func(w http.ResponseWriter, r *http.Request) {
		if secrets := r.Header.Values("X-Issuer-Secret"); len(secrets) != 1 || !issuer.Admits(secrets[0]) {
			refuse(w, http.StatusUnauthorized, "secret_invalid", "want X-Issuer-Secret, as in the issuer's state directory")
			return
		}
		next(w, r)
	})
}

// leadsBack is the parsed address if a sign-in may lead there.
func leadsBack(settings Settings, text string) *url.URL {
	parts, err := url.Parse(text)
	if err != nil || parts.User != nil || parts.Fragment != "" || !slices.Contains(settings.WebOrigins, parts.Scheme+"://"+parts.Host) {
		return nil
	}
	return parts
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 8<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, "invalid", "body: "+err.Error())
		return false
	}
	return true
}

func reply(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		slog.Warn("reply", "error", err)
	}
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	reply(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func broken(w http.ResponseWriter, err error) {
	slog.Error("request failed", "error", err)
	refuse(w, http.StatusInternalServerError, "internal", "internal error")
}
