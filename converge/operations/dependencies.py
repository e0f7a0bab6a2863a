"""What each service's lock file asks for, installed where only that service sees it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import facts.dependencies
from converge import kinds, network, tools
from converge.context import ConvergeContext
from converge.desired import Loaded, Service, TestSuite
from converge.errors import DevError
from converge.instance import Instance
from converge.lockfile import this_platform
from converge.steps import Item, Step
from facts import surroundings
from facts.probe import AnyProbe, Observation
from facts.value import Unknown, dataclass, replace

if TYPE_CHECKING:
    from converge.machine import Machine

CONTAINED_IN = {"npm": "node"}
"""Program that installs -> the tool that contains it."""


def own(instance: Instance, name: str) -> Path:
    """The directory that holds what was installed for a service and belongs to no instance."""
    return instance.dev / "services" / name


def venv(instance: Instance, name: str) -> Path:
    """The venv of a Python service."""
    return own(instance, name) / "venv"


def stamp(instance: Instance, name: str) -> Path:
    """What the last installation for a service left; absent if there was none, or it did not end well."""
    return own(instance, name) / "dependencies"


def without(loaded: Loaded, instance: Instance, names: Iterable[str]) -> Loaded | None:
    """What to converge on, where one of these services lacks what it needs outside of a container; else None.

    That is so after a start of everything in Docker. Nothing but the services and their tools is asked for.
    """
    lacking = {
        name: service for name in names if _lacks(loaded, instance, name, service := loaded.desired.services[name])
    }
    if not lacking:
        return None
    needed = {tool for service in lacking.values() for tool in _tools(service.kind)}
    pinned = {tool: version for tool, version in loaded.desired.tools.items() if tool in needed}
    return replace(loaded, desired=replace(loaded.desired, tools=pinned, services=lacking, infra={}))


def _lacks(loaded: Loaded, instance: Instance, name: str, service: Service) -> bool:
    how = kinds.SERVICES[service.kind].dependencies
    if how is None:
        return False
    locked = (instance.checkout / service.path / how.lock).exists()
    if locked and not stamp(instance, name).exists():
        return True
    installed = _fill(how.installed, {"own": str(own(instance, name))})
    if locked and installed and not (instance.checkout / service.path / installed).exists():
        return True
    pinned = loaded.desired.tools.keys()
    return any(tools.executable(loaded, tool) is None for tool in how.tools if tool in pinned)


def _tools(kind: str) -> tuple[str, ...]:
    how = kinds.SERVICES[kind].dependencies
    return how.tools if how else ()


@dataclass(frozen=True)
class _Owner:
    """A service, or a suite of tests, whose lock file asks for something."""

    name: str
    how: kinds.Dependencies
    directory: Path
    lock: str
    main: str
    key: str
    """Its key in the desired state."""
    build: tuple[str, ...] = ()
    """Packages that may be built here."""


def kind_of(suite: TestSuite) -> str:
    """What installs the lock file of a suite."""
    return kinds.of_lock(Path(suite.requirements or "").name) or "python"


def _owners(context: ConvergeContext) -> Iterable[_Owner]:
    checkout = context.instance.checkout
    for name, service in context.desired.services.items():
        how = kinds.SERVICES[service.kind].dependencies
        if how and context.purpose != "containers":
            yield _Owner(name, how, checkout / service.path, how.lock, service.main, f"services.{name}", service.build)
    for name, suite in context.desired.tests.items() if context.purpose == "test" else ():
        how = kinds.SERVICES[kind_of(suite)].dependencies
        if how and suite.requirements:
            key = f"tests.{name}"
            yield _Owner(name, how, checkout / suite.path, suite.requirements, "./...", key, suite.build)


def _made_with(context: ConvergeContext, owner: _Owner) -> str:
    """What else decides about the result: another Python, Node or platform makes what was installed useless."""
    wanted = tools.wanted(context.desired)
    versions = [f"{tool}={wanted.get(tool, '')}" for tool in owner.how.tools[-1:]]
    return " ".join([*versions, this_platform(), *(f"build={package}" for package in sorted(owner.build))])


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Each one's hash of its lock file, the stamp of the last install, and whether what was installed is there."""
    return [
        facts.dependencies.probe(
            owner.name,
            owner.directory / owner.lock,
            stamp(context.instance, owner.name),
            _there(context, owner),
            _contents(context, owner),
        )
        for owner in _owners(context)
    ]


def _there(context: ConvergeContext, owner: _Owner) -> Path:
    if not owner.how.installed:
        return stamp(context.instance, owner.name)
    return owner.directory / owner.how.installed.replace("{own}", str(own(context.instance, owner.name)))


