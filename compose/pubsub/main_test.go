package main

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

func TestDeclaredTopicDeliversToItsSubscription(t *testing.T) {
	address := freeAddress(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"--address", address, "--project", "shop", "--topic", "order-placed=notifier"})
	}()

	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	calls, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	subscriber := pubsubpb.NewSubscriberClient(connection)
	name := "projects/shop/subscriptions/notifier"
	for {
		_, err := subscriber.GetSubscription(calls, &pubsubpb.GetSubscriptionRequest{Subscription: name}, grpc.WaitForReady(true))
		if err == nil {
			break
		}
		if calls.Err() != nil {
			t.Fatalf("subscription never appeared: %v", err)
		}
	}
	_, err = pubsubpb.NewPublisherClient(connection).Publish(calls, &pubsubpb.PublishRequest{
		Topic:    "projects/shop/topics/order-placed",
		Messages: []*pubsubpb.PubsubMessage{{Data: []byte("hello")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := subscriber.Pull(calls, &pubsubpb.PullRequest{Subscription: name, MaxMessages: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(pulled.ReceivedMessages) != 1 || string(pulled.ReceivedMessages[0].Message.Data) != "hello" {
		t.Fatalf("pulled %v", pulled.ReceivedMessages)
	}

	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-calls.Done():
		t.Fatal("did not end after its context ended")
	}
}

func TestEnvironmentDeclaresTopicsWhereNoFlagDoes(t *testing.T) {
	t.Setenv("PUBSUB_TOPICS", "order-placed=notifier,audit  stock-low")
	t.Setenv("PUBSUB_PROJECT_ID", "shop")
	address := freeAddress(t)
	if err := run(context.Background(), []string{"--address", address, "--healthy"}); err == nil {
		t.Fatal("healthy before anything serves")
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"--address", address}) }()
	for tries := 0; run(context.Background(), []string{"--address", address, "--healthy"}) != nil; tries++ {
		if tries == 20 {
			t.Fatal("never healthy")
		}
		time.Sleep(50 * time.Millisecond)
	}

	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	for topic, want := range map[string]int{"order-placed": 2, "stock-low": 0} {
		request := &pubsubpb.ListTopicSubscriptionsRequest{Topic: "projects/shop/topics/" + topic}
		found, err := pubsubpb.NewPublisherClient(connection).ListTopicSubscriptions(ctx, request)
		if err != nil || len(found.Subscriptions) != want {
			t.Errorf("%s: got %v, %v", topic, found.GetSubscriptions(), err)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func TestProvisioningTwiceChangesNothing(t *testing.T) {
	server, err := newPubSub()
	if err != nil {
		t.Fatal(err)
	}
	topics := topicList{{name: "order-placed", subscriptions: []string{"notifier"}}}
	for range 2 {
		if err := provision(context.Background(), &server.GServer, "shop", topics); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTakenAddressIsAnErrorThatNamesIt(t *testing.T) {
	stranger, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	address := stranger.Addr().String()
	err = run(context.Background(), []string{"--address", address})
	if err == nil || !strings.Contains(err.Error(), address) {
		t.Fatalf("got %v", err)
	}
}

func TestTooShortTopicNameIsRefused(t *testing.T) {
	var topics topicList
	if err := topics.Set("ab=notifier"); err == nil {
		t.Fatal("accepted")
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
