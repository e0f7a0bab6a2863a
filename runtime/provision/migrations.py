"""The noun `migrations`: a service's migration has run with the present inputs on the present databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from converge.context import ConvergeContext
from converge.errors import DevError
from converge.steps import Item, Step
from facts.engine import EngineError
from facts.ports import HOME
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.processes import BY_MIGRATION, MARK
from facts.value import Unknown, dataclass, field
from runtime import placements
from runtime.component import InfraComponent, ServiceComponent
from runtime.docker.compose import Project
from runtime.placements.seen import lost
from runtime.platform import Platform
from runtime.provision import identity, inputs, notes, postgres, running
from runtime.services.launch import at_home

if TYPE_CHECKING:
    from converge.machine import Machine

NOUN = "migrations"
MOST_RUNS = 2
"""Runs in a row: another one follows if the inputs changed while the first one ran."""


@dataclass(frozen=True)
class Pending:
    """The state of a migration."""

    state: Literal["applied", "pending", "unknown"]
    because: str = ""


@dataclass(frozen=True)
class Place:
    """Where a migration runs: in the placement of its service, in Docker in a container of the same image."""

    name: str
    project: Project | None = None
    images: Mapping[str, str] = field(default_factory=dict)


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """The files of each migration, and a query for each server that its service needs."""
    platform = Platform(context.loaded, context.instance)
    return [
        LocalProbe(f"{NOUN}.{each.name}", lambda each=each: _seen(platform, each))  # type: ignore[misc]
        for each in _migrating(context)
    ]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One item for each running service with a migration."""
    for component in _migrating(context):
        found, key = observation[f"{NOUN}.{component.name}"], f"{NOUN}.{component.name}"
        source = context.loaded.source(f"services.{component.name}.migrate")
        if isinstance(found, Unknown):
            yield Item(key, NOUN, "unknown", "?", "applied", found.because, source=source)
        elif isinstance(found, Pending) and found.state == "unknown":
            yield Item(key, NOUN, "skipped", "its database does not answer", "applied", found.because, source=source)
        elif isinstance(found, Pending) and found.state == "applied":
            yield Item(key, NOUN, "ok", "applied", "applied", source=source)
        elif isinstance(found, Pending):
            step = _step(context, component, key, found.because)
            yield Item(key, NOUN, "drift", found.because, "applied", found.because, source=source, step=step)


def apply(step: Step, machine: Machine) -> None:
    """Run it in the placement of its service, which keeps running."""
    platform = Platform(machine.context.loaded, machine.context.instance)
    component = platform.services[step.args["service"]]

    def check() -> None:
        if getattr(machine, "ended", False):
            raise DevError("interrupted", f"the migration of {component.name} was interrupted")

    try:
        run(platform, component, where(platform, component), machine.say, check)
    except EngineError as problem:
        raise lost(f"{component.name} was not migrated", problem) from problem


def look(platform: Platform, component: ServiceComponent) -> Pending:
    """Whether it must run; `unknown` if a server that it needs does not answer."""
    data = identity.of(platform, component)
    known = notes.stamps(component)
    if reason := notes.trouble(component):
        return Pending("pending", reason)
    if not data.complete:
        return Pending("unknown", "a server that it needs does not run, or lacks a database")
    now = inputs.stamp(platform, component)
    for database in data.databases:
        if database not in known:
            return Pending("pending", "it has not run on this database yet")
        if change := inputs.changes(known[database], now):
            return Pending("pending", change)
    return Pending("applied")


def run(
    platform: Platform, component: ServiceComponent, place: Place, say: Callable[[str], None], check: Callable[[], None]
) -> None:
    """Run it, and record its inputs. DevError `migrate-failed` with its last lines; the failure is recorded too."""
    wants = component.wants
    assert wants.migrate
    say(f"migrating: {look(platform, component).because or wants.migrate}")
    try:
        for _ in range(MOST_RUNS):
            check()
            before = inputs.stamp(platform, component)
            _once(platform, component, place, check)
            if inputs.stamp(platform, component) == before:
                break
    except DevError as problem:
        if problem.code == "migrate-failed":
            notes.failed(component, problem)
        raise
    now, data = inputs.stamp(platform, component), identity.of(platform, component)
    notes.stamp(component, {**notes.stamps(component), **dict.fromkeys(data.databases, now)})
    notes.succeeded(component)


