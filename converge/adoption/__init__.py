"""Reads what a repository says about itself, and makes a first desired state of it."""
