package main

import (
	"context"
	"log/slog"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	batch          = 20
	publishTimeout = 5 * time.Second
	pause          = time.Second // between looks at an outbox nobody woke us for
)

// Relay publishes what stands in the outbox, at least once: a crash between publishing and marking publishes again,
// so receivers go by the order's id.
type Relay struct {
	pool      *pgxpool.Pool
	publisher *pubsub.Publisher
	wake      chan struct{}
}

// Wake makes the relay look now; it never blocks.
func (relay *Relay) Wake() {
	select {
	case relay.wake <- struct{}{}:
	default:
	}
}

// Run relays until ctx ends. The publication under way then still gets its time.
func (relay *Relay) Run(ctx context.Context) {
	for ctx.Err() == nil {
		published, err := relay.once(context.WithoutCancel(ctx))
		if err != nil {
			slog.Warn("outbox waits", "error", err)
		} else if published == batch {
			continue
		}
		select {
		case <-ctx.Done():
		case <-relay.wake:
		case <-time.After(pause):
		}
	}
}

// once publishes one batch and says how many it was. SKIP LOCKED lets several instances relay side by side.
func (relay *Relay) once(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	published := 0
	err := pgx.BeginFunc(ctx, relay.pool, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT id, order_id::text, payload FROM orders.outbox
			WHERE published_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED`, batch)
		if err != nil {
			return err
		}
		type message struct {
			ID      int64
			OrderID string
			Payload []byte
		}
		messages, err := pgx.CollectRows(rows, pgx.RowToStructByPos[message])
		if err != nil {
			return err
		}
		results := make([]*pubsub.PublishResult, len(messages))
		ids := make([]int64, len(messages))
		for i, each := range messages {
			ids[i] = each.ID
			results[i] = relay.publisher.Publish(ctx, &pubsub.Message{
				Data: each.Payload, Attributes: map[string]string{"order_id": each.OrderID},
			})
		}
		for _, result := range results {
			if _, err := result.Get(ctx); err != nil {
				return err
			}
		}
		if len(ids) == 0 {
			return nil
		}
		published = len(ids)
		_, err = tx.Exec(ctx, "UPDATE orders.outbox SET published_at = now() WHERE id = ANY($1)", ids)
		return err
	})
	return published, err
}
