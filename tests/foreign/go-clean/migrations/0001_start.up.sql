CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE history (id serial PRIMARY KEY, original citext);
