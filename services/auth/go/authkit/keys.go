package authkit

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"platform/authkit/refusal"
)

// The provider's public keys are kept an hour, used an hour longer when it is away, and asked for at most every 30 s.
const (
	keysTTL     = time.Hour
	keysStale   = time.Hour
	keysRefetch = 30 * time.Second
	keysCold    = 2 * time.Second // between tries while there is no key at all
	keysLimit   = 64 * 1024
)

// jwks is the keys behind a URL.
type jwks struct {
	url   string
	fetch func(ctx context.Context, url string) ([]byte, error)
	now   func() time.Time

	asking sync.Mutex // held while the provider is asked: who waited finds what the first one fetched

	mutex          sync.RWMutex
	keys           map[string]*rsa.PublicKey
	fetched, tried time.Time
	failed         bool
}

// handedOver is keys from the environment, by kid: nobody is asked for others.
type handedOver map[string]*rsa.PublicKey

func (h handedOver) get(kid string) (*rsa.PublicKey, error) {
	if key := h[kid]; key != nil {
		return key, nil
	}
	return nil, refusal.New(refusal.TokenInvalid, "kid")
}

// get gives the key of a kid: token_invalid if there is none, identity_unavailable if nobody could say.
func (j *jwks) get(kid string) (*rsa.PublicKey, error) {
	if key, age := j.known(kid); key != nil && age < keysTTL {
		return key, nil
	}
	j.asking.Lock()
	defer j.asking.Unlock()
	if key, age := j.known(kid); key != nil && age < keysTTL {
		return key, nil
	}
	j.refresh()
	key, age := j.known(kid)
	usable := age < keysTTL+keysStale
	switch {
	case usable && key != nil:
		return key, nil
	case j.failed || !usable:
		return nil, refusal.New(refusal.IdentityUnavailable, "jwks")
	default:
		return nil, refusal.New(refusal.TokenInvalid, "kid")
	}
}

func (j *jwks) known(kid string) (*rsa.PublicKey, time.Duration) {
	j.mutex.RLock()
	defer j.mutex.RUnlock()
	return j.keys[kid], j.now().Sub(j.fetched)
}

// refresh is called with asking held.
func (j *jwks) refresh() {
	now, pause := j.now(), keysRefetch
	if len(j.keys) == 0 {
		pause = keysCold
	}
	if now.Sub(j.tried) < pause {
		return
	}
	j.tried = now
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	document, err := j.fetch(ctx, j.url)
	keys := map[string]*rsa.PublicKey{}
	if err == nil {
		keys, err = parseJwks(document)
	}
	j.failed = err != nil
	if err != nil {
		slog.Warn("auth keys could not be fetched", "auth_reason", "jwks", "error", err)
		return
	}
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.keys, j.fetched = keys, now
}

// parseJwks gives the RSA keys for RS256, by kid.
func parseJwks(document []byte) (map[string]*rsa.PublicKey, error) {
	var content struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(document, &content); err != nil {
		return nil, err
	}
	found := map[string]*rsa.PublicKey{}
	for _, entry := range content.Keys[:min(len(content.Keys), 16)] {
		var key struct{ Kty, Kid, Use, Alg, N, E, D string }
		if json.Unmarshal(entry, &key) != nil || key.Kty != "RSA" || key.Kid == "" || key.D != "" ||
			key.Use != "" && key.Use != "sig" || key.Alg != "" && key.Alg != "RS256" {
			continue
		}
		n, errN := base64.RawURLEncoding.DecodeString(key.N)
		e, errE := base64.RawURLEncoding.DecodeString(key.E)
		public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		if errN == nil && errE == nil && len(e) <= 4 && public.E >= 3 && public.N.BitLen() >= 2048 {
			found[key.Kid] = public
		}
	}
	if len(found) == 0 {
		return nil, errors.New("no RS256 key in the JWKS")
	}
	return found, nil
}

// fetchURL follows no redirect, and asks the local issuer (plain HTTP) past every proxy.
func fetchURL(ctx context.Context, url string) ([]byte, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if strings.HasPrefix(url, "http://") {
		transport.Proxy = nil
	}
	defer transport.CloseIdleConnections()
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := (&http.Client{Transport: transport, CheckRedirect: stay}).Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the JWKS answers %s", answer.Status)
	}
	document, err := io.ReadAll(io.LimitReader(answer.Body, keysLimit+1))
	if len(document) > keysLimit {
		return nil, errors.New("the JWKS is longer than 64 KiB")
	}
	return document, err
}
