"""Whether desired_state.lock has what desired_state.toml pins, found out by reading both."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from converge import tools
from converge.desired import Loaded


def stale(loaded: Loaded, lock: Mapping[str, Any], lockable: Collection[str]) -> Iterator[str]:
    """What `./dev lock` would change, as far as that is known without a network: one clause each.

    `lockable` are the tools that a lock can have; others are only looked for on the machine.
    """
    wanted = tools.wanted(loaded.desired)
    for tool, version in wanted.items():
        entry = lock["tools"].get(tool)
        if tool in lockable and not has(entry, tool, version):
            known = entry["version"] if isinstance(entry, dict) and "version" in entry else "nothing"
            where = loaded.source(f"tools.{tool}") or "needed by [infra] or [docker]"
            yield f"{tool} {version} is pinned ({where}), and the lock has {known}"
    for tool in lock["tools"]:
        if tool not in wanted:
            yield f"{tool} is in the lock, and nothing needs it"
    images = {infra.image for infra in loaded.desired.infra.values() if infra.image}
    for image in lock.get("images", {}):
        if image not in images:
            yield f"the image {image} is in the lock, and nothing needs it"


def has(entry: object, tool: str, version: str) -> bool:
    """Whether an entry of the lock is for this version. Postgres' package counts versions of its own."""
    if not isinstance(entry, dict):
        return False
    return tool == "postgres" or tools.matches(str(entry.get("version", "")), version)
