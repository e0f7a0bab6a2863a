package main

import (
	"bufio"
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// chunks is how many parts of a stream are waited for.
const chunks = 5

// looked is what came through; times are milliseconds since the request.
type looked struct {
	Protocol string   `json:"protocol"`
	Lines    []string `json:"lines"`
	Arrived  []int64  `json:"arrived"`
	Call     string   `json:"call"`
	Watched  []int64  `json:"watched"`
	Refusal  string   `json:"refusal"`
}

func look(address string) looked {
	found, began := looked{}, time.Now()
	answer, err := client(true, true).Get("http://" + address + "/stream?n=5")
	if err != nil {
		panic(err)
	}
	defer answer.Body.Close()
	found.Protocol = answer.Proto
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		found.Lines = append(found.Lines, lines.Text())
		found.Arrived = append(found.Arrived, time.Since(began).Milliseconds())
	}
	there := grpc_health_v1.NewHealthClient(dial(address))
	ctx, end := context.WithTimeout(context.Background(), patience)
	defer end()
	var header metadata.MD
	if _, err = there.Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&header)); err != nil {
		panic(err)
	}
	found.Call = header.Get("who")[0]
	// a status of its own travels in the trailers, and nothing else would carry it
	_, err = there.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: "nobody"})
	found.Refusal = status.Code(err).String()
	began = time.Now()
	stream, err := there.Watch(ctx, &grpc_health_v1.HealthCheckRequest{Service: "beat"})
	for err == nil && len(found.Watched) < chunks {
		if _, err = stream.Recv(); err == nil {
			found.Watched = append(found.Watched, time.Since(began).Milliseconds())
		}
	}
	return found
}
