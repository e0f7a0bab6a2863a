"""How each kind of service is run with hot reload."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from converge import tools
from converge.desired import Loaded
from converge.errors import DevError, Exit
from converge.operations import dependencies
from facts.ports import HOME
from runtime.component import Launch, ServiceComponent
from runtime.environment import fill, of_component
from runtime.platform import Platform

REBUILD = Path(__file__).with_name("rebuild.py")


def launch(platform: Platform, component: ServiceComponent, host: str = HOME) -> Launch:
    """The service's own `dev` command, else its kind's; it shall listen on `host`."""
    service, home = component.wants, at_home(platform, component, host)
    if service.dev:
        return replace(home, argv=("/bin/sh", "-c", fill(service.dev, platform, component, host=host)))
    return replace(home, argv=COMMANDS[service.kind](platform, component, host))


def at_home(platform: Platform, component: ServiceComponent, host: str) -> Launch:
    """Its directory and its environment, whatever is run there."""
    directory = component.path
    if not directory.is_dir():
        raise DevError(
            "no-directory", f"{component.name} has no directory {component.wants.path}",
            source=platform.source(component, "path"), exit=Exit.BAD_STATE,
        )  # fmt: skip
    return Launch((), directory, of_component(platform, component, host=host))


def _python(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    service = component.wants
    python = dependencies.venv(component.instance, component.name) / "bin" / "python"
    argv = [str(python), "-m", "uvicorn", service.app or "", "--reload", "--host", host]
    for directory in (".", *service.watch):
        argv += ["--reload-dir", directory]
    return (*argv, "--port", str(component.port))


def _go(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    """Air with a configuration of its own per instance, so that two of them never share a build."""
    service = component.wants
    build = component.directory / "build"
    build.mkdir(parents=True, exist_ok=True)
    program = build / component.name
    config = build / "air.toml"
    directory = component.path
    command = f"go build -o {shlex.quote(str(program))} {shlex.quote(service.main)}"
    lines = [
        'root = "."',
        f"tmp_dir = {json.dumps(os.path.relpath(build, directory))}",
        "[build]",
        f"cmd = {json.dumps(command)}",
        f"entrypoint = [{json.dumps(str(program))}]",
        'include_ext = ["go", "sql", "toml", "html"]',
        'exclude_regex = ["_test\\\\.go$"]',
        f"include_dir = {json.dumps(list(service.watch))}",
        "delay = 50",
        "stop_on_error = true",
        "send_interrupt = true",
        'kill_delay = "3s"',
        "[log]",
        "main_only = true",
        "silent = false",
    ]
    config.write_text("\n".join(lines) + "\n")
    air = tools.executable(platform.loaded, "air")
    if air is None:
        watched = [str(directory / path) for path in (".", *service.watch)]
        go = ("/bin/sh", "-c", command)
        return (sys.executable, "-I", str(REBUILD), str(program), *watched, "--", *go)
    return (str(air), "-c", str(config))


def _next(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    return (_node(platform.loaded), "node_modules/next/dist/bin/next", "dev", "-H", host, "-p", str(component.port))


def _npm(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", "exec npm run dev")


def _node(loaded: Loaded) -> str:
    found = tools.executable(loaded, "node")
    if found is None:
        raise DevError("command-missing", "there is no node", hint="add node to [tools]")
    return str(found)


def _command(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    raise DevError(
        "no-dev-command", f"{component.name} has no command", because="kind `command` needs `dev`",
        source=platform.source(component), exit=Exit.BAD_STATE,
    )  # fmt: skip


COMMANDS: dict[str, Callable[[Platform, ServiceComponent, str], tuple[str, ...]]] = {
    "python": _python, "go": _go, "next": _next, "node": _npm, "command": _command,
}  # fmt: skip
