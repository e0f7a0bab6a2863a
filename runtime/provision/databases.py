"""The noun `databases`: every declared database with its role, owner and extensions, in any placement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from converge.context import ConvergeContext
from converge.errors import DevError
from converge.steps import Item, Step
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.value import Unknown
from runtime import placements
from runtime.component import InfraComponent
from runtime.platform import Platform
from runtime.provision import having, notes, postgres

if TYPE_CHECKING:
    from converge.machine import Machine

NOUN = "databases"


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """One query for each server that runs."""
    return [LocalProbe(f"{NOUN}.{each.name}", lambda each=each: postgres.look(each)) for each in _servers(context)]  # type: ignore[misc]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One item for each declared database of a server that answers; nothing for one that does not run."""
    for server in _servers(context):
        inside, source = observation[f"{NOUN}.{server.name}"], context.loaded.source(f"infra.{server.name}.databases")
        key = f"{NOUN}.{server.name}"
        if isinstance(inside, Unknown):
            yield Item(key, NOUN, "unknown", "?", "can be inspected", inside.because, source=source)
        elif isinstance(inside, postgres.Closed):
            yield from _closed(server, inside, key, source)
        else:
            for name in server.wants.databases:
                yield _item(server, name, inside, source)


def apply(step: Step, machine: Machine) -> None:
    """Make or repair one database, or set the password of a container's server."""
    platform = Platform(machine.context.loaded, machine.context.instance)
    server = platform.infra[step.args["server"]]
    if name := step.args.get("database"):
        postgres.make(platform, server, name, _with_role(platform, server, _opened(server)))
    else:
        postgres.set_password(server)
    if provisioned(server):
        notes.succeeded(server)


def provision(platform: Platform, server: InfraComponent, say: Callable[[str], None]) -> None:
    """Make all that is declared inside a ready server. Raises DevError with the reason if that fails."""
    inside = postgres.look(server, postgres.PROVISION_TIMEOUT)
    if isinstance(inside, postgres.Closed) and inside.why == "password" and placements.where(server) == "docker":
        postgres.set_password(server)
        say("its data had another password, which was replaced by the present one")
        inside = _opened(server)
    if isinstance(inside, postgres.Closed):
        raise refused(server, inside)
    inside = _with_role(platform, server, inside)
    open_gaps = dict(gaps(server, inside))
    for name, lacking in open_gaps.items():
        kept = postgres.make(platform, server, name, inside)
        say(f"made database {name}" if "missing" in lacking else f"repaired database {name}: {', '.join(lacking)}")
        if kept:
            say(f"the superuser keeps what only it can own in {name}: {', '.join(kept)}")
    inside = _opened(server) if open_gaps else inside
    for name, lacking in gaps(server, inside):
        raise DevError(
            "sql-failed", f"database {name} of {server.name} is still not as declared", because=", ".join(lacking),
            hint=f"see ./dev logs {server.name}", source=platform.source(server, "databases"),
        )  # fmt: skip
    _tell_of_new_data(server, inside, say)


def provisioned(server: InfraComponent) -> bool:
    """Whether everything declared exists; False if the server does not answer."""
    inside = postgres.look(server)
    return isinstance(inside, postgres.Inside) and postgres.served(server, inside) and not [*gaps(server, inside)]


def gaps(server: InfraComponent, inside: postgres.Inside | postgres.Closed) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Databases that differ from their declaration, with the differences of each."""
    if isinstance(inside, postgres.Inside):
        for name in server.wants.databases:
            if lacking := postgres.lacks(server, name, inside):
                yield name, lacking


def refused(server: InfraComponent, inside: postgres.Closed) -> DevError:
    """The error for a server that cannot be inspected."""
    if inside.why == "password":
        secret = server.instance.state / "secrets" / server.name
        return DevError(
            "postgres-password", f"the data of {server.name} were made with another password",
            because=f"{secret} was made again, or the password was changed inside; the server says: {inside.because}",
            hint="put the earlier password back into that file, or delete the data: "
            "./dev data reset",
        )  # fmt: skip
    words = "it does not run" if inside.why == "stopped" else inside.because
    return DevError(
        "not-ready", f"{server.name} cannot be inspected", because=words, hint=f"see ./dev logs {server.name}"
    )


def _servers(context: ConvergeContext) -> list[InfraComponent]:
    return having(Platform(context.loaded, context.instance), NOUN)


def _opened(server: InfraComponent) -> postgres.Inside:
    inside = postgres.look(server, postgres.PROVISION_TIMEOUT)
    if isinstance(inside, postgres.Closed):
        raise refused(server, inside)
    return inside


def _with_role(platform: Platform, server: InfraComponent, inside: postgres.Inside) -> postgres.Inside:
    """The content after the role of services was made, if it was missing."""
    if postgres.served(server, inside):
        return inside
    postgres.make_role(platform, server, inside)
    return _opened(server)


def _closed(server: InfraComponent, inside: postgres.Closed, key: str, source: str) -> Iterator[Item]:
    want = "its data take our password"
    if inside.why == "starting":
        yield Item(key, NOUN, "skipped", "not ready yet", "", inside.because, source=source)
    elif inside.why == "unknown":
        yield Item(key, NOUN, "unknown", "?", "can be inspected", inside.because, source=source)
    elif inside.why == "password":
        problem = refused(server, inside)
        if placements.where(server) == "docker":
            step = Step(key, NOUN, f"give {server.name} its password", problem.because, args={"server": server.name})
            yield Item(key, NOUN, "drift", "another password", want, problem.because, source=source, step=step)
        else:
            yield Item(
                key, NOUN, "blocked", "another password", want, problem.because, problem.hint, source, problem.code
            )


def _item(server: InfraComponent, name: str, inside: postgres.Inside, source: str) -> Item:
    key, lacking = f"{NOUN}.{server.name}.{name}", postgres.lacks(server, name, inside)
    if not lacking:
        return Item(key, NOUN, "ok", "there", "there", source=source)
    because = f"{name} is declared, and {server.name} runs without it" if "missing" in lacking else ", ".join(lacking)
    if "closed to connections" in lacking:
        because = "a `./dev data snapshot` or `restore` is at work on it, or was killed"
    step = Step(
        key, NOUN, f"make database {name} of {server.name} as declared", because,
        args={"server": server.name, "database": name},
    )  # fmt: skip
    return Item(key, NOUN, "drift", ", ".join(lacking), "there", because, source=source, step=step)


def _tell_of_new_data(server: InfraComponent, inside: postgres.Inside, say: Callable[[str], None]) -> None:
    before = notes.systems(server).get(server.name)
    if before and before != inside.system:
        saved = "; ./dev data list shows your snapshots" if any(server.instance.snapshots.glob("*/*.json")) else ""
        say(f"began with empty databases: the data it had are gone, as their volume or directory was removed{saved}")
    notes.keep_systems(server, {server.name: inside.system})
