// Command pubsub serves Google's in-memory Pub/Sub on loopback, with the declared topics and subscriptions in place.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	log.SetOutput(io.Discard) // pstest alone uses it, to say that its own front was stopped
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pubsub:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("pubsub", flag.ContinueOnError)
	address := flags.String("address", environment("PUBSUB_ADDRESS", "127.0.0.1:8085"), "where to listen, HOST:PORT")
	project := flags.String("project", environment("PUBSUB_PROJECT_ID", "local"), "project the topics belong to")
	var topics topicList
	flags.Var(&topics, "topic", "topic and its subscriptions, `NAME=SUBSCRIPTION,…`; may be repeated")
	asks := flags.Bool("healthy", false, "serve nothing: end with 0 if a server answers on the address")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if *asks {
		return healthy(ctx, *address, *project)
	}
	if len(topics) == 0 {
		for _, word := range strings.Fields(os.Getenv("PUBSUB_TOPICS")) {
			if err := topics.Set(word); err != nil {
				return fmt.Errorf("PUBSUB_TOPICS: %w", err)
			}
		}
	}

	pubsub, err := newPubSub()
	if err != nil {
		return err
	}
	if err := provision(ctx, &pubsub.GServer, *project, topics); err != nil {
		return err
	}
	emulator, err := serve(pubsub, *address)
	if err != nil {
		return err
	}
	defer emulator.Close()
	slog.Info("ready", "address", emulator.address.String(), "project", *project, "topics", topics.String())
	select {
	case <-ctx.Done():
		slog.Info("stopping")
		return nil
	case err := <-emulator.ended:
		return err
	}
}

func environment(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
