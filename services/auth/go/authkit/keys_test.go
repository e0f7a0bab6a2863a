package authkit

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"platform/authkit/refusal"
)

// provider is a JWKS that the test changes, takes away and counts, and a clock that it moves.
type provider struct {
	now   time.Time
	asked int
	kid   string
	away  bool
	n     string
	keys  *jwks
}

func newProvider(t *testing.T) *provider {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{now: time.Unix(1e9, 0), kid: "old", n: base64.RawURLEncoding.EncodeToString(key.N.Bytes())}
	p.keys = &jwks{fetch: p.fetch, now: func() time.Time { return p.now }}
	return p
}

func (p *provider) fetch(context.Context, string) ([]byte, error) {
	p.asked++
	if p.away {
		return nil, errors.New("away")
	}
	return fmt.Appendf(nil, `{"keys": [{"kty": "RSA", "kid": %q, "n": %q, "e": "AQAB"}]}`, p.kid, p.n), nil
}

func (p *provider) want(t *testing.T, kid string, code refusal.Code) {
	t.Helper()
	_, err := p.keys.get(kid)
	got := &refusal.Error{}
	if errors.As(err, &got); got.Code != code {
		t.Errorf("%s: got %v, want %q", kid, err, code)
	}
}

func (p *provider) after(seconds int) {
	p.now = time.Unix(1e9, 0).Add(time.Duration(seconds) * time.Second)
}

func TestRotatedKeysAreFoundWithin30SecondsAndTheOldOnesEnd(t *testing.T) {
	p := newProvider(t)
	p.want(t, "old", "")
	p.kid = "new"
	p.want(t, "new", refusal.TokenInvalid)
	p.after(31)
	p.want(t, "new", "")
	p.want(t, "old", refusal.TokenInvalid)
	if p.asked != 2 {
		t.Errorf("asked %d times", p.asked)
	}
}

func TestKeysAreKeptAnHourAndAnHourLongerWhenTheProviderIsAway(t *testing.T) {
	p := newProvider(t)
	p.want(t, "old", "")
	p.away = true
	p.after(3599)
	p.want(t, "old", "")
	if p.asked != 1 {
		t.Errorf("asked %d times", p.asked)
	}
	p.after(3601)
	p.want(t, "old", "")
	p.after(7199)
	p.want(t, "old", "")
	p.after(7201)
	p.want(t, "old", refusal.IdentityUnavailable)
	p.away = false
	p.after(7232)
	p.want(t, "old", "")
}

func TestUnknownKidWhileTheProviderIsAwayIsNobodysFault(t *testing.T) {
	p := newProvider(t)
	p.want(t, "old", "")
	p.away = true
	p.after(31)
	p.want(t, "other", refusal.IdentityUnavailable)
	p.want(t, "old", "")
}

func TestWithoutAnyKeyItAsksAgainAfter2Seconds(t *testing.T) {
	p := newProvider(t)
	p.away = true
	for range 5 {
		p.want(t, "old", refusal.IdentityUnavailable)
	}
	if p.asked != 1 {
		t.Errorf("asked %d times", p.asked)
	}
	p.away = false
	p.after(3)
	p.want(t, "old", "")
}

func TestOddDocumentsAreAnOutage(t *testing.T) {
	for _, document := range []string{
		"", "[]", "{}", `{"keys": []}`, "\xff", `{"keys": [{"kty": "RSA", "kid": "x", "n": "AQAB", "e": "AQAB"}]}`,
		`{"keys": [{"kty": "oct", "kid": "x", "k": "AA"}]}`, `{"keys": {"a": 1}}`, `{"keys": 7}`, `{"keys": [7]}`,
	} {
		if _, err := parseJwks([]byte(document)); err == nil {
			t.Errorf("%s was taken", document)
		}
	}
}

func TestCacheLasts30Seconds(t *testing.T) {
	now := time.Unix(1e9, 0)
	users := &PostgresUsers{now: func() time.Time { return now }, cache: map[[2]string]remembered{}}
	key := [2]string{"urn:a", "user_a"}
	users.remember(key, User{ID: "1", Created: true})
	now = now.Add(29900 * time.Millisecond)
	if user, found := users.cached(key); !found || user.Created {
		t.Errorf("got %v, %v", user, found)
	}
	now = now.Add(200 * time.Millisecond)
	if _, found := users.cached(key); found {
		t.Error("kept longer")
	}
}

func TestSettingsDoNotShowTheServiceToken(t *testing.T) {
	environ := map[string]string{"APP_ENV": "development", "AUTH_LOCAL_ISSUER": "http://issuer:1", "SERVICE_AUTH_TOKEN": "svc_" + strings.Repeat("x", 43)}
	settings, err := Read(func(name string) string { return environ[name] }, "")
	if err != nil || settings.Mode != ModeLocal || !strings.HasPrefix(settings.Banner(), "AUTH MODE LOCAL") {
		t.Fatalf("got %v, %v", settings, err)
	}
	if !matches(environ["SERVICE_AUTH_TOKEN"], settings.serviceTokens) || matches("", settings.serviceTokens) || matches("", nil) {
		t.Error("wrong match")
	}
}
