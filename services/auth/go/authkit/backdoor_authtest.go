//go:build authtest

package authkit

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"regexp"

	"platform/authkit/refusal"
)

var (
	testUserForm = regexp.MustCompile(`^[a-z0-9_]{1,40}$`)
	proxied      = []string{
		"Forwarded", "Via", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip",
		"True-Client-Ip", "Cf-Connecting-Ip",
	}
)

func init() { openBackdoor = openHeaderBackdoor }

// openHeaderBackdoor refuses unless the server binds loopback and a secret of this run is set.
func openHeaderBackdoor(getenv func(string) string, address string) (Backdoor, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !isLoopback(host) {
		return nil, fmt.Errorf("test users by header, but the address is %q, which is not loopback", address)
	}
	if getenv, err = SecretFiles(getenv, "TEST_AUTH_SECRET"); err != nil {
		return nil, err
	}
	secret := getenv("TEST_AUTH_SECRET")
	if len(secret) < 32 {
		return nil, errors.New("TEST_AUTH_SECRET of 32 or more characters, made for this run, is missing")
	}
	return headerBackdoor{sha256.Sum256([]byte(secret))}, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

type headerBackdoor struct{ digest [32]byte }

// Subject believes X-Test-User beside the right X-Test-Secret, from a peer on this machine, through no proxy.
func (b headerBackdoor) Subject(w http.ResponseWriter, r *http.Request) (string, error) {
	users, secrets := r.Header.Values("X-Test-User"), r.Header.Values("X-Test-Secret")
	if len(users) == 0 {
		return "", nil
	}
	// Middlewares rewrite the peer's address only by these headers: without them it is the real one.
	for _, name := range proxied {
		if len(r.Header.Values(name)) > 0 {
			return "", nil
		}
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err != nil || !isLoopback(host) {
		return "", nil
	}
	if len(users) > 1 || len(secrets) > 1 {
		return "", refusal.New(refusal.DuplicateCredentials, "x-test-user or x-test-secret")
	}
	given := sha256.Sum256([]byte(r.Header.Get("X-Test-Secret")))
	if subtle.ConstantTimeCompare(given[:], b.digest[:]) != 1 || !testUserForm.MatchString(users[0]) {
		return "", nil
	}
	w.Header().Set("X-Auth-Mode", "test")
	return "user_test_" + users[0], nil
}
