package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Order is what a customer ordered; it is "placed" until Pub/Sub has it, then "published".
type Order struct {
	ID          string    `json:"id"`
	ProductID   string    `json:"product_id"`
	ProductName string    `json:"product_name"`
	Quantity    int       `json:"quantity"`
	TotalCents  int64     `json:"total_cents"`
	Status      string    `json:"status"`
	CreatedAt   time.Time `json:"created_at"`
}

// ErrNoOrder says that no order has the id asked for.
var ErrNoOrder = errors.New("no such order")

const selectOrders = `SELECT o.id::text, o.product_id, o.product_name, o.quantity, o.total_cents,
	CASE WHEN b.published_at IS NULL THEN 'placed' ELSE 'published' END AS status, o.created_at
	FROM orders.orders o JOIN orders.outbox b ON b.order_id = o.id `

// Store keeps orders in Postgres.
type Store struct{ pool *pgxpool.Pool }

// Place writes the order and the message about it in one transaction: both exist or neither does.
func (store *Store) Place(ctx context.Context, product Product, quantity int) (Order, error) {
	order := Order{
		ProductID: product.ID, ProductName: product.Name, Quantity: quantity,
		TotalCents: product.PriceCents * int64(quantity), Status: "placed",
	}
	err := pgx.BeginFunc(ctx, store.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO orders.orders (product_id, product_name, quantity, total_cents)
			VALUES ($1, $2, $3, $4) RETURNING id::text, created_at`,
			order.ProductID, order.ProductName, order.Quantity, order.TotalCents).Scan(&order.ID, &order.CreatedAt)
		if err != nil {
			return err
		}
		payload, err := json.Marshal(order)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO orders.outbox (order_id, payload) VALUES ($1, $2)", order.ID, payload)
		return err
	})
	return order, err
}

// List returns the newest 100 orders, newest first.
func (store *Store) List(ctx context.Context) ([]Order, error) {
	rows, err := store.pool.Query(ctx, selectOrders+"ORDER BY o.created_at DESC LIMIT 100")
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Order])
}

// Get returns one order, or ErrNoOrder.
func (store *Store) Get(ctx context.Context, id string) (Order, error) {
	rows, err := store.pool.Query(ctx, selectOrders+"WHERE o.id = $1::text::uuid", id)
	if err != nil {
		return Order{}, err
	}
	order, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Order])
	if errors.Is(err, pgx.ErrNoRows) {
		return Order{}, ErrNoOrder
	}
	return order, err
}

// Check says whether the database answers.
func (store *Store) Check(ctx context.Context) error { return store.pool.Ping(ctx) }
