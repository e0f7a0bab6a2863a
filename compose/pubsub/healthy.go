package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// healthy asks the server on the address for its topics; one that listens everywhere is asked on loopback.
func healthy(ctx context.Context, address, project string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request := &pubsubpb.ListTopicsRequest{Project: "projects/" + project, PageSize: 1}
	if _, err := pubsubpb.NewPublisherClient(connection).ListTopics(ctx, request); err != nil {
		return fmt.Errorf("%s does not answer: %w", address, err)
	}
	return nil
}
