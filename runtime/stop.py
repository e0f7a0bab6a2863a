"""Stop components in every placement, also those that are no longer declared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from converge import leftovers
from converge.desired import Service
from converge.errors import DevError
from converge.instance import EDGE
from runtime import placements
from runtime.component import Component, ServiceComponent
from runtime.docker import containers
from runtime.platform import Platform
from runtime.provision import notes
from runtime.routes import owner_map


def stop(platform: Platform, names: list[str] | None) -> list[str]:
    """Stop the named components (without names: all, services before infrastructure); gives those that ran.

    If one cannot be stopped, the others are still stopped; its DevError is raised at the end.
    """
    wanted = list(map(platform.component, names)) if names else [*undeclared(platform), *platform.components.values()]
    ended: set[str] = set()
    problems: list[DevError] = []

    def one(component: Component) -> None:
        try:
            if _end(platform, component, for_good=bool(names)):
                ended.add(component.name)
            notes.succeeded(component)  # a stopped component has no failure to report
        except DevError as problem:
            problems.append(problem)

    for group in ([c for c in wanted if c.is_service], [c for c in wanted if not c.is_service]):
        with ThreadPoolExecutor(max_workers=len(group) or 1) as pool:
            list(pool.map(one, group))
    try:
        _close_routes(platform, all_of_them=not names)
    except DevError as problem:
        problems.append(problem)
    gone = [component.name for component in wanted if component.name in ended]
    if problems:
        problems[0].hint += f"; stopped were {', '.join(gone)}" if gone else ""
        raise problems[0]
    return gone


def _end(platform: Platform, component: Component, for_good: bool) -> bool:
    """Stop it in every placement and end a hand-off; `for_good`: the gateway answers that it is stopped."""
    handed_off = placements.of("ide").stop(component)
    ran = placements.stop(component)
    swept = leftovers.sweep(platform.instance, component.name, component.wants.stop_grace)
    if component.is_service and for_good and platform.instance.routes.exists():
        owner_map.own(platform, component.name, "none")
    return bool(ran or handed_off or swept)


def _close_routes(platform: Platform, all_of_them: bool) -> None:
    """Stop the gateway and the edge: with the whole platform at once, otherwise if no component needs them."""
    if not platform.instance.routes.exists():
        return
    if all_of_them:
        owner_map.close(platform.instance)
    else:
        owner_map.settle(platform)


def undeclared(platform: Platform) -> list[Component]:
    """Components that run and are no longer declared, for example after a `git switch`."""
    instance = platform.instance
    try:
        names = {entry.name for entry in (instance.state / "run").iterdir()}
    except OSError:
        names = set()
    names -= {*platform.components, EDGE}
    left: list[Component] = [ServiceComponent(name, Service(kind="command"), instance) for name in sorted(names)]
    if instance.engine_record.exists():
        left += containers.undeclared(platform)
    over = leftovers.everywhere(instance, ())
    return [component for component in left if component.name in over or placements.lives(component)]
