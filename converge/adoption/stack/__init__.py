"""A repository's Compose files as evidence: what of them is infrastructure, and what is a service of the checkout."""
