"""Whether desired_state.lock has what desired_state.toml pins, found out by reading both."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from converge import tools
from converge.desired import Loaded
from converge.pins import providers


def stale(loaded: Loaded, lock: Mapping[str, Any], lockable: Collection[str]) -> Iterator[str]:
    """What `./dev lock` would change, as far as that is known without a network: one clause each.

    `lockable` are the tools that a lock can have; others are only looked for on the machine.
    """
    wanted = tools.wanted(loaded.desired)
    for tool, version in wanted.items():
        given = providers.of(loaded.desired, tool)
        entry, source = lock["tools"].get(tool), providers.source(given)
        if (tool in lockable or given) and not has(entry, tool, version, source):
            where = loaded.source(f"tools.{tool}") or "needed by [infra] or [docker]"
            yield f"{tool} {version} is pinned ({where}), and the lock has {_known(entry, tool, version, source)}"
    for tool in lock["tools"]:
        if tool not in wanted:
            yield f"{tool} is in the lock, and nothing needs it"
    images = {infra.image for infra in loaded.desired.infra.values() if infra.image}
    for image in lock.get("images", {}):
        if image not in images:
            yield f"the image {image} is in the lock, and nothing needs it"


def _known(entry: object, tool: str, version: str, source: str) -> str:
    """What the lock has instead."""
    if not isinstance(entry, dict) or "version" not in entry:
        return "nothing"
    other = entry.get("source", "")
    moved = other != source and has(entry, tool, version, other)
    return f"it from {other or 'another provider'} and not from {source or 'there'}" if moved else str(entry["version"])


def has(entry: object, tool: str, version: str, source: str = "") -> bool:
    """Whether an entry of the lock is for this version and from this provider; Postgres' package has its own."""
    if not isinstance(entry, dict) or entry.get("source", "") != source:
        return False
    return tool == "postgres" or tools.matches(str(entry.get("version", "")), version)
