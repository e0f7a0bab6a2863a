"""Who owns each service's name and port, and the two proxies that follow it."""
