package main

import (
	"fmt"
	"net"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
)

// newPubSub makes Google's server without its front: pstest opens a port of its own, on which it would answer anyone.
func newPubSub() (*pstest.Server, error) {
	pubsub, err := unfronted(stopped)
	if err != nil {
		pubsub, err = unfronted(numbered)
	}
	return pubsub, err
}

// stopped has a gRPC server that was stopped before it began, so that it never accepts a connection. It needs a
// machine that knows the name localhost.
func stopped() *pstest.Server { return pstest.NewServerWithCallback(0, (*grpc.Server).Stop) }

// numbered needs no name. Its front may accept until it is closed: for microseconds, at a port that nobody knows.
func numbered() *pstest.Server { return pstest.NewServerWithAddress("127.0.0.1:0") }

func unfronted(begin func() *pstest.Server) (pubsub *pstest.Server, err error) {
	defer func() {
		if reason := recover(); reason != nil { // pstest panics when it cannot listen
			err = fmt.Errorf("cannot begin: %v", reason)
		}
	}()
	pubsub = begin()
	pubsub.Close()
	return pubsub, nil
}

// emulator answers on one address; its topics are there before it listens.
type emulator struct {
	address net.Addr
	pubsub  *pstest.Server
	front   *grpc.Server
	ended   chan error
}

// serve listens on the address, and answers there until Close.
func serve(pubsub *pstest.Server, address string) (*emulator, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, err)
	}
	made := &emulator{address: listener.Addr(), pubsub: pubsub, front: grpc.NewServer(), ended: make(chan error, 1)}
	pubsubpb.RegisterPublisherServer(made.front, &pubsub.GServer)
	pubsubpb.RegisterSubscriberServer(made.front, &pubsub.GServer)
	pubsubpb.RegisterSchemaServiceServer(made.front, &pubsub.GServer)
	go func() { made.ended <- made.front.Serve(guard(listener)) }()
	return made, nil
}

// Close ends all connections.
func (made *emulator) Close() {
	made.front.Stop()
	made.pubsub.Close()
}
