"""Shared secrets of services: new values while they run, and tokens of the issuer."""
