package main

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrations embed.FS

// lockKey is any number no other service uses for its advisory lock.
const lockKey = 18082

// migrate applies, in name order and in one transaction, every migration not yet applied. Two at once wait for each other.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		const prepare = `CREATE SCHEMA IF NOT EXISTS orders;
			CREATE TABLE IF NOT EXISTS orders.migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", lockKey); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, prepare); err != nil {
			return err
		}
		for _, name := range names {
			done, err := tx.Exec(ctx, "INSERT INTO orders.migrations (name) VALUES ($1) ON CONFLICT DO NOTHING", name)
			if err != nil {
				return err
			}
			if done.RowsAffected() == 0 {
				continue
			}
			sql, err := migrations.ReadFile(name)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, string(sql)); err != nil {
				return err
			}
			slog.Info("migrated", "name", name)
		}
		return nil
	})
}
