-- The one users table, filled just in time by every service. Safe to apply again.
CREATE SCHEMA IF NOT EXISTS auth;
CREATE TABLE IF NOT EXISTS auth.users (
    id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    issuer         text NOT NULL,
    subject        text NOT NULL,
    email          text, -- told by the provider, not unique: never merge accounts by it
    email_verified boolean NOT NULL DEFAULT false,
    display_name   text,
    status         text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'deleted')),
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (issuer, subject)
);
