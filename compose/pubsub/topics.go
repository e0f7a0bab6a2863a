package main

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// topic is a declared topic and the subscriptions that receive its messages.
type topic struct {
	name          string
	subscriptions []string
}

// topicList collects repeated --topic flags.
type topicList []topic

func (list *topicList) String() string {
	words := make([]string, len(*list))
	for i, each := range *list {
		words[i] = each.name + "=" + strings.Join(each.subscriptions, ",")
	}
	return strings.Join(words, " ")
}

// Set reads one NAME=SUBSCRIPTION,… value; a topic without subscriptions is NAME alone.
func (list *topicList) Set(value string) error {
	name, subscriptions, _ := strings.Cut(value, "=")
	if len(name) < 3 {
		return fmt.Errorf("topic %q: Pub/Sub names have at least 3 characters", name)
	}
	each := topic{name: name}
	for _, subscription := range strings.Split(subscriptions, ",") {
		if subscription != "" {
			each.subscriptions = append(each.subscriptions, subscription)
		}
	}
	*list = append(*list, each)
	return nil
}

// provision makes the declared topics and subscriptions; those that exist are left alone.
func provision(ctx context.Context, server *pstest.GServer, project string, topics topicList) error {
	for _, each := range topics {
		topicName := "projects/" + project + "/topics/" + each.name
		if _, err := server.CreateTopic(ctx, &pubsubpb.Topic{Name: topicName}); unexpected(err) {
			return fmt.Errorf("topic %s: %w", each.name, err)
		}
		for _, subscription := range each.subscriptions {
			request := &pubsubpb.Subscription{
				Name:               "projects/" + project + "/subscriptions/" + subscription,
				Topic:              topicName,
				AckDeadlineSeconds: 10,
			}
			if _, err := server.CreateSubscription(ctx, request); unexpected(err) {
				return fmt.Errorf("subscription %s: %w", subscription, err)
			}
		}
	}
	return nil
}

func unexpected(err error) bool {
	return err != nil && status.Code(err) != codes.AlreadyExists
}
