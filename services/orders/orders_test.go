package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
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
	if err := migrate(ctx, pool); err != nil {
		t.Fatal(err)
	}
	return pool
}

// shop is the service's HTTP face with a catalog that sells lamps only.
func shop(t *testing.T, pool *pgxpool.Pool) *httptest.Server {
	t.Helper()
	catalog := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/products/lamp" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, `{"id": "lamp", "name": "Lamp", "price_cents": 250}`)
	}))
	t.Cleanup(catalog.Close)
	server := httptest.NewServer(routes(&Store{pool: pool}, &Catalog{url: catalog.URL}, func() {}))
	t.Cleanup(server.Close)
	return server
}

func post(t *testing.T, server *httptest.Server, body string) (int, Order) {
	t.Helper()
	answer, err := http.Post(server.URL+"/orders", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var order Order
	if err := json.NewDecoder(answer.Body).Decode(&order); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, order
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
	answer, err := http.Get(server.URL + "/orders/" + order.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var again Order
	if err := json.NewDecoder(answer.Body).Decode(&again); err != nil || again.ID != order.ID {
		t.Fatalf("got %+v, %v", again, err)
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
	answer, err := http.Get(server.URL + "/orders/none")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNotFound {
		t.Errorf("unknown order: got %d", answer.StatusCode)
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
	if stored, err := (&Store{pool: pool}).Get(ctx, order.ID); err != nil || stored.Status != "published" {
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
