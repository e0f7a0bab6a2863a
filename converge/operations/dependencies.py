"""What each service's lock file asks for, installed where only that service sees it."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import facts.dependencies
from converge import threads, tools
from converge.context import ConvergeContext
from converge.desired import Loaded, Service, TestSuite
from converge.errors import DevError
from converge.installers import choice, inputs, place, unlocked
from converge.installers.choice import Choice
from converge.installers.rows import Installer
from converge.instance import Instance
from converge.lockfile import this_platform
from converge.steps import Item, Step
from facts import surroundings
from facts.dependencies import Installed
from facts.probe import AnyProbe, Observation
from facts.value import Unknown, dataclass, replace

if TYPE_CHECKING:
    from converge.machine import Machine

CONTAINED_IN = {"npm": "node"}
"""Program that installs -> the tool that contains it."""
WHEELLESS = re.compile(
    r"Wheels are required for `([^`]+)`|Distribution `([^`= ]+)==[^`]*` can't be installed because it is marked as"
)
"""What uv says of a package of which the index, or the lock, has only a source archive."""


own = place.own
stamp = place.stamp


def venv(instance: Instance, name: str) -> Path:
    """The venv of a Python service."""
    return own(instance, name) / "venv"


def without(loaded: Loaded, instance: Instance, names: Iterable[str]) -> Loaded | None:
    """What to converge on, where one of these services lacks what it needs outside of a container; else None.

    That is so after a start of everything in Docker. Nothing but the services and their tools is asked for.
    """
    lacking = {
        name: service for name in names if _lacks(loaded, instance, name, service := loaded.desired.services[name])
    }
    if not lacking:
        return None
    needed = {tool for service in lacking.values() for tool in choice.tools(service)}
    pinned = {tool: version for tool, version in loaded.desired.tools.items() if tool in needed}
    return replace(loaded, desired=replace(loaded.desired, tools=pinned, services=lacking, infra={}))


def _lacks(loaded: Loaded, instance: Instance, name: str, service: Service) -> bool:
    chosen = choice.of_service(instance.checkout, service)
    if chosen is None:
        return False
    locked = chosen.lock.exists()
    if locked and not stamp(instance, name).exists():
        return True
    there = _below(chosen, instance, name, chosen.row.installed)
    if locked and there and not any(os.path.exists(path) for path in there):
        return True
    pinned = loaded.desired.tools.keys()
    return any(tools.executable(loaded, tool) is None for tool in chosen.row.tools if tool in pinned)


@dataclass(frozen=True)
class _Owner:
    """A service, or a suite of tests, whose lock file asks for something."""

    name: str
    choice: Choice
    directory: Path
    main: str
    key: str
    """Its key in the desired state."""
    build: tuple[str, ...] = ()
    """Packages that may be built here."""
    service: Service | None = None
    """Its entry; a suite has none."""

    @property
    def row(self) -> Installer:
        """Its installer."""
        return self.choice.row


def kind_of(suite: TestSuite) -> str:
    """The language of the lock file of a suite."""
    return choice.family_of(suite)


def _owners(context: ConvergeContext) -> Iterable[_Owner]:
    checkout = context.instance.checkout
    for name, service in context.desired.services.items() if context.purpose != "containers" else ():
        if found := choice.of_service(checkout, service):
            yield _Owner(name, found, checkout / service.path, service.main, f"services.{name}", service.build, service)
    for name, suite in context.desired.tests.items() if context.purpose == "test" else ():
        if found := choice.of_suite(checkout, suite):
            yield _Owner(name, found, checkout / suite.path, "./...", f"tests.{name}", suite.build)


def _made_with(context: ConvergeContext, owner: _Owner) -> str:
    """What else decides about the result: another Python, Node or platform makes what was installed useless."""
    wanted = tools.wanted(context.desired)
    versions = [f"{tool}={wanted.get(tool, '')}" for tool in owner.row.tools[-1:]]
    return " ".join([*versions, this_platform(), *(f"build={package}" for package in sorted(owner.build))])


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Each one's hash of its lock file, the stamp of the last install, and whether what was installed is there."""
    return [
        facts.dependencies.probe(
            owner.name,
            inputs.of(owner.choice),
            stamp(context.instance, owner.name),
            _below(owner.choice, context.instance, owner.name, owner.row.installed),
            _contents(context, owner),
        )
        for owner in _owners(context)
    ]


def _below(chosen: Choice, instance: Instance, name: str, texts: Iterable[str]) -> list[str]:
    """Paths and patterns of a row, for one service."""
    return [str(chosen.root / _fill(text, {"own": str(own(instance, name))})) for text in texts]


