"""Start, restart or debug what a platform declares: look, decide by `transition`, act, wait until it is ready."""

from __future__ import annotations

from collections.abc import Mapping

from converge.errors import DevError
from runtime import placements
from runtime.placements.choice import Asked
from runtime.platform import Platform
from runtime.start.bring_up import Listener, bring_up, without
from runtime.start.ports import check as taken_ports

__all__ = ["Listener", "debug", "restart", "start", "taken_ports", "without"]


def start(
    platform: Platform,
    names: list[str] | None,
    on_event: Listener,
    asked: Asked | None = None,
    obstacles: Mapping[str, DevError] | None = None,
) -> dict[str, DevError]:
    """Start what is named with all it needs, independent components side by side; gives what failed and why.

    What runs and is no longer declared is ended first. Interrupted, it ends what it had begun to start. `obstacles`
    are components of which is known already why they cannot be started; they hold back only what needs them.
    """
    return bring_up(platform, names, on_event, asked or Asked(), obstacles or {})


def restart(platform: Platform, names: list[str] | None, on_event: Listener) -> dict[str, DevError]:
    """End and start again in the same placement; without names all services, not the infrastructure."""
    wanted = names or list(platform.services)
    asked = Asked(stay=_where_they_run(platform, wanted), again=frozenset(wanted))
    return start(platform, wanted, on_event, asked)


def debug(platform: Platform, name: str, on_event: Listener) -> dict[str, DevError]:
    """Start it natively under its debugger, from wherever it runs; other components keep their placement.

    It is compiled and its debugger's port looked at first, so that what cannot be debugged goes on as it was.
    """
    stay = _where_they_run(platform, [name]) | {name: "native"}
    asked = Asked(stay=stay, again=frozenset({name}), debug=frozenset({name}))
    return start(platform, [name], on_event, asked)


def _where_they_run(platform: Platform, names: list[str]) -> dict[str, str]:
    """Component -> its placement, of these and all they need that run; DevError while an engine does not answer."""
    wanted = platform.chosen(names).items()
    return {name: seen.placement for name, each in wanted if (seen := placements.certain(each)).lives}
