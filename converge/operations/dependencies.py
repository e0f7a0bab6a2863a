"""What each service's lock file asks for, installed where only that service sees it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import facts.dependencies
from converge import network, tools
from converge.context import ConvergeContext
from converge.desired import Service
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


def _services(context: ConvergeContext) -> Iterable[tuple[str, Service, Path]]:
    for name, service in context.desired.services.items():
        if service.kind in LOCKS and context.purpose != "containers":
            yield name, service, context.instance.checkout / service.path / LOCKS[service.kind]


def _versions(context: ConvergeContext, kind: str) -> str:
    """Another Python or Node makes what was installed for the last one useless."""
    wanted = tools.wanted(context.desired)
    return " ".join(f"{tool}={wanted.get(tool, '')}" for tool in NEEDS[kind][-1:])


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Per service: hash of its lock file, the stamp of the last install, and whether what was installed is there."""
    return [
        facts.dependencies.probe(name, lock, _stamp(context.instance, name), _there(context, name, service, lock))
        for name, service, lock in _services(context)
    ]


def _there(context: ConvergeContext, name: str, service: Service, lock: Path) -> Path:
    if service.kind == "python":
        return venv(context.instance, name) / "bin" / "python"
    return _stamp(context.instance, name) if service.kind == "go" else lock.parent / "node_modules"


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each service with a lock file: ok where the stamp of the last install names this lock and this tool."""
    for name, service, _ in _services(context):
        key, source = f"dependencies.{name}", context.loaded.source(f"services.{name}")
        fact, want = observation[key], LOCKS[service.kind]
        if isinstance(fact, Unknown):
            yield Item(key, "dependencies", "unknown", "?", want, because=fact.because, source=source)
            continue
        if not fact.lock:
            yield Item(key, "dependencies", "skipped", "no lock file", want, source=source)
            continue
        expected = f"{fact.lock} {_versions(context, service.kind)}"
        if fact.stamp == expected:
            yield Item(key, "dependencies", "ok", "installed", want, source=source)
            continue
        because = f"{want} changed since they were installed" if fact.stamp else "they are not installed"
        step = Step(
            key, "dependencies", f"install what {service.path}/{want} asks for", because,
            after=tuple(f"tools.{tool}" for tool in NEEDS[service.kind]), args={"name": name, "stamp": expected},
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
    service = machine.context.desired.services[name]
    directory, stamp = instance.checkout / service.path, _stamp(instance, name)
    stamp.unlink(missing_ok=True)
    machine.say(f"installing the dependencies of {name}")
    env = {
        **network.environment(),
        "PATH": os.pathsep.join([*tools.path_entries(machine.context.loaded), os.environ["PATH"]]),
    }
    if service.kind == "python":
        _python(name, directory, machine, env)
    elif service.kind == "go":
        from converge import supply

        go, env = _tool(machine, "go"), supply.go_environment()
        _run(name, machine, [go, "mod", "download"], directory, env)
        machine.say(f"compiling the dependencies of {name}")
        # the first build is by far the longest; whether the service itself compiles is Air's to say
        machine.run([go, "build", "-o", os.devnull, service.main], cwd=directory, env=env, timeout=1800)
    else:
        npm = str(Path(_tool(machine, "node")).with_name("npm"))
        _run(name, machine, [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], directory, env)
    machine.write(stamp, step.args["stamp"].encode())


def _python(name: str, directory: Path, machine: Machine, env: dict[str, str]) -> None:
    place, python = venv(machine.context.instance, name), _tool(machine, "python")
    shutil.rmtree(place, ignore_errors=True)
    uv = _tool(machine, "uv")
    _run(name, machine, [uv, "venv", "--quiet", "--no-project", "--python", python, str(place)], directory, env)
    argv = [uv, "pip", "install", "--quiet", "--python", str(place / "bin/python"), "--require-hashes"]
    _run(name, machine, [*argv, "--compile-bytecode", "-r", "requirements.lock"], directory, env)


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
