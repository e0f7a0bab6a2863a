//go:build authtest

package authkit_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"platform/authkit"
	"platform/authkit/internal/vectors"
)

func TestVectorsFromAnotherPeer(t *testing.T) {
	environ := environment("test", "http://127.0.0.1:1")
	settings, err := authkit.Read(func(name string) string { return environ[name] }, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("{}")) })
	handler := authkit.New(settings, vectors.SeededUsers("")).RequireUser(ok)
	ran := 0
	each(t, func(t *testing.T, app vectors.App, c vectors.Case) {
		if c.Peer == "" {
			t.SkipNow()
		}
		request := httptest.NewRequest("GET", "/me", nil)
		request.RemoteAddr = c.Peer + ":4000"
		for _, header := range file.Headers(keys, app, c) {
			request.Header.Add(header[0], header[1])
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		got := answer{recorder.Code, recorder.Header(), map[string]any{}}
		if err := json.Unmarshal(recorder.Body.Bytes(), &got.body); err != nil {
			t.Fatal(err)
		}
		check(t, app, c, got)
		ran++
	})
	if ran == 0 {
		t.Error("no case ran")
	}
}
