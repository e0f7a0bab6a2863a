CREATE TABLE orders.orders (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    product_id   text NOT NULL,
    product_name text NOT NULL,
    quantity     integer NOT NULL CHECK (quantity > 0),
    total_cents  bigint NOT NULL CHECK (total_cents >= 0),
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE orders.outbox (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id     uuid NOT NULL UNIQUE REFERENCES orders.orders (id),
    payload      jsonb NOT NULL,
    published_at timestamptz
);

CREATE INDEX outbox_unpublished ON orders.outbox (id) WHERE published_at IS NULL;
