"""Hides secrets in texts: known values in any encoding, and what looks like a secret."""
