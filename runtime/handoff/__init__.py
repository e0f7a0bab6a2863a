"""Hand a service off to the engineer's own process and take it back."""
