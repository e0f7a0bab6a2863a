package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"platform/authkit"
)

const maxQuantity = 1000

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// routes is the service's HTTP face; placed is called after each order that was written.
func routes(store *Store, catalog *Catalog, auth *authkit.Auth, placed func()) http.Handler {
	mux := http.NewServeMux()
	forUsers := func(pattern string, handler func(w http.ResponseWriter, r *http.Request, userID string)) {
		mux.Handle(pattern, auth.RequireUser(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handler(w, r, authkit.From(r.Context()).User.ID)
		})))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	// Pub/Sub is not asked here: orders are taken without it, and the outbox keeps what it missed.
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := store.Check(ctx); err != nil {
			refuse(w, http.StatusServiceUnavailable, "database: "+err.Error())
			return
		}
		reply(w, http.StatusOK, map[string]string{"status": "ready"})
	})
	forUsers("GET /orders", func(w http.ResponseWriter, r *http.Request, userID string) {
		orders, err := store.List(r.Context(), userID)
		if err != nil {
			broken(w, err)
			return
		}
		reply(w, http.StatusOK, orders)
	})
	forUsers("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request, userID string) {
		order, err := Order{}, ErrNoOrder
		if id := r.PathValue("id"); uuidForm.MatchString(id) {
			order, err = store.Get(r.Context(), userID, id)
		}
		switch {
		case errors.Is(err, ErrNoOrder):
			refuse(w, http.StatusNotFound, err.Error())
		case err != nil:
			broken(w, err)
		default:
			reply(w, http.StatusOK, order)
		}
	})
	forUsers("POST /orders", func(w http.ResponseWriter, r *http.Request, userID string) {
		var wish struct {
			ProductID string `json:"product_id"`
			Quantity  int    `json:"quantity"`
		}
		decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<16))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&wish); err != nil {
			refuse(w, http.StatusBadRequest, "body: "+err.Error())
			return
		}
		if wish.ProductID == "" || wish.Quantity < 1 || wish.Quantity > maxQuantity {
			refuse(w, http.StatusUnprocessableEntity, "want product_id, and quantity from 1 to 1000")
			return
		}
		product, err := catalog.Product(r.Context(), wish.ProductID)
		if errors.Is(err, ErrNoProduct) {
			refuse(w, http.StatusUnprocessableEntity, err.Error())
			return
		}
		if err != nil {
			slog.Error("catalog", "error", err)
			refuse(w, http.StatusBadGateway, "the catalog does not answer")
			return
		}
		order, err := store.Place(r.Context(), userID, product, wish.Quantity)
		if err != nil {
			broken(w, err)
			return
		}
		placed()
		slog.Info("order placed", "order", order.ID, "product", order.ProductID)
		reply(w, http.StatusCreated, order)
	})
	return mux
}

func reply(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		slog.Warn("reply", "error", err)
	}
}

func refuse(w http.ResponseWriter, code int, message string) {
	reply(w, code, map[string]string{"error": message})
}

func broken(w http.ResponseWriter, err error) {
	slog.Error("request failed", "error", err)
	refuse(w, http.StatusInternalServerError, "internal error")
}
