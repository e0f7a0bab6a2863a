"""The catalog service: what the shop sells."""
