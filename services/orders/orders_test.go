package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"platform/authkit"
)

// database makes a database of its own on the server of DATABASE_URL and drops it afterwards.
func database(t *testing.T) *pgxpool.Pool {
	t.Helper()
	server := os.Getenv("DATABASE_URL")
	if server == "" {
		t.Skip("needs Postgres: set DATABASE_URL (`./dev test` does)")
	}
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_orders_%d", time.Now().UnixNano())
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + name
	pool, err := pgxpool.New(ctx, address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		pool.Close()
		if _, err := admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		admin.Close(ctx)
	})
	users, err := os.ReadFile("../auth/python/platform_auth/migrations/0001_users.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, string(users)); err != nil {
		t.Fatal(err)
	}
	if err := migrate(ctx, pool); err != nil {
		t.Fatal(err)
	}
	return pool
}

// platform is the service's HTTP face, with a catalog that sells lamps only and an issuer whose users are made here.
type platform struct {
	*httptest.Server
	key   *rsa.PrivateKey
	heard http.Header // of the last request to the catalog
}

const serviceToken = "svc_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

func shop(t *testing.T, pool *pgxpool.Pool) *platform {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	made := &platform{key: key}
	catalog := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		made.heard = r.Header
		if r.URL.Path != "/products/lamp" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"id": "lamp", "name": "Lamp", "price_cents": 250}`)
	}))
	t.Cleanup(catalog.Close)
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := base64.RawURLEncoding.EncodeToString(key.N.Bytes())
		fmt.Fprintf(w, `{"keys": [{"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "e": "AQAB", "n": %q}]}`, n)
	}))
	t.Cleanup(issuer.Close)
	environ := map[string]string{"APP_ENV": "development", "AUTH_LOCAL_ISSUER": issuer.URL, "SERVICE_AUTH_TOKEN": serviceToken}
	settings, err := authkit.Read(func(name string) string { return environ[name] }, "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	users, err := authkit.NewPostgresUsers(pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(users.Close)
	auth := authkit.New(settings, users)
	made.Server = httptest.NewServer(routes(&Store{pool: pool}, &Catalog{catalog.URL, auth}, auth, func() {}))
	t.Cleanup(made.Close)
	return made
}