def _contents(context: ConvergeContext, owner: _Owner) -> list[str]:
    """The patterns of what is counted: at the lock file, and in the directory of the service."""
    found = _below(owner.choice, context.instance, owner.name, owner.row.contents)
    if owner.directory != owner.choice.root:
        found += [str(owner.directory / text) for text in owner.row.contents if not text.startswith("{own}")]
    return found


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each one with a lock file: ok where the stamp of the last install names this lock and this tool."""
    before: dict[Path, str] = {}
    for owner in _owners(context):
        if owner.choice.others:
            yield _undecided(context, owner)
            continue
        key, source = f"dependencies.{owner.name}", context.loaded.source(owner.key)
        want = owner.choice.lock.name if owner.choice.root == owner.directory else _shown(context, owner)
        fact = observation[key]
        if isinstance(fact, Unknown):
            yield Item(key, "dependencies", "unknown", "?", want, because=fact.because, source=source)
        elif not fact.lock:
            yield _without_lock(context, owner, want)
        elif fact.stamp == (expected := f"{fact.lock} {_made_with(context, owner)}") and not fact.missing:
            yield Item(key, "dependencies", "ok", "installed", want, source=source)
        else:
            first = before.setdefault(place.shared(context.instance, owner.choice, owner.build), key)
            yield _outdated(context, owner, fact, expected, want, first)


def _outdated(
    context: ConvergeContext, owner: _Owner, fact: Installed, expected: str, want: str, first: str
) -> Item:  # fmt: skip
    """What is not installed as it should be; `first` is the item that installs for all with the same lock file."""
    key, whole = f"dependencies.{owner.name}", fact.stamp != expected
    because = f"{want} changed since they were installed" if fact.stamp else "they are not installed"
    if not whole:
        because = f"{fact.missing} of the files and directories that were installed are gone"
    step = Step(
        key, "dependencies", f"install the packages of {_shown(context, owner)}", because,
        after=(*(f"tools.{tool}" for tool in owner.row.tools), *((first,) if first != key else ())),
        args={"name": owner.name, "stamp": expected},
    )  # fmt: skip
    found = "outdated" if fact.stamp else "absent"
    source = context.loaded.source(owner.key)
    return Item(key, "dependencies", "drift", found if whole else "incomplete", want, because, source=source, step=step)


def _without_lock(context: ConvergeContext, owner: _Owner, want: str) -> Item:
    checkout = context.instance.checkout
    problem = unlocked.of(checkout, owner.service, owner.choice) if owner.service else None
    item = Item(
        f"dependencies.{owner.name}", "dependencies", "skipped", "no lock file", want,
        source=context.loaded.source(owner.key),
    )  # fmt: skip
    if problem is None:
        return item
    return replace(item, status="manual", because=problem.because, hint=problem.hint, code="lock-absent")


def _shown(context: ConvergeContext, owner: _Owner) -> str:
    return os.path.relpath(owner.choice.lock, context.instance.checkout)


def _undecided(context: ConvergeContext, owner: _Owner) -> Item:
    """Two installers have a lock file in one directory: which of them counts, only the team can say."""
    locks = (owner.choice.lock, *owner.choice.others)
    names = " and ".join(os.path.relpath(lock, context.instance.checkout) for lock in locks)
    return Item(
        f"dependencies.{owner.name}", "dependencies", "manual", names, "one lock file",
        because=f"{names} are of different installers, and both are for this service",
        hint=f'write install = "{owner.row.name}" in [{owner.key}], or the other; or delete the one that is not used',
        source=context.loaded.source(owner.key), code="locks-many",
    )  # fmt: skip


def apply(step: Step, machine: Machine) -> None:
    """Install by the lock file's own client; stamps are written last, so an interrupted installation is done again.

    What another service with the same lock file has just installed is not installed again.
    """
    from converge import installing  # saves 5 ms where nothing is installed

    name, instance, loaded = step.args["name"], machine.context.instance, machine.context.loaded
    owner = next(each for each in _owners(machine.context) if each.name == name)
    row, home, root = owner.row, place.shared(instance, owner.choice, owner.build), owner.choice.root
    values = {"lock": owner.choice.lock.name, "main": owner.main, "own": str(home), "root": str(root)}
    values |= {tool: _program(loaded, tool) for tool in row.tools}
    path = os.pathsep.join([*tools.path_entries(loaded), surroundings.path(os.environ.get("PATH", ""))])
    env = {**installing.environment(directory=root), "PATH": path, **_filled(row.environment, values)}
    if row.wheels:
        env[row.wheels[0]] = row.wheels[1].join(inputs.wheels(owner.choice, owner.build))
    if not _whole(machine.context, owner, home, step.args["stamp"]):
        for mark in (stamp(instance, name), home / place.NAME):
            mark.unlink(missing_ok=True)
        machine.say(f"installing the dependencies of {name}")
        if row.remove:
            place.remove(home / row.shared)
        _install(owner, machine, values, env)
        place.link(instance, name, owner.choice, home)
        counted = facts.dependencies.count(_counted_for_all(owner, home))
        machine.write(home / place.NAME, place.note(step.args["stamp"], counted, str(time.time_ns())))
    else:
        place.link(instance, name, owner.choice, home)
    if row.compile:
        machine.say(f"compiling the dependencies of {name}")
        # the first build is by far the longest; whether the service itself compiles is for the start to say
        argv = [_program(loaded, row.compile[0]), *(_fill(word, values) for word in row.compile[1:])]
        with threads.GO_BUILD if row.family == "go" else contextlib.nullcontext():
            machine.run(argv, cwd=owner.directory, env=env, timeout=1800)
    counted = facts.dependencies.count(_contents(machine.context, owner))
    serial = place.serial(home / place.NAME)  # changes the fingerprint of what runs with these packages
    machine.write(stamp(instance, name), place.note(step.args["stamp"], counted, serial))


def _whole(context: ConvergeContext, owner: _Owner, home: Path, expected: str) -> bool:
    """Whether another service's step has installed all of this, and nothing that this service had is gone."""
    for mark, patterns in (
        (home / place.NAME, _counted_for_all(owner, home)),
        (stamp(context.instance, owner.name), _contents(context, owner)),
    ):
        found, counted = place.noted(mark)
        if mark.parent == home and (not found or found != expected):
            return False
        if found == expected and facts.dependencies.count(patterns) < counted:
            return False
    there = [str(owner.choice.root / _fill(text, {"own": str(home)})) for text in owner.row.installed]
    return not there or any(os.path.exists(path) for path in there)


