package authkit_test

import (
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"platform/authkit"
	"platform/authkit/clerk"
	"platform/authkit/internal/vectors"
)

func longLived() string {
	return file.Token(keys, vectors.Apps["local"], vectors.Case{Claims: map[string]any{"exp": map[string]any{"now": 3000.0}}})
}

func BenchmarkVerify(b *testing.B) {
	app, token := vectors.Apps["local"], longLived()
	verifier := clerk.Verifier{Issuer: app.Issuer, AuthorizedParties: []string{app.Party}, ClockSkew: 5 * time.Second, Now: time.Now}
	for b.Loop() {
		if _, err := verifier.Verify(token, func(string) (*rsa.PublicKey, error) { return &keys.Right.PublicKey, nil }); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRequest is a warm authenticated request without the network; Open is the same without authentication.
func BenchmarkRequest(b *testing.B) {
	address, _ := database(b)
	environ := environment("local", newIssuer(b).url())
	settings, err := authkit.Read(func(name string) string { return environ[name] }, "127.0.0.1:1")
	if err != nil {
		b.Fatal(err)
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	token := longLived()
	for name, handler := range map[string]http.Handler{"Open": ok, "RequireUser": authkit.New(settings, store(b, address)).RequireUser(ok)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				request := httptest.NewRequest("GET", "/me", nil)
				request.Header.Set("Authorization", "Bearer "+token)
				recorder := httptest.NewRecorder()
				if handler.ServeHTTP(recorder, request); recorder.Code != 204 {
					b.Fatal(recorder.Code)
				}
			}
		})
	}
}
