"""START HERE for the content of infrastructure: the nouns databases, topics, migrations; `flow.py` uses them."""

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
    "images": "runtime.docker.outdated",
}
"""Noun that doctor shows in addition to those of converge -> its module, an `Operation`."""
INSIDE: Mapping[str, str] = {"postgres": "runtime.provision.databases", "pubsub": "runtime.provision.topics"}
"""Kind of infrastructure with declared content -> the module that looks it up and makes it."""


def having(platform: Platform, noun: str) -> list[InfraComponent]:
    """The infra components whose content the noun describes."""
    return [each for each in platform.infra.values() if INSIDE.get(each.kind) == NOUNS[noun]]
