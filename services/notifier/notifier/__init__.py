"""The notifier service: tells who wants to know that an order was placed."""
