ALTER TABLE notifier.notifications ADD COLUMN user_id uuid;         -- of auth.users; none in rows older than users
ALTER TABLE notifier.notifications ADD COLUMN total_cents bigint;   -- as orders told it
CREATE INDEX notifications_of_user ON notifier.notifications (user_id, received_at DESC);
