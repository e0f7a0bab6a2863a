package authkit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"platform/authkit/internal/vectors"
)

// door is a TCP way to a server that can be shut (refuses, drops) or jammed (takes connections, says nothing).
type door struct {
	target   string
	port     int
	listener net.Listener
	mutex    sync.Mutex
	open     []net.Conn
	jammed   bool
}

func newDoor(t testing.TB, target string) *door {
	d := &door{target: target, port: freePort()}
	d.reopen(t, false)
	t.Cleanup(d.shut)
	return d
}

func (d *door) reopen(t testing.TB, jammed bool) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", d.port))
	if err != nil {
		t.Fatal(err)
	}
	d.listener, d.jammed = listener, jammed
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			d.keep(near)
			if jammed {
				continue
			}
			far, err := net.Dial("tcp", d.target)
			if err != nil {
				near.Close()
				continue
			}
			d.keep(far)
			go func() { _, _ = io.Copy(near, far); near.Close() }()
			go func() { _, _ = io.Copy(far, near); far.Close() }()
		}
	}()
}

func (d *door) keep(connection net.Conn) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.open = append(d.open, connection)
}

func (d *door) shut() {
	d.listener.Close()
	d.mutex.Lock()
	defer d.mutex.Unlock()
	for _, connection := range d.open {
		connection.Close()
	}
	d.open = nil
}

func bearer(subject string, more ...func(*vectors.Case)) [][2]string {
	c := vectors.Case{Claims: map[string]any{"sub": subject}}
	for _, change := range more {
		change(&c)
	}
	return [][2]string{{"Authorization", "Bearer " + file.Token(keys, vectors.Apps["local"], c)}}
}

func want(t *testing.T, got answer, status int, code string) {
	t.Helper()
	if got.status != status || got.code() != code {
		t.Errorf("got %d %v, want %d %s", got.status, got.body, status, code)
	}
}

func until200(t *testing.T, s *service, headers [][2]string, limit time.Duration) {
	t.Helper()
	for began := time.Now(); time.Since(began) < limit; time.Sleep(50 * time.Millisecond) {
		if s.get(t, "/me", headers).status == 200 {
			t.Logf("recovered after %s", time.Since(began).Round(time.Millisecond))
			return
		}
	}
	t.Errorf("no recovery within %s", limit)
}

func through(address *url.URL, d *door) string {
	way := *address
	way.Host = fmt.Sprintf("127.0.0.1:%d", d.port)
	return way.String()
}

func Test64FirstRequestsMakeOneRow(t *testing.T) {
	address, connection := database(t)
	environ := environment("local", newIssuer(t).url())
	environ["DATABASE_URL"] = address.String()
	s, headers := serve(t, "", environ), bearer("user_rush")
	var threads sync.WaitGroup
	ids := sync.Map{}
	for range 64 {
		threads.Go(func() {
			got := s.get(t, "/me", headers)
			if got.status != 200 {
				t.Errorf("got %d %v", got.status, got.body)
			}
			ids.Store(got.body["id"], true)
		})
	}
	threads.Wait()
	different := 0
	ids.Range(func(any, any) bool { different++; return true })
	if found := count(t, connection, "user_rush"); found != 1 || different != 1 {
		t.Errorf("%d rows, %d ids", found, different)
	}
	id, _ := s.get(t, "/me", headers).body["id"].(string)
	acting := s.get(t, "/me", [][2]string{{"X-Service-Token", keys.Service}, {"X-On-Behalf-Of", id}})
	if acting.status != 200 || acting.body["id"] != id {
		t.Errorf("acting: got %v", acting)
	}
	for _, nobody := range []string{"x", "' OR 1=1", strings.ToUpper(id), id + "0"} {
		want(t, s.get(t, "/me", [][2]string{{"X-Service-Token", keys.Service}, {"X-On-Behalf-Of", nobody}}), 403, "forbidden")
	}
	if _, err := connection.Exec(context.Background(), "INSERT INTO auth.users (issuer, subject, status) VALUES ('urn:platform:local', 'user_tomb', 'deleted')"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		want(t, s.get(t, "/me", bearer("user_tomb")), 403, "account_disabled")
	}
}

