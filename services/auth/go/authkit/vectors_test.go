package authkit_test

import (
	"crypto/rsa"
	"errors"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"

	"platform/authkit/clerk"
	"platform/authkit/internal/vectors"
	"platform/authkit/refusal"
)

// each runs every case of this kit under every configuration it is for.
func each(t *testing.T, run func(t *testing.T, app vectors.App, c vectors.Case)) {
	if len(file.Cases) < 80 {
		t.Fatalf("only %d vectors", len(file.Cases))
	}
	for _, c := range file.Cases {
		if c.Kits != nil && !slices.Contains(c.Kits, "go") {
			continue
		}
		apps := c.Apps
		if apps == nil {
			apps = []string{"local", "clerk"}
		}
		for _, name := range apps {
			t.Run(name+"/"+c.Name, func(t *testing.T) { run(t, vectors.Apps[name], c) })
		}
	}
}

func check(t *testing.T, app vectors.App, c vectors.Case, got answer) {
	t.Helper()
	if got.status != c.Status || got.code() != c.Code {
		t.Fatalf("got %d %v, want %d %s", got.status, got.body, c.Status, c.Code)
	}
	values := file.Values(keys, app, c)
	for name, want := range c.Body {
		if text, isText := want.(string); isText && values[text] != "" {
			want = values[text]
		}
		if got.body[name] != want {
			t.Errorf("%s: got %v, want %v", name, got.body[name], want)
		}
	}
	for name, want := range c.Response {
		if got.header.Get(name) != want {
			t.Errorf("%s: got %q", name, got.header.Get(name))
		}
	}
	if got.status >= 400 {
		told := got.body["error"].(map[string]any)
		if got.header.Get("Cache-Control") != "no-store" || told["request_id"] != got.header.Get("X-Request-Id") || told["message"] == "" {
			t.Errorf("got %v %v", got.header, told)
		}
	}
	if (got.header.Get("WWW-Authenticate") != "") != (got.status == 401) {
		t.Errorf("WWW-Authenticate: %q", got.header.Get("WWW-Authenticate"))
	}
	if got.header.Get("X-Auth-Mode") != "" && app.Name != "test" {
		t.Error("X-Auth-Mode outside test mode")
	}
}

func TestVectorsOverHTTP(t *testing.T) {
	issuer := newIssuer(t)
	services := map[string]*service{}
	for name := range vectors.Apps {
		environ := environment(name, issuer.url())
		environ["REFUSE_WAY_OUT"] = "1"
		services[name] = serve(t, "authtest", environ)
	}
	each(t, func(t *testing.T, app vectors.App, c vectors.Case) {
		if c.Via == "function" {
			t.Skip("HTTP cannot carry it; TestVectorsAtTheVerifier does it")
		}
		if c.Peer != "" {
			t.Skip("another peer: TestVectorsFromAnotherPeer does it (go test -tags authtest)")
		}
		service, headers, path := services[app.Name], file.Headers(keys, app, c), c.Path
		if path == "" {
			path = file.Base.Path
		}
		check(t, app, c, service.get(t, path, headers))
		if c.IdenticalWithout != nil {
			headers = append(headers, [2]string{"X-Request-Id", "same"})
			one := service.get(t, path, headers)
			two := service.get(t, path, slices.DeleteFunc(headers, func(h [2]string) bool { return slices.Contains(c.IdenticalWithout, h[0]) }))
			one.header.Del("Date")
			two.header.Del("Date")
			if !reflect.DeepEqual(one, two) {
				t.Errorf("got %v and %v", one, two)
			}
		}
	})
}

func TestVectorsAtTheVerifier(t *testing.T) {
	each(t, func(t *testing.T, app vectors.App, c vectors.Case) {
		if c.Headers != nil || c.Path != "" {
			t.SkipNow()
		}
		verifier := clerk.Verifier{Issuer: app.Issuer, AuthorizedParties: []string{app.Party}, ClockSkew: 5 * time.Second, Now: time.Now}
		_, err := verifier.Verify(file.Token(keys, app, c), func(kid string) (*rsa.PublicKey, error) {
			if kid != vectors.Kid && app.Name == "local" {
				return nil, refusal.New(refusal.TokenInvalid, "kid")
			}
			return &keys.Right.PublicKey, nil
		})
		want := refusal.Code("")
		if c.Status == 401 {
			want = refusal.Code(c.Code)
		}
		got := &refusal.Error{}
		if errors.As(err, &got); got.Code != want {
			t.Fatalf("got %v, want %q", err, want)
		}
	})
}

func TestBuildsWithoutTheTagDoNotContainTheBackdoor(t *testing.T) {
	for tag, want := range map[string]bool{"": false, "authtest": true} {
		binary, err := os.ReadFile(binaries[tag])
		if err != nil {
			t.Fatal(err)
		}
		if got := slices.Contains([]bool{contains(binary, "X-Test-User"), contains(binary, "TEST_AUTH_SECRET")}, true); got != want {
			t.Errorf("tag %q: got %v", tag, got)
		}
	}
	environ := environment("test", "http://127.0.0.1:1")
	environ["HOST"] = "0.0.0.0"
	delete(environ, "TEST_AUTH_SECRET")
	service := serve(t, "", environ)
	got := service.get(t, "/me", [][2]string{{"X-Test-User", "alice"}, {"X-Test-Secret", keys.Secret}})
	if got.status != 401 || got.code() != "auth_required" {
		t.Errorf("got %v", got)
	}
}
