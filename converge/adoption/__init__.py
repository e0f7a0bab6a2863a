"""Reads what a repository says about itself, and writes a first desired state from it."""