func TestDatabaseAwayIs503AndComesBack(t *testing.T) {
	for _, jammed := range []bool{false, true} {
		t.Run(fmt.Sprintf("jammed=%v", jammed), func(t *testing.T) {
			address, _ := database(t)
			d := newDoor(t, address.Host)
			environ := environment("local", newIssuer(t).url())
			environ["DATABASE_URL"] = through(address, d)
			s := serve(t, "", environ)
			want(t, s.get(t, "/me", bearer("user_known")), 200, "")
			d.shut()
			if jammed {
				d.reopen(t, true)
			}
			began := time.Now()
			for number := range 2 {
				got := s.get(t, "/me", bearer(fmt.Sprintf("user_new%d", number)))
				want(t, got, 503, "provisioning_unavailable")
				if got.header.Get("Retry-After") != "2" {
					t.Error("no Retry-After")
				}
			}
			if time.Since(began) > 12*time.Second {
				t.Errorf("took %s", time.Since(began))
			}
			want(t, s.get(t, "/me", bearer("user_known")), 200, "")
			if jammed {
				d.shut()
			}
			d.reopen(t, false)
			until200(t, s, bearer("user_new0"), 8*time.Second)
		})
	}
}

func TestTableMissingIs503UntilItIsMade(t *testing.T) {
	address, connection := database(t)
	environ := environment("local", newIssuer(t).url())
	environ["DATABASE_URL"] = address.String()
	s, ctx := serve(t, "", environ), context.Background()
	if _, err := connection.Exec(ctx, "ALTER TABLE auth.users RENAME TO away"); err != nil {
		t.Fatal(err)
	}
	want(t, s.get(t, "/me", bearer("user_untabled")), 503, "provisioning_unavailable")
	if _, err := connection.Exec(ctx, "ALTER TABLE auth.away RENAME TO users"); err != nil {
		t.Fatal(err)
	}
	want(t, s.get(t, "/me", bearer("user_untabled")), 200, "")
}

func TestIssuerAwayIs503WhenColdAndNothingWhenWarm(t *testing.T) {
	issuer := newIssuer(t)
	issuer.stop()
	s := serve(t, "", environment("local", issuer.url()))
	want(t, s.get(t, "/me", bearer("user_vector")), 503, "identity_unavailable")
	want(t, s.get(t, "/me", bearer("user_vector", func(c *vectors.Case) { c.Mangle = "two-parts" })), 401, "token_invalid")
	issuer.start()
	until200(t, s, bearer("user_vector"), 5*time.Second)
	issuer.stop()
	want(t, s.get(t, "/me", bearer("user_vector")), 200, "")
}

func TestFloodOfUnknownKidsAsksTheIssuerOnce(t *testing.T) {
	issuer := newIssuer(t)
	s := serve(t, "", environment("local", issuer.url()))
	want(t, s.get(t, "/me", bearer("user_vector")), 200, "")
	asked := issuer.asked.Load()
	var threads sync.WaitGroup
	for number := range 200 {
		threads.Go(func() {
			got := s.get(t, "/me", bearer("user_vector", func(c *vectors.Case) { c.Header = map[string]any{"kid": fmt.Sprint("ins_", number)} }))
			want(t, got, 401, "token_invalid")
		})
	}
	threads.Wait()
	if more := issuer.asked.Load() - asked; more > 1 {
		t.Errorf("asked %d times", more)
	}
}

func TestKeysHandedOverAreBelievedAndWhoeverHasTheIssuersPortIsNot(t *testing.T) {
	forged := []string{vectors.Kid, "ins_forged"}
	var asked atomic.Int64
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{vectors.Jwk(keys.Other, forged[0]), vectors.Jwk(keys.Other, forged[1])}})
	}))
	defer fake.Close()
	for _, mode := range []string{"local", "test"} {
		environ := environment(mode, fake.URL)
		environ["AUTH_LOCAL_ISSUER_KEYS"] = string(keys.Jwks(vectors.Kid))
		s := serve(t, "", environ)
		for _, kid := range forged {
			got := s.get(t, "/me", bearer("user_vector", func(c *vectors.Case) {
				c.Sign, c.Header = vectors.Sign{Key: "other"}, map[string]any{"kid": kid}
			}))
			want(t, got, 401, "token_invalid")
		}
		want(t, s.get(t, "/me", bearer("user_vector")), 200, "")
	}
	if asked.Load() != 0 {
		t.Errorf("the fake was asked %d times", asked.Load())
	}
}

func TestClockOffBy10SecondsIsTokenInvalidUnlessAllowed(t *testing.T) {
	ahead := func(c *vectors.Case) {
		at := func(seconds float64) map[string]any { return map[string]any{"now": seconds} }
		c.Claims["iat"], c.Claims["nbf"], c.Claims["exp"] = at(10), at(10), at(70)
	}
	issuer := newIssuer(t)
	for skew, status := range map[string]int{"5": 401, "15": 200} {
		environ := environment("local", issuer.url())
		environ["AUTH_CLOCK_SKEW_S"] = skew
		got := serve(t, "", environ).get(t, "/me", bearer("user_vector", ahead))
		if got.status != status {
			t.Errorf("skew %s: got %d %v", skew, got.status, got.body)
		}
	}
}
