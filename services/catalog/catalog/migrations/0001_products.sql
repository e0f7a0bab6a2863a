CREATE TABLE catalog.products (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    description text NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents >= 0)
);
