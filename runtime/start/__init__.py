"""Start, restart or debug what a platform declares: look, decide by `transition`, act, wait until it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future

from converge.errors import DevError
from runtime import placements
from runtime.placements.choice import Asked
from runtime.platform import Platform
from runtime.services import debugging
from runtime.start import home
from runtime.start.bring_up import Listener, bring_up, without
from runtime.start.ports import check as taken_ports

__all__ = ["Listener", "debug", "restart", "start", "taken_ports", "without"]


def start(
    platform: Platform,
    names: list[str] | None,
    on_event: Listener,
    asked: Asked | None = None,
    obstacles: Mapping[str, DevError] | None = None,
    installing: Mapping[str, Future[DevError | None]] | None = None,
) -> dict[str, DevError]:
    """Start what is named with all it needs, independent components side by side; gives what failed and why.

    Components that run and are no longer declared are stopped first. An interrupted start stops what it began to
    start. `obstacles` maps components to the known reason why they cannot start; only what needs them is not started.
    A service in `installing` is waited for until its packages are installed.
    """
    return bring_up(platform, names, on_event, asked or Asked(), obstacles or {}, installing or {})


def restart(platform: Platform, names: list[str] | None, on_event: Listener) -> dict[str, DevError]:
    """Stop and start again in the same placement; without names all services, not the infrastructure.

    A service under its debugger leaves it, and returns to the placement that it had before.
    """
    wanted = names or list(platform.services)
    debugged = [name for name in wanted if debugging.under(platform.components[name])]
    stay = _where_they_run(platform, wanted) | {name: home.of(platform.components[name]) for name in debugged}
    asked = Asked(stay=stay, again=frozenset(wanted))
    return start(platform, wanted, on_event, asked)


def debug(platform: Platform, name: str, on_event: Listener) -> dict[str, DevError]:
    """Start it natively under its debugger, in whichever placement it runs now; others keep their placement.

    It is compiled and its debugger's port is checked first, so that a service that cannot be debugged keeps running.
    """
    stay = _where_they_run(platform, [name]) | {name: "native"}
    home.leave(platform.components[name], placements.certain(platform.components[name]))
    asked = Asked(stay=stay, again=frozenset({name}), debug=frozenset({name}))
    return start(platform, [name], on_event, asked)


def _where_they_run(platform: Platform, names: list[str]) -> dict[str, str]:
    """Component -> its placement, for `names` and their needs that run; DevError if an engine does not answer."""
    wanted = platform.chosen(names).items()
    return {name: seen.placement for name, each in wanted if (seen := placements.certain(each)).lives}