def _counted_for_all(owner: _Owner, home: Path) -> list[str]:
    return [str(owner.choice.root / _fill(text, {"own": str(home)})) for text in owner.row.contents]


def _install(owner: _Owner, machine: Machine, values: Mapping[str, str], env: dict[str, str]) -> None:
    row, loaded = owner.row, machine.context.loaded
    built = [row.build.replace("{package}", package) for package in owner.build] if row.build else []
    for program, *words in row.install:
        more = built if (program, *words) == row.install[-1] else ()
        argv = [_program(loaded, program), *(_fill(word, values) for word in words), *more]
        _run(owner, machine, argv, env)


def _fill(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _filled(texts: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    return {name: _fill(text, values) for name, text in texts.items()}


def _program(loaded: Loaded, name: str) -> str:
    """Path of a program that installs; DevError where neither the store nor PATH has its tool."""
    tool = CONTAINED_IN.get(name, name)
    found = tools.executable(loaded, tool)
    if found is None:
        raise DevError("command-missing", f"there is no {tool}", hint=f"add {tool} to [tools] in desired_state.toml")
    return str(found if tool == name else found.with_name(name))


def _run(owner: _Owner, machine: Machine, argv: list[str], env: dict[str, str]) -> None:
    ran = machine.run(argv, cwd=owner.choice.root, env=env, timeout=1800)
    if ran.returncode:
        if wheelless := WHEELLESS.search(ran.stderr):
            raise _no_wheel(owner, wheelless[1] or wheelless[2], machine.context.loaded.source(owner.key))
        from converge.installers import said  # saves 7 ms where nothing fails

        raise DevError(
            "dependencies-failed", f"the dependencies of {owner.name} could not be installed",
            because=f"{Path(argv[0]).name} ended with {ran.returncode}: {said.reason(ran.stderr, ran.stdout)}",
            hint=said.hint(owner.row, owner.choice.lock.name, ran.stderr + ran.stdout),
        )  # fmt: skip


def _no_wheel(owner: _Owner, package: str, source: str) -> DevError:
    """uv says so of a package of which the index, or the lock, has only a source archive."""
    return DevError(
        "no-wheel", f"{package} of {owner.name} has no wheel whose hash is in {owner.choice.lock.name}",
        because="the lock has no hashes of the programs that would build its source archive",
        hint=f'pin a version that has wheels, or allow this one with build = ["{package}"] in [{owner.key}]',
        source=source,
    )  # fmt: skip