// token is a session of the user, as the local issuer would mint it.
func (p *platform) token(t *testing.T, user string) string {
	t.Helper()
	now := time.Now().Unix()
	claims := fmt.Sprintf(`{"iss": "urn:platform:local", "azp": "urn:platform:web", "sub": "user_%s", "sid": "sess_1", "iat": %d, "exp": %d, "v": 2}`,
		user, now, now+60)
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","kid":"1"}`)) + "." +
		base64.RawURLEncoding.EncodeToString([]byte(claims))
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, p.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// ask gives the status, and what the answer says into the value.
func (p *platform) ask(t *testing.T, method, path, body string, headers map[string]string, into any) int {
	t.Helper()
	request, err := http.NewRequest(method, p.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

func as(token string) map[string]string { return map[string]string{"Authorization": token} }

func post(t *testing.T, server *platform, body string) (int, Order) {
	t.Helper()
	var order Order
	return server.ask(t, "POST", "/orders", body, as(server.token(t, "ada")), &order), order
}

func TestMigratingAgainChangesNothing(t *testing.T) {
	if err := migrate(context.Background(), database(t)); err != nil {
		t.Fatal(err)
	}
}

func TestPlacedOrderCanBeReadAndCostsWhatTheCatalogSays(t *testing.T) {
	server := shop(t, database(t))
	code, order := post(t, server, `{"product_id": "lamp", "quantity": 3}`)
	if code != http.StatusCreated || order.TotalCents != 750 || order.Status != "placed" {
		t.Fatalf("got %d %+v", code, order)
	}
	var again Order
	if code := server.ask(t, "GET", "/orders/"+order.ID, "", as(server.token(t, "ada")), &again); code != 200 || again != order {
		t.Fatalf("got %d %+v", code, again)
	}
}

func TestOrdersBelongToTheUserWhoPlacedThem(t *testing.T) {
	server := shop(t, database(t))
	_, order := post(t, server, `{"product_id": "lamp", "quantity": 1}`)
	ada, bob := as(server.token(t, "ada")), as(server.token(t, "bob"))
	for _, each := range []struct {
		who  map[string]string
		want int
	}{{ada, 1}, {bob, 0}} {
		var list []Order
		if code := server.ask(t, "GET", "/orders", "", each.who, &list); code != 200 || len(list) != each.want {
			t.Errorf("got %d %+v, want %d", code, list, each.want)
		}
	}
	var refused map[string]any
	if code := server.ask(t, "GET", "/orders/"+order.ID, "", bob, &refused); code != http.StatusNotFound {
		t.Errorf("another user's order: got %d", code)
	}
	var seen Order
	behalf := map[string]string{"X-Service-Token": serviceToken, "X-On-Behalf-Of": order.UserID}
	if code := server.ask(t, "GET", "/orders/"+order.ID, "", behalf, &seen); code != 200 || seen.ID != order.ID {
		t.Errorf("a service for the user: got %d %+v", code, seen)
	}
}

func TestOrdersOfBeforeThereWereUsersAreNobodys(t *testing.T) {
	pool := database(t)
	server := shop(t, pool)
	ctx := context.Background()
	_, err := pool.Exec(ctx, `WITH old AS (INSERT INTO orders.orders (product_id, product_name, quantity, total_cents)
		VALUES ('lamp', 'Lamp', 1, 250) RETURNING id) INSERT INTO orders.outbox (order_id, payload) SELECT id, '{}' FROM old`)
	if err != nil {
		t.Fatal(err)
	}
	var list []Order
	if code := server.ask(t, "GET", "/orders", "", as(server.token(t, "ada")), &list); code != 200 || len(list) != 0 {
		t.Errorf("got %d %+v", code, list)
	}
}

func TestTheCatalogIsAskedAsTheUserWithTheServiceToken(t *testing.T) {
	server := shop(t, database(t))
	token, order := server.token(t, "ada"), Order{}
	if code := server.ask(t, "POST", "/orders", `{"product_id": "lamp", "quantity": 1}`, as(token), &order); code != http.StatusCreated {
		t.Fatalf("got %d", code)
	}
	if server.heard.Get("X-Service-Token") != serviceToken || server.heard.Get("Authorization") != token {
		t.Errorf("got %v", server.heard)
	}
}

func TestWhoMayNotAskIsToldSo(t *testing.T) {
	server := shop(t, database(t))
	for _, each := range []struct {
		headers map[string]string
		status  int
		code    string
	}{
		{nil, 401, "auth_required"},
		{map[string]string{"X-Service-Token": serviceToken}, 401, "auth_required"},
		{map[string]string{"X-Service-Token": "svc_guessed"}, 401, "service_token_invalid"},
		{map[string]string{"X-On-Behalf-Of": "00000000-0000-4000-8000-000000000000"}, 401, "service_token_invalid"},
		{as("Bearer nonsense"), 401, "token_invalid"},
		{as(server.token(t, "ada") + "x"), 401, "token_invalid"},
	} {
		for _, path := range []string{"/orders", "/orders/00000000-0000-4000-8000-000000000000"} {
			var body struct{ Error struct{ Code string } }
			if status := server.ask(t, "GET", path, "", each.headers, &body); status != each.status || body.Error.Code != each.code {
				t.Errorf("%v: got %d %s, want %d %s", each.headers, status, body.Error.Code, each.status, each.code)
			}
		}
	}
}

func TestNotReadyWithoutTheUsersTable(t *testing.T) {
	pool := database(t)
	server := shop(t, pool)
	var body map[string]any
	if code := server.ask(t, "GET", "/readyz", "", nil, &body); code != 200 {
		t.Fatalf("got %d", code)
	}
	if _, err := pool.Exec(context.Background(), "DROP SCHEMA auth CASCADE"); err != nil {
		t.Fatal(err)
	}
	if code := server.ask(t, "GET", "/readyz", "", nil, &body); code != 503 {
		t.Errorf("got %d", code)
	}
}

func TestWhatCannotBeOrderedIsRefused(t *testing.T) {
	server := shop(t, database(t))
	for body, want := range map[string]int{
		`{"product_id": "boat", "quantity": 1}`:         http.StatusUnprocessableEntity,
		`{"product_id": "lamp", "quantity": 0}`:         http.StatusUnprocessableEntity,
		`{"product_id": "lamp", "quantity": 1001}`:      http.StatusUnprocessableEntity,
		`{"product_id": "lamp", "quantity": 1, "x": 1}`: http.StatusBadRequest,
		`not JSON`: http.StatusBadRequest,
	} {
		if code, _ := post(t, server, body); code != want {
			t.Errorf("%s: got %d, want %d", body, code, want)
		}
	}
	var refused map[string]any
	if code := server.ask(t, "GET", "/orders/none", "", as(server.token(t, "ada")), &refused); code != http.StatusNotFound {
		t.Errorf("unknown order: got %d", code)
	}
}

func TestOutboxLosesNoOrderWhilePubSubIsAway(t *testing.T) {
	pool := database(t)
	server := shop(t, pool)
	ctx := context.Background()
	fake := pstest.NewServer()
	defer fake.Close()
	connection, err := grpc.NewClient(fake.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	client, err := pubsub.NewClient(ctx, "test", option.WithGRPCConn(connection))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topic := "projects/test/topics/orders-test"
	relay := &Relay{pool: pool, publisher: client.Publisher(topic), wake: make(chan struct{}, 1)}

	_, order := post(t, server, `{"product_id": "lamp", "quantity": 1}`)
	if _, err := relay.once(ctx); err == nil {
		t.Fatal("published to a topic that does not exist")
	}
	if _, err := client.TopicAdminClient.CreateTopic(ctx, &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
	relay.publisher = client.Publisher(topic)
	for round, want := range []int{1, 0} {
		if published, err := relay.once(ctx); err != nil || published != want {
			t.Fatalf("round %d: got %d, %v", round, published, err)
		}
	}
	messages := fake.Messages()
	if len(messages) != 1 || messages[0].Attributes["order_id"] != order.ID {
		t.Fatalf("got %d messages", len(messages))
	}
	if stored, err := (&Store{pool: pool}).Get(ctx, order.UserID, order.ID); err != nil || stored.Status != "published" {
		t.Fatalf("got %+v, %v", stored, err)
	}
}

func TestMissingVariablesAreNamedAtOnce(t *testing.T) {
	for _, name := range []string{"PORT", "DATABASE_URL", "CATALOG_URL", "PUBSUB_PROJECT_ID", "ORDERS_TOPIC"} {
		t.Setenv(name, "")
	}
	_, err := readSettings()
	if err == nil || !strings.Contains(err.Error(), "PORT, DATABASE_URL") {
		t.Fatalf("got %v", err)
	}
}

func TestHealthCheckSaysWhatReadyzSays(t *testing.T) {
	code := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked %s", r.URL.Path)
		}
		w.WriteHeader(code)
	}))
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PORT", address.Port())
	if err := healthy(); err != nil {
		t.Error(err)
	}
	code = http.StatusServiceUnavailable
	if err := healthy(); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v", err)
	}
	server.Close()
	if err := healthy(); err == nil {
		t.Error("healthy without a server")
	}
}

func TestACatalogThatRestartsIsAskedAgain(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	go func() {
		time.Sleep(300 * time.Millisecond)
		again, err := net.Listen("tcp", address)
		if err != nil {
			t.Error(err)
			return
		}
		http.Serve(again, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	}()
	ask := func() (*http.Response, error) { return http.Get("http://" + address) }
	response, err := untilAnswered(context.Background(), ask)
	if err != nil || response.StatusCode != http.StatusTeapot {
		t.Fatalf("got %v, %v", response, err)
	}
	gone, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	refused := func() (*http.Response, error) { return http.Get("http://127.0.0.1:1") }
	if _, err := untilAnswered(gone, refused); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("got %v", err)
	}
}
