"""START HERE for what is inside infrastructure: the nouns databases, topics and migrations; `flow.py` is their use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runtime.component import InfraComponent
    from runtime.platform import Platform

NOUNS: Mapping[str, str] = {
    "databases": "runtime.provision.databases",
    "topics": "runtime.provision.topics",
    "migrations": "runtime.provision.migrations",
}
"""Noun that doctor shows besides those of converge -> its module, an `Operation`."""
INSIDE: Mapping[str, str] = {"postgres": "runtime.provision.databases", "pubsub": "runtime.provision.topics"}
"""Kind of infrastructure that has declared things inside -> the module that looks at them and makes them."""


def having(platform: Platform, noun: str) -> list[InfraComponent]:
    """The infra components that have things of the noun inside."""
    return [each for each in platform.infra.values() if INSIDE.get(each.kind) == NOUNS[noun]]
