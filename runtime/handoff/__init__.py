"""Move a service to the engineer's own process and back."""
