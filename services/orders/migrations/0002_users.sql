-- Who ordered: an id of auth.users, which another service migrates; none in rows older than users.
ALTER TABLE orders.orders ADD COLUMN user_id uuid;
CREATE INDEX orders_of_user ON orders.orders (user_id, created_at DESC);
