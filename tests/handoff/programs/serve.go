package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// beat is how often the watched health changes, and with it how often a server-streaming call has something to say.
const beat = 200 * time.Millisecond

// serve speaks HTTP/2 without TLS alone, as a gRPC server does: HTTP/1.1 is not understood.
func serve() error {
	who := os.Getenv("WHO")
	calls := grpc.NewServer(grpc.UnaryInterceptor(
		func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			_ = grpc.SetHeader(ctx, metadata.Pairs("who", who))
			return next(ctx, in)
		}))
	told := health.NewServer()
	grpc_health_v1.RegisterHealthServer(calls, told)
	go func() {
		for at := 0; ; at++ {
			told.SetServingStatus("beat", grpc_health_v1.HealthCheckResponse_ServingStatus(1+at%2))
			time.Sleep(beat)
		}
	}()
	mux := http.NewServeMux()
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	mux.HandleFunc("/work", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		ms, _ := strconv.Atoi(r.URL.Query().Get("ms"))
		time.Sleep(time.Duration(ms) * time.Millisecond)
		w.Header().Set("Trailer", "X-Length")
		fmt.Fprintf(w, "%s %s", who, body)
		w.Header().Set("X-Length", strconv.Itoa(len(body)))
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		number, _ := strconv.Atoi(r.URL.Query().Get("n"))
		for at := range number {
			if _, err := fmt.Fprintf(w, "%s %d\n", who, at); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			time.Sleep(beat)
		}
	})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := http.Server{Addr: cmp.Or(os.Getenv("HOST"), "127.0.0.1") + ":" + os.Getenv("PORT"), Protocols: protocols}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			calls.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
	return server.ListenAndServe()
}
