// Command issuer is the local identity provider: it mints session tokens of Clerk's shape for people and tests of this machine.
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
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "-healthy" {
		if err := healthy(); err != nil {
			fmt.Fprintln(os.Stderr, "issuer:", err)
			os.Exit(1)
		}
		return
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)).With("service", "issuer"))
	settings, err := readSettings(os.Getenv)
	if err == nil {
		err = run(settings)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "issuer:", err)
		if errors.As(err, new(refused)) {
			os.Exit(78)
		}
		os.Exit(1)
	}
}

// run serves until SIGTERM or SIGINT.
func run(settings Settings) error {
	state, err := openState(settings.StateDir, settings.Secret, settings.Port)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	listener, err := net.Listen("tcp", net.JoinHostPort(settings.Host, settings.Port))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           routes(settings, newIssuer(settings, state, time.Now)),
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 32 << 10,
	}
	slog.Warn("AUTH MODE LOCAL: identities of this machine. Not for production.", "address", listener.Addr().String())
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}
