"""Stop components in every placement, also those that are no longer declared."""

from __future__ import annotations

from collections.abc import Callable, Collection

from converge import leftovers, threads
from converge.desired import Service
from converge.errors import DevError
from converge.instance import EDGE
from facts import processes
from facts.value import dataclass, field
from runtime import placements
from runtime.component import Component, ServiceComponent
from runtime.placements import native
from runtime.platform import Platform
from runtime.provision import notes


def stop(platform: Platform, names: list[str] | None) -> list[str]:
    """Stop the named components (without names: all, services before infrastructure); gives those that ran.

    If one cannot be stopped, the others are still stopped; its DevError is raised at the end.
    """
    wanted = list(map(platform.component, names)) if names else [*undeclared(platform), *platform.components.values()]
    work = _Stop(platform, bool(names))
    work.group([component for component in wanted if component.is_service])
    work.group([component for component in wanted if not component.is_service])
    try:
        _close_routes(platform, all_of_them=not names)
    except DevError as problem:
        work.problems[EDGE] = problem
    gone = [component.name for component in wanted if component.name in work.ended]
    if work.problems:
        first = next(iter(work.problems.values()))
        first.hint += f"; stopped were {', '.join(gone)}" if gone else ""
        raise first
    return gone


@dataclass
class _Stop:
    """The work of one stop; `for_good`: the gateway answers that the components are stopped."""

    platform: Platform
    for_good: bool
    ended: set[str] = field(default_factory=set)
    problems: dict[str, DevError] = field(default_factory=dict)
    """Component -> why it could not be stopped."""

    def group(self, components: Collection[Component]) -> None:
        """Stop components side by side; processes are looked at once, after all shims have ended."""
        self._each(components, _end)
        among = processes.table()
        left = [each for each in components if leftovers.of(self.platform.instance, each.name, among)]
        self._each(left, lambda each: leftovers.sweep(each.instance, each.name, each.wants.stop_grace))
        self._each(components, self._forget)

    def _each(self, components: Collection[Component], act: Callable[[Component], bool]) -> None:
        def one(component: Component) -> None:
            try:
                if act(component):
                    self.ended.add(component.name)
            except DevError as problem:
                self.problems[component.name] = problem

        threads.each([each for each in components if each.name not in self.problems], one)

    def _forget(self, component: Component) -> bool:
        """Delete what was known of its run."""
        leftovers.forget(component.instance, component.name)
        if self.for_good and component.instance.routes.exists():
            from runtime.routes import owner_map  # saves 20 ms where there are no containers and no hand-offs

            owner_map.own(self.platform, component.name, "none")
        notes.succeeded(component)  # a stopped component has no failure to report
        return False


def _end(component: Component) -> bool:
    """Stop it in every placement and end a hand-off, except for processes that an earlier shim left."""
    handed_off = placements.of("ide").stop(component)
    place = placements.where(component)
    ran = native.end(component) if place == "native" else placements.of(place).stop(component)
    return ran or handed_off


def _close_routes(platform: Platform, all_of_them: bool) -> None:
    """Stop the gateway and the edge: with the whole platform at once, otherwise if no component needs them."""
    if not platform.instance.routes.exists():
        return
    from runtime.routes import owner_map  # saves 20 ms where there are no containers and no hand-offs

    if all_of_them:
        owner_map.close(platform.instance)
    else:
        owner_map.settle(platform)


def undeclared(platform: Platform) -> list[Component]:
    """Components that run and are no longer declared, for example after a `git switch`."""
    instance = platform.instance
    names = leftovers.ran(instance) - {*platform.components, EDGE}
    left: list[Component] = [ServiceComponent(name, Service(kind="command"), instance) for name in sorted(names)]
    if instance.engine_record.exists():
        from runtime.docker import containers  # saves 20 ms where there never were any

        left += containers.undeclared(platform)
    over = leftovers.everywhere(instance, ()) if left else {}
    return [component for component in left if component.name in over or placements.lives(component)]
