package main

import (
	"context"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

func TestAUserWhoIsNotAcceptedGetsNoAnswer(t *testing.T) {
	needsLinux(t)
	for _, accepts := range []map[uint32]bool{{}, {uint32(os.Geteuid()) + 1: true}} {
		inner, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener := ownUserOnly(inner)
		listener.accepts = accepts
		ended := make(chan error)
		go func() { _, err := listener.Accept(); ended <- err }()
		for range 3 {
			client, err := net.Dial("tcp", inner.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			client.SetDeadline(time.Now().Add(10 * time.Second))
			if size, err := client.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
				t.Errorf("read %d bytes, %v", size, err)
			}
			client.Close()
		}
		inner.Close()
		if err := <-ended; err == nil {
			t.Error("one was accepted")
		}
		if len(listener.noted) != 1 {
			t.Errorf("one user was noted as %v", listener.noted)
		}
	}
}

func TestWhereItListensSaysWhoIsAccepted(t *testing.T) {
	for address, guards := range map[string]bool{
		"127.0.0.1:0": tellsUsers, "localhost:0": tellsUsers, "[::1]:0": tellsUsers, "0.0.0.0:0": false, ":0": false,
	} {
		listener, err := net.Listen("tcp", address)
		if err != nil && address == "[::1]:0" {
			continue // a machine without IPv6
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, found := guard(listener).(*guarded); found != guards {
			t.Errorf("%s: guarded %v", address, found)
		}
		listener.Close()
	}
}

func TestPortThatPstestOpensAnswersNobody(t *testing.T) {
	for name, begin := range map[string]func() *pstest.Server{"stopped": stopped, "numbered": numbered} {
		pubsub, err := unfronted(begin)
		if err != nil {
			t.Fatal(name, err)
		}
		connection, err := grpc.NewClient(pubsub.Addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(name, err)
		}
		defer connection.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		topic := &pubsubpb.Topic{Name: "projects/a/topics/forged"}
		if _, err = pubsubpb.NewPublisherClient(connection).CreateTopic(ctx, topic); status.Code(err) != codes.Unavailable {
			t.Errorf("%s %s: %v", name, pubsub.Addr, err)
		}
		if _, err := pubsub.GServer.CreateTopic(ctx, topic); err != nil {
			t.Errorf("%s is of no use without its front: %v", name, err)
		}
	}
}

func TestFailedBeginningIsAnError(t *testing.T) {
	nowhere := func() *pstest.Server { return pstest.NewServerWithAddress("127.0.0.1:99999") }
	if _, err := unfronted(nowhere); err == nil {
		t.Error("no error")
	}
}

func needsLinux(t *testing.T) {
	t.Helper()
	if !tellsUsers {
		t.Skip("no way to tell users on " + runtime.GOOS)
	}
}
