"""`./dev start --docker --watch`: services in containers follow an edit, each by a new image."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from cli import render
from runtime import placements
from runtime.component import Component
from runtime.docker import sources

EVERY = 0.5
"""Seconds between two looks at the sources. A change must be the same in two of them: an editor writes in steps."""


def follow(components: Iterable[Component], rebuild: Callable[[list[str]], object]) -> None:
    """Call `rebuild` with the names of services whose sources differ from their image, until Ctrl-C.

    Sources that could not be built are built again after their next change.
    """
    services = [component for component in components if component.is_service]
    render.say("watching the sources; Ctrl-C ends this alone, and everything goes on")
    earlier: dict[str, str] = {}
    tried: dict[str, str] = {}
    while True:
        time.sleep(EVERY)
        now = {component.name: state for component in services if (state := _edited(component))}
        due = [name for name, state in now.items() if earlier.get(name) == state != tried.get(name)]
        earlier = now
        if due:
            tried |= {name: now[name] for name in due}
            rebuild(due)


def _edited(component: Component) -> str:
    """What its sources are now, if its container's image is of others; else empty."""
    seen = placements.of("docker").look(component)
    return sources.now(component) if seen.image and sources.changed(component, seen.image) else ""
