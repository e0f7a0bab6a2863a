"""End components, wherever they run, also those that are no longer declared."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from converge import leftovers
from converge.desired import Service
from converge.errors import DevError
from converge.instance import EDGE
from runtime import boxes, placements, routing
from runtime.component import Component, ServiceComponent
from runtime.platform import Platform


def stop(platform: Platform, names: list[str] | None) -> list[str]:
    """End the named components (without names: all, services before infrastructure); gives those that ran.

    One that cannot be ended keeps no other from it: its DevError is raised when all others are ended.
    """
    instance = platform.instance
    wanted = list(map(platform.component, names)) if names else [*undeclared(platform), *platform.components.values()]
    ended: list[str] = []
    problems: list[DevError] = []

    def one(component: Component) -> None:
        try:
            lent = placements.of("ide").stop(component)
            ran = placements.stop(component)
            if leftovers.sweep(instance, component.name, component.wants.stop_grace) or ran or lent:
                ended.append(component.name)
            if component.is_service and names and instance.routes.exists():
                routing.own(platform, component.name, "none")
        except DevError as problem:
            problems.append(problem)

    for group in ([c for c in wanted if c.is_service], [c for c in wanted if not c.is_service]):
        with ThreadPoolExecutor(max_workers=len(group) or 1) as pool:
            list(pool.map(one, group))
    if instance.routes.exists():
        try:
            routing.settle(platform) if names else routing.close(instance)
        except DevError as problem:
            problems.append(problem)
    names = [component.name for component in wanted if component.name in ended]
    if problems:
        problems[0].hint += f"; stopped were {', '.join(names)}" if names else ""
        raise problems[0]
    return names


def undeclared(platform: Platform) -> list[Component]:
    """Components that live and that the desired state does not name any more, after a `git switch` for example."""
    instance = platform.instance
    try:
        names = {entry.name for entry in (instance.state / "run").iterdir()}
    except OSError:
        names = set()
    names -= {*platform.components, EDGE}
    left: list[Component] = [ServiceComponent(name, Service(kind="command"), instance) for name in sorted(names)]
    if instance.engine_record.exists():
        left += boxes.undeclared(platform)
    over = leftovers.everywhere(instance, ())
    return [component for component in left if component.name in over or placements.lives(component)]
