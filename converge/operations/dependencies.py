"""What each service's lock file asks for, installed where only that service sees it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import facts.dependencies
from converge import network, tools
from converge.context import ConvergeContext
from converge.desired import Loaded, Service, TestSuite
from converge.errors import DevError
from converge.instance import Instance
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

LOCKS = {"python": "requirements.lock", "go": "go.sum", "next": "package-lock.json", "node": "package-lock.json"}
"""Kind of service -> the lock file in its directory."""
NEEDS = {"python": ("uv", "python"), "go": ("go",), "next": ("node",), "node": ("node",)}
"""Kind of service -> the tools that install for it."""


def venv(instance: Instance, name: str) -> Path:
    """The venv of a Python service."""
    return instance.dev / "services" / name / "venv"


def _stamp(instance: Instance, name: str) -> Path:
    return instance.dev / "services" / name / "dependencies"


def without(loaded: Loaded, instance: Instance, names: Iterable[str]) -> Loaded | None:
    """What to converge on, where one of these services lacks what it needs outside of a container; else None.

    That is so after a start of everything in Docker. Nothing but the services and their tools is asked for.
    """
    lacking = {
        name: service for name in names if _lacks(loaded, instance, name, service := loaded.desired.services[name])
    }
    if not lacking:
        return None
    needed = {tool for service in lacking.values() for tool in NEEDS[service.kind]}
    pinned = {tool: version for tool, version in loaded.desired.tools.items() if tool in needed}
    return replace(loaded, desired=replace(loaded.desired, tools=pinned, services=lacking, infra={}))


def _lacks(loaded: Loaded, instance: Instance, name: str, service: Service) -> bool:
    if service.kind not in LOCKS:
        return False
    locked = (instance.checkout / service.path / LOCKS[service.kind]).exists()
    if locked and not _stamp(instance, name).exists():
        return True
    pinned = loaded.desired.tools.keys()
    return any(tools.executable(loaded, tool) is None for tool in NEEDS[service.kind] if tool in pinned)


@dataclass(frozen=True)
class _Owner:
    """A service, or a suite of tests, whose lock file asks for something."""

    name: str
    kind: str
    directory: Path
    lock: str
    main: str
    key: str
    """Where it stands in the desired state."""


def kind_of(suite: TestSuite) -> str:
    """What installs the lock file of a suite."""
    named = Path(suite.requirements or "").name
    return next((kind for kind in ("go", "node") if named == LOCKS[kind]), "python")


def _owners(context: ConvergeContext) -> Iterable[_Owner]:
    checkout = context.instance.checkout
    for name, service in context.desired.services.items():
        if service.kind in LOCKS and context.purpose != "containers":
            lock = LOCKS[service.kind]
            yield _Owner(name, service.kind, checkout / service.path, lock, service.main, f"services.{name}")
    for name, suite in context.desired.tests.items() if context.purpose == "test" else ():
        if suite.requirements:
            yield _Owner(
                name, kind_of(suite), checkout / suite.path, suite.requirements, "./...", f"tests.{name}",
            )  # fmt: skip


def _versions(context: ConvergeContext, kind: str) -> str:
    """Another Python or Node makes what was installed for the last one useless."""
    wanted = tools.wanted(context.desired)
    return " ".join(f"{tool}={wanted.get(tool, '')}" for tool in NEEDS[kind][-1:])


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Each one's hash of its lock file, the stamp of the last install, and whether what was installed is there."""
    return [
        facts.dependencies.probe(
            owner.name, owner.directory / owner.lock, _stamp(context.instance, owner.name), _there(context, owner)
        )
        for owner in _owners(context)
    ]


def _there(context: ConvergeContext, owner: _Owner) -> Path:
    if owner.kind == "python":
        return venv(context.instance, owner.name) / "bin" / "python"
    return _stamp(context.instance, owner.name) if owner.kind == "go" else owner.directory / "node_modules"


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
        expected = f"{fact.lock} {_versions(context, owner.kind)}"
        if fact.stamp == expected:
            yield Item(key, "dependencies", "ok", "installed", want, source=source)
            continue
        because = f"{want} changed since they were installed" if fact.stamp else "they are not installed"
        path = owner.directory.relative_to(context.instance.checkout) / want
        step = Step(
            key, "dependencies", f"install what {path} asks for", because,
            after=tuple(f"tools.{tool}" for tool in NEEDS[owner.kind]), args={"name": owner.name, "stamp": expected},
        )  # fmt: skip
        yield Item(
            key,
            "dependencies",
            "drift",
            "outdated" if fact.stamp else "absent",
            want,
            because,
            source=source,
            step=step,
        )


def apply(step: Step, machine: Machine) -> None:
    """Install by the kind's own client; the stamp is written last, so an install that was cut off is done again."""
    name, instance = step.args["name"], machine.context.instance
    owner = next(each for each in _owners(machine.context) if each.name == name)
    directory, stamp = owner.directory, _stamp(instance, name)
    stamp.unlink(missing_ok=True)
    machine.say(f"installing the dependencies of {name}")
    env = {
        **network.environment(),
        "PATH": os.pathsep.join([*tools.path_entries(machine.context.loaded), os.environ["PATH"]]),
    }
    if owner.kind == "python":
        _python(owner, machine, env)
    elif owner.kind == "go":
        from converge import supply

        go, env = _tool(machine, "go"), supply.go_environment()
        _run(name, machine, [go, "mod", "download"], directory, env)
        machine.say(f"compiling the dependencies of {name}")
        # the first build is by far the longest; whether the service itself compiles is Air's to say
        machine.run([go, "build", "-o", os.devnull, owner.main], cwd=directory, env=env, timeout=1800)
    else:
        npm = str(Path(_tool(machine, "node")).with_name("npm"))
        _run(name, machine, [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], directory, env)
    machine.write(stamp, step.args["stamp"].encode())


def _python(owner: _Owner, machine: Machine, env: dict[str, str]) -> None:
    name, directory = owner.name, owner.directory
    place, python = venv(machine.context.instance, name), _tool(machine, "python")
    shutil.rmtree(place, ignore_errors=True)
    uv = _tool(machine, "uv")
    _run(name, machine, [uv, "venv", "--quiet", "--no-project", "--python", python, str(place)], directory, env)
    argv = [uv, "pip", "install", "--quiet", "--python", str(place / "bin/python"), "--require-hashes"]
    _run(name, machine, [*argv, "--compile-bytecode", "-r", owner.lock], directory, env)


def _tool(machine: Machine, tool: str) -> str:
    found = tools.executable(machine.context.loaded, tool)
    if found is None:
        raise DevError("command-missing", f"there is no {tool}", hint=f"add {tool} to [tools] in desired_state.toml")
    return str(found)


def _run(name: str, machine: Machine, argv: list[str], cwd: Path, env: dict[str, str]) -> None:
    ran = machine.run(argv, cwd=cwd, env=env, timeout=1800)
    if ran.returncode:
        last = [line for line in (ran.stderr or ran.stdout).splitlines() if line.strip()][-4:]
        raise DevError(
            "dependencies-failed", f"the dependencies of {name} could not be installed",
            because=f"{Path(argv[0]).name} ended with {ran.returncode}: " + " / ".join(last),
            hint=network.hint(ran.stderr, "check the network and the service's lock file, then run again"),
        )  # fmt: skip
