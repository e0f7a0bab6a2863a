"""Containers and images of an instance, made by Compose and the engine."""
