"""Checks of `reload`: it is for a command of the team's own."""

from __future__ import annotations

from converge import toml
from converge.desired import Loaded


def check(loaded: Loaded) -> None:
    """DevError with the line of the first `reload` that would do nothing."""
    for name, service in loaded.desired.services.items():
        if service.reload and (service.once or not service.dev):
            because = f"kind {service.kind} reloads by itself" if not service.once else "it runs to its end once"
            raise toml.refuse(
                "value-wrong", f"reload of {name} has no effect", loaded.source(f"services.{name}.reload"), because,
                "delete it, or give the service a `dev` of its own",
            )  # fmt: skip
