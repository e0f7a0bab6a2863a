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
	UserID      string    `json:"user_id"`
	ProductID   string    `json:"product_id"`
	ProductName string    `json:"product_name"`
	Quantity    int       `json:"quantity"`
	TotalCents  int64     `json:"total_cents"`
	Status      string    `json:"status"`
	CreatedAt   time.Time `json:"created_at"`
}

// ErrNoOrder says that no order has the id asked for.
var ErrNoOrder = errors.New("no such order")

const selectOrders = `SELECT o.id::text, o.user_id::text, o.product_id, o.product_name, o.quantity, o.total_cents,
	CASE WHEN b.published_at IS NULL THEN 'placed' ELSE 'published' END AS status, o.created_at
	FROM orders.orders o JOIN orders.outbox b ON b.order_id = o.id WHERE o.user_id = $1::text::uuid `

// Store keeps orders in Postgres.
type Store struct{ pool *pgxpool.Pool }

// Place writes the order and the message about it in one transaction: both exist or neither does.
func (store *Store) Place(ctx context.Context, userID string, product Product, quantity int) (Order, error) {
	order := Order{
		UserID: userID, ProductID: product.ID, ProductName: product.Name, Quantity: quantity,
		TotalCents: product.PriceCents * int64(quantity), Status: "placed",
	}
	err := pgx.BeginFunc(ctx, store.pool, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `INSERT INTO orders.orders (user_id, product_id, product_name, quantity, total_cents)
			VALUES ($1::text::uuid, $2, $3, $4, $5) RETURNING id::text, created_at`,
			order.UserID, order.ProductID, order.ProductName, order.Quantity, order.TotalCents).Scan(&order.ID, &order.CreatedAt)
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

// List returns the newest 100 orders of a user, newest first.
func (store *Store) List(ctx context.Context, userID string) ([]Order, error) {
	rows, err := store.pool.Query(ctx, selectOrders+"ORDER BY o.created_at DESC LIMIT 100", userID)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[Order])
}

// Get returns one order of a user, or ErrNoOrder: another user's is as good as none.
func (store *Store) Get(ctx context.Context, userID, id string) (Order, error) {
	rows, err := store.pool.Query(ctx, selectOrders+"AND o.id = $2::text::uuid", userID, id)
	if err != nil {
		return Order{}, err
	}
	order, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[Order])
	if errors.Is(err, pgx.ErrNoRows) {
		return Order{}, ErrNoOrder
	}
	return order, err
}

// Check says whether the database answers and has the users table, without which nobody could order.
func (store *Store) Check(ctx context.Context) error {
	_, err := store.pool.Exec(ctx, "SELECT FROM auth.users LIMIT 1")
	return err
}
