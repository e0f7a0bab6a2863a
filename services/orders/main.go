// Command orders takes orders and tells Pub/Sub about each of them, losing none.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/jackc/pgx/v5/pgxpool"

	"platform/authkit"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "-healthy" {
		if err := healthy(); err != nil {
			fail(err)
		}
		return
	}
	settings, err := readSettings()
	if err != nil {
		fail(err)
	}
	identity := authkit.ReadOrExit(settings.Address)
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{Level: settings.LogLevel})).With("service", "orders"))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, settings, identity); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "orders:", err)
	os.Exit(1)
}

// run serves until ctx ends, then lets open requests and the current publication finish.
func run(ctx context.Context, settings Settings, identity *authkit.Settings) error {
	config, err := pgxpool.ParseConfig(settings.DatabaseURL)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	// A restarted Postgres has dropped connections that look alive; a ping on loopback costs less than a failed request.
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer pool.Close()
	if err := migrate(ctx, pool); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	users, err := authkit.NewPostgresUsers(settings.DatabaseURL)
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer users.Close()
	auth := authkit.New(identity, users)
	client, err := pubsub.NewClient(ctx, settings.Project)
	if err != nil {
		return fmt.Errorf("pubsub: %w", err)
	}
	defer client.Close()

	store := &Store{pool: pool}
	relay := &Relay{pool: pool, publisher: client.Publisher(settings.Topic), wake: make(chan struct{}, 1)}
	defer relay.publisher.Stop()
	relayed := make(chan struct{})
	go func() {
		defer close(relayed)
		relay.Run(ctx)
	}()

	listener, err := net.Listen("tcp", settings.Address)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           routes(store, &Catalog{settings.CatalogURL, auth}, auth, relay.Wake),
		ReadHeaderTimeout: 5 * time.Second,
	}
	slog.Info("ready", "address", listener.Addr().String())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	slog.Info("stopping")
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = server.Shutdown(grace)
	<-relayed
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("requests were still open 5 s after the signal")
	}
	return err
}
