"""The team's own `.env` files: which are declared, how their text is read, and what is in them."""
