"""Start, restart or debug what a platform declares: look, decide by `transition`, act, wait until it is ready."""

from __future__ import annotations

from collections.abc import Mapping

from converge.desired import Loaded
from converge.errors import DevError
from converge.instance import Instance
from runtime import placements
from runtime.component import chosen, components
from runtime.placements.choice import Asked
from runtime.start.bring_up import Listener, bring_up, without
from runtime.start.ports import check as taken_ports

__all__ = ["Listener", "debug", "restart", "start", "taken_ports", "without"]


def start(
    loaded: Loaded,
    instance: Instance,
    names: list[str] | None,
    on_event: Listener,
    asked: Asked | None = None,
    obstacles: Mapping[str, DevError] | None = None,
) -> dict[str, DevError]:
    """Start what is named with all it needs, independent components side by side; gives what failed and why.

    What runs and is no longer declared is ended first. Interrupted, it ends what it had begun to start. `obstacles`
    are components of which is known already why they cannot be started; they hold back only what needs them.
    """
    return bring_up(loaded, instance, names, on_event, asked or Asked(), obstacles or {})


def restart(loaded: Loaded, instance: Instance, names: list[str] | None, on_event: Listener) -> dict[str, DevError]:
    """End and start again in the same placement; without names all services, not the infrastructure."""
    everyone = components(loaded, instance)
    wanted = names or [name for name, component in everyone.items() if component.is_service]
    asked = Asked(stay=_where_they_run(loaded, instance, wanted), anew=frozenset(wanted))
    return start(loaded, instance, wanted, on_event, asked)


def debug(loaded: Loaded, instance: Instance, name: str, on_event: Listener) -> dict[str, DevError]:
    """Start it natively under its debugger, from wherever it runs; other components keep their placement.

    It is compiled and its debugger's port looked at first, so that what cannot be debugged goes on as it was.
    """
    stay = _where_they_run(loaded, instance, [name]) | {name: "native"}
    asked = Asked(stay=stay, anew=frozenset({name}), debug=frozenset({name}))
    return start(loaded, instance, [name], on_event, asked)


def _where_they_run(loaded: Loaded, instance: Instance, names: list[str]) -> dict[str, str]:
    """Component -> its placement, of these and all they need that run; DevError while an engine does not answer."""
    wanted = chosen(components(loaded, instance), names)
    return {name: seen.placement for name, each in wanted.items() if (seen := placements.certain(each)).lives}
