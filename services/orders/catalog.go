package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"platform/authkit"
)

// Product is what the catalog says about a product.
type Product struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	PriceCents int64  `json:"price_cents"`
}

// ErrNoProduct says that the catalog does not have the product asked for.
var ErrNoProduct = errors.New("no such product")

// Catalog asks the catalog service, with our service token and as the user who calls us.
type Catalog struct {
	url  string
	auth *authkit.Auth
}

// Product returns one product, or ErrNoProduct.
func (catalog *Catalog) Product(ctx context.Context, id string) (Product, error) {
	var product Product
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, catalog.url+"/products/"+url.PathEscape(id), nil)
	if err != nil {
		return product, err
	}
	catalog.auth.Outgoing(authkit.From(ctx), request)
	response, err := untilAnswered(ctx, func() (*http.Response, error) { return http.DefaultClient.Do(request) })
	if err != nil {
		return product, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return product, json.NewDecoder(response.Body).Decode(&product)
	case http.StatusNotFound:
		return product, ErrNoProduct
	default:
		return product, fmt.Errorf("catalog answered %s", response.Status)
	}
}

// untilAnswered asks again as long as there is no answer at all: who restarts is back soon, and reading twice does no harm.
func untilAnswered(ctx context.Context, ask func() (*http.Response, error)) (*http.Response, error) {
	for {
		response, err := ask()
		if err == nil {
			return response, nil
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
