CREATE TABLE notifier.notifications (
    order_id     text PRIMARY KEY, -- a message that comes twice is one notification
    product_name text NOT NULL,
    quantity     integer NOT NULL,
    deliveries   integer NOT NULL DEFAULT 1,
    received_at  timestamptz NOT NULL DEFAULT now()
);
