"""What a start looks up about a component before it decides: placement, state, fingerprint, and routes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from converge.errors import DevError
from facts import regular
from facts.ports import HOME
from runtime import health, infra, placements
from runtime.component import LOOPBACK_FOR, Component, Launch
from runtime.handoff import record
from runtime.placements import docker, native
from runtime.placements.seen import Seen as Found
from runtime.provision import flow as provision
from runtime.routes import owner_map
from runtime.services import debugging
from runtime.services import launch as native_services
from runtime.start import transition
from runtime.start.actions import Place, Refuse
from runtime.start.run import Run, Say, Task
from runtime.start.transition import Asked, Seen, Wanted


def look(run: Run, component: Component, say: Say, unready: Mapping[str, DevError | None]) -> Task:
    """Look at the component once; containers and routes of the whole start are made before, as the look needs them.

    A component that is refused in any case, or that an IDE starts, is not looked at further.
    """
    name = component.name
    place = run.choices.placements.get(name) or ("ide" if component.instance.handed(name).exists() else "native")
    asked = Asked(again=name in run.asked.again, debug=name in run.asked.debug, fix=run.asked.fix)
    migrates = component.is_service and bool(component.wants.migrate)
    wanted = Wanted(place, service=component.is_service, migrates=migrates)
    early = Seen(
        unready=tuple(unready),
        obstacle=_obstacle(run, name, place, unready),
        migrated=place != "ide" or _migrated(run, component, unready),
    )
    if place == "ide" or isinstance(transition.transition(early, wanted, asked)[0], Refuse):
        return Task(component, say, early, wanted, asked, HOME, unready=unready)
    routed = _routed(run, component, place)
    host = _host(run, component) if routed and place == "native" else HOME
    container = _open(run, component, say, place, beside=host != HOME) if routed or place == "docker" else ""
    found = placements.look(component)
    wanted = Wanted(
        place, _fingerprint(run, component, found, asked, host) or container, component.is_service, routed,
        beside=host != HOME and component.is_service, migrates=migrates,
    )  # fmt: skip
    return Task(
        component, say, _seen(run, component, found, wanted, host), wanted, asked, host, container,
        found.reason,
    )  # fmt: skip


def launch_of(run: Run, component: Component, host: str, debugged: bool) -> Launch:
    """Command, directory and environment of its native process."""
    if component.is_service and debugged:
        return debugging.launch(run.platform, component, host)
    if component.is_service:
        return native_services.launch(run.platform, component, host)
    return infra.kind(component).launch(run.platform, component, host)


def fingerprint_of(component: Component, launch: Launch) -> str:
    """Changes when it would be run differently, or with other dependencies."""
    try:
        installed = regular.text(component.instance.dev / "services" / component.name / "dependencies")
    except (OSError, ValueError):
        installed = ""
    return placements.spec_hash(launch, installed)


def _obstacle(run: Run, name: str, place: str, unready: Mapping[str, object]) -> transition.Obstacle | None:
    """What prevents its start, as far as it is known before; waits for packages that are being installed."""
    problem = run.obstacles.get(name) or (run.packages(name) if place == "native" and not unready else None)
    return cast(transition.Obstacle, problem.code) if problem else None


def _routed(run: Run, component: Component, place: Place) -> bool:
    """Whether its callers are forwarded by the gateway and the edge; a container of infrastructure has its port."""
    if component.port is None:
        return False
    if not component.is_service:
        return place == "native" and (component.guarded or component.name in owner_map.routes(component.instance))
    return run.containers.routed or owner_map.is_open(component.instance) or component.guarded


def _open(run: Run, component: Component, say: Say, place: Place, beside: bool) -> str:
    """Make its container and the routes of its callers; gives the container's id."""
    container = run.containers.make(say)[component.name] if place == "docker" else ""
    if run.containers.routed and component.is_service and (place == "docker" or beside):
        run.containers.open_routes(say)
    elif _undirected(component) or (beside and component.guarded):
        owner_map.prepare(run.platform)
    return container


def _undirected(component: Component) -> bool:
    """Whether it is a service that was declared since the owner map was written."""
    declared = component.is_service and bool(component.port) and owner_map.is_open(component.instance)
    return declared and component.name not in owner_map.routes(component.instance)


def _host(run: Run, component: Component) -> str:
    """Address on which its process listens: not 127.0.0.1 while the edge listens there for some container, or always
    where other people use this machine."""
    chosen = {name: run.choices.placements.get(name) for name, each in run.wanted.items() if each.is_service}
    keeps = native.lives(component) and component.name not in run.asked.again
    if keeps and debugging.under(component):
        return native.host(component)
    if component.guarded:
        return LOOPBACK_FOR["native"]
    if not component.movable or "docker" not in (owner_map.owners(component.instance) | chosen).values():
        return HOME
    return native.host(component) if keeps else LOOPBACK_FOR["native"]


def _fingerprint(run: Run, component: Component, found: Found, asked: Asked, host: str) -> str:
    """Of how it would be started; empty unless it runs natively. An error is raised before it is stopped."""
    if not found.lives or found.placement != "native" or run.choices.placements[component.name] != "native":
        return ""
    if found.debug and not (asked.debug or asked.again):
        return ""
    return fingerprint_of(component, launch_of(run, component, host, asked.debug))


def _seen(run: Run, component: Component, found: Found, wanted: Wanted, host: str) -> Seen:
    killed = not found.lives and found.state in ("running", "backoff")  # together with its shim
    place = found.placement if found.lives else None
    here = place == wanted.placement and found.state == "running" and not component.once
    return Seen(
        placement=place,
        state="failed" if killed else found.state,
        ready=here and health.judge(run.platform, component, found).state == "ready",
        fingerprint=found.fingerprint,
        debugged=found.lives and found.debug is not None,
        led=not wanted.routed or _forwarded(component, wanted.placement, host),
        migrated=_migrated(run, component, {}),
        data_replaced=component.is_service and found.lives and provision.on_other_data(run.platform, component),
        provisioned=component.is_service,  # asked of the component itself, which has to be ready for that
    )


def _migrated(run: Run, component: Component, unready: Mapping[str, DevError | None]) -> bool:
    """Whether its migration need not run; without its needs it cannot run."""
    return not component.is_service or bool(unready) or provision.migrated(run.platform, component)


def _forwarded(component: Component, place: Place | None, host: str) -> bool:
    """Whether its callers are forwarded to the placement, and it runs in no other one."""
    route = owner_map.routes(component.instance).get(component.name)
    if route is None or route.owner != place:
        return False
    if place == "native":
        return route.host == host and not docker.look(component).lives
    handed_off = record.record(component.instance, component.name)
    return not handed_off and not native.lives(component) and owner_map.listens(component.instance, component.name)