def _contents(context: ConvergeContext, owner: _Owner) -> list[str]:
    """The patterns of what is counted, below the directories in which it lies."""
    place = {"own": str(own(context.instance, owner.name))}
    return [str(owner.directory / _fill(pattern, place)) for pattern in owner.how.contents]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each one with a lock file: ok where the stamp of the last install names this lock and this tool."""
    for owner in _owners(context):
        key, source, want = f"dependencies.{owner.name}", context.loaded.source(owner.key), owner.lock
        fact = observation[key]
        if isinstance(fact, Unknown):
            yield Item(key, "dependencies", "unknown", "?", want, because=fact.because, source=source)
            continue
        if not fact.lock:
            yield Item(key, "dependencies", "skipped", "no lock file", want, source=source)
            continue
        expected = f"{fact.lock} {_made_with(context, owner)}"
        if fact.stamp == expected and not fact.missing:
            yield Item(key, "dependencies", "ok", "installed", want, source=source)
            continue
        because = f"{want} changed since they were installed" if fact.stamp else "they are not installed"
        if fact.stamp == expected:
            because = f"{fact.missing} of the files and directories that were installed are gone"
        path = owner.directory.relative_to(context.instance.checkout) / want
        step = Step(
            key, "dependencies", f"install the packages of {path}", because,
            after=tuple(f"tools.{tool}" for tool in owner.how.tools), args={"name": owner.name, "stamp": expected},
        )  # fmt: skip
        yield Item(
            key,
            "dependencies",
            "drift",
            "incomplete" if fact.stamp == expected else "outdated" if fact.stamp else "absent",
            want,
            because,
            source=source,
            step=step,
        )


def apply(step: Step, machine: Machine) -> None:
    """Install by the kind's own client; the stamp is written last, so an interrupted install is done again."""
    from converge import installing  # saves 5 ms where nothing is installed

    name, instance, loaded = step.args["name"], machine.context.instance, machine.context.loaded
    owner = next(each for each in _owners(machine.context) if each.name == name)
    how, mark = owner.how, stamp(instance, name)
    mark.unlink(missing_ok=True)
    machine.say(f"installing the dependencies of {name}")
    values = {"lock": owner.lock, "main": owner.main, "own": str(own(instance, name))}
    values |= {tool: _program(loaded, tool) for tool in how.tools}
    path = os.pathsep.join([*tools.path_entries(loaded), surroundings.path(os.environ.get("PATH", ""))])
    env = {**installing.environment(directory=owner.directory), "PATH": path, **_filled(how.environment, values)}
    if how.remove:
        shutil.rmtree(_fill(how.remove, values), ignore_errors=True)
    built = [how.build.replace("{package}", package) for package in owner.build] if how.build else []
    for program, *words in how.install:
        more = built if (program, *words) == how.install[-1] else ()
        argv = [_program(loaded, program), *(_fill(word, values) for word in words), *more]
        _run(owner, machine, argv, env)
    if how.compile:
        machine.say(f"compiling the dependencies of {name}")
        # the first build is by far the longest; whether the service itself compiles is for the start to say
        argv = [_program(loaded, how.compile[0]), *(_fill(word, values) for word in how.compile[1:])]
        machine.run(argv, cwd=owner.directory, env=env, timeout=1800)
    counted = facts.dependencies.count(_contents(machine.context, owner))
    machine.write(mark, f"{step.args['stamp']}\n{counted}\n".encode())


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
    ran = machine.run(argv, cwd=owner.directory, env=env, timeout=1800)
    if ran.returncode:
        if wheelless := re.search(r"Wheels are required for `([^`]+)`", ran.stderr):
            raise _no_wheel(owner, wheelless[1], machine.context.loaded.source(owner.key))
        last = [line for line in (ran.stderr or ran.stdout).splitlines() if line.strip()][-4:]
        raise DevError(
            "dependencies-failed", f"the dependencies of {owner.name} could not be installed",
            because=f"{Path(argv[0]).name} ended with {ran.returncode}: " + " / ".join(last),
            hint=network.hint(ran.stderr, "check the network and the service's lock file, then run again"),
        )  # fmt: skip


def _no_wheel(owner: _Owner, package: str, source: str) -> DevError:
    """uv says so of a package of which the index, or the lock, has only a source archive."""
    return DevError(
        "no-wheel", f"{package} of {owner.name} has no wheel whose hash is in {owner.lock}",
        because="the lock has no hashes of the programs that would build its source archive",
        hint=f'pin a version that has wheels, or allow this one with build = ["{package}"] in [{owner.key}]',
        source=source,
    )  # fmt: skip
