"""The owner of each service's name and port, and the two proxies that forward to it."""