def copied(platform: Platform, server: InfraComponent, source: str, target: str) -> None:
    """Copy the records of migrations to the copy of a database, which contains their results."""
    record(platform, server, target, records(platform, server, source))


def records(platform: Platform, server: InfraComponent, database: str) -> dict[str, notes.Stamp]:
    """Service -> the inputs of its last migration on the database; those alone that have run there."""
    key = _key(server, database)
    found = {name: notes.stamps(each).get(key) for name, each in platform.services.items()}
    return {name: stamp for name, stamp in found.items() if stamp}


def record(platform: Platform, server: InfraComponent, database: str, known: Mapping[str, notes.Stamp]) -> None:
    """Note that these migrations have run on the database."""
    if key := _key(server, database):
        for name, stamp in known.items():
            if component := platform.services.get(name):
                notes.stamp(component, {**notes.stamps(component), key: stamp})


def _key(server: InfraComponent, database: str) -> str:
    """By what records know the database; empty if it does not exist."""
    inside = postgres.look(server)
    if isinstance(inside, postgres.Closed) or database not in inside.databases:
        return ""
    return f"{inside.system}/{inside.databases[database].oid}"


def where(platform: Platform, component: ServiceComponent) -> Place:
    """The placement in which the service runs. DevError if its container's image does not exist any more."""
    if placements.where(component) != "docker":
        return Place("native")
    from runtime.docker import compose, images  # saves 1.6 ms of a doctor where no service runs in Docker

    project = compose.find(platform)
    if isinstance(project, str):
        raise DevError("docker-unavailable", f"{component.name} cannot be migrated", because=project)
    image = images.reference(project, component)
    if not images.there(project.engine, image):
        raise DevError(
            "image-unavailable", f"{component.name} cannot be migrated in its container",
            because="its sources changed since its image was built", hint=f"./dev start {component.name} --docker",
        )  # fmt: skip
    return Place("docker", project, {component.name: image})


def _once(platform: Platform, component: ServiceComponent, place: Place, check: Callable[[], None]) -> None:
    wants = component.wants
    assert wants.migrate
    if place.name == "docker":
        from runtime.docker import containers  # saves 5 ms of a doctor where no service runs in Docker

        assert place.project is not None
        argv, env, _ = containers.one_off(place.project, component, wants.migrate, place.images)
    else:
        argv = ["/bin/sh", "-c", wants.migrate]
        env = {**at_home(platform, component, HOME).env, MARK: component.mark + BY_MIGRATION}
    code, last = running.execute(component, argv, env, check)
    if code:
        raise DevError(
            "migrate-failed", f"the migration of {component.name} failed",
            because=": ".join(filter(None, (f"`{wants.migrate}` ended with {code}", " / ".join(last)))),
            hint=f"correct it, then ./dev start {component.name}",
            source=platform.source(component, "migrate"),
        )  # fmt: skip


def _seen(platform: Platform, component: ServiceComponent) -> Pending | None:
    return look(platform, component) if placements.lives(component) else None


def _migrating(context: ConvergeContext) -> list[ServiceComponent]:
    everyone = Platform(context.loaded, context.instance).services.values()
    return [each for each in everyone if each.wants.migrate]


def _step(context: ConvergeContext, component: ServiceComponent, key: str, because: str) -> Step:
    databases = [
        f"databases.{server.name}{each}"
        for server in identity.servers(Platform(context.loaded, context.instance), component)
        for each in ("", *(f".{name}" for name in server.wants.databases))
    ]
    return Step(
        key, NOUN, f"run `{component.wants.migrate}` for {component.name}", because, after=tuple(databases),
        args={"service": component.name},
    )  # fmt: skip
