"""Go services: Air builds and restarts on a change, or `rebuild.py` if Air is not available."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import tools
from facts.ports import HOME
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services import plain, rebuilding
from runtime.services.debugger import Debugger, missing
from runtime.services.ide import RunConfiguration, environment_file, in_jetbrains, in_vscode, quoted

ready_timeout = 180.0
"""Seconds; includes the first compilation."""
passed = ("GOPROXY", "GOPRIVATE", "GONOSUMDB", "GONOSUMCHECK", "GOSUMDB", "GOPATH", "GOMODCACHE", "GOCACHE")
dialect = "go"
web_front = False
SUFFIXES = ("go", "sql", "toml", "html")
"""A change of a file with such a suffix builds and restarts it."""
LINK = 'case "$GOFLAGS" in *-ldflags*) link=;; *) link=-ldflags=-w;; esac'
"""Shell command: without debug information orders links in 0.6 s less of the processor; a panic has its line numbers
all the same, and a debugger gets a build of its own. Linker flags of the team are kept as they are."""


def run(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    """Air with one configuration per instance, so that two instances never share a build."""
    service = component.wants
    build = component.directory / "build"
    build.mkdir(parents=True, exist_ok=True)
    program = build / component.name
    command = f"{LINK}; go build $link -o {shlex.quote(str(program))} {shlex.quote(service.main)}"
    config = build / "air.toml"
    config.write_text(_air(os.path.relpath(build, component.path), command, program, service.watch))
    air = tools.executable(platform.loaded, "air")
    if air is None:
        return rebuilding.command(
            component, (str(program),), ("/bin/sh", "-c", command), (*SUFFIXES, "mod"), skipped=("*_test.go",)
        )
    return (str(air), "-c", str(config))


def _air(build: str, command: str, program: Path, watch: tuple[str, ...]) -> str:
    lines = [
        'root = "."',
        f"tmp_dir = {json.dumps(build)}",
        "[build]",
        f"cmd = {json.dumps(command)}",
        f"entrypoint = [{json.dumps(str(program))}]",
        f"include_ext = {json.dumps(SUFFIXES)}",
        'exclude_regex = ["_test\\\\.go$"]',
        f"include_dir = {json.dumps(list(watch))}",
        "delay = 50",
        "stop_on_error = true",
        "send_interrupt = true",
        'kill_delay = "3s"',
        "[log]",
        "main_only = true",
        "silent = false",
    ]
    return "\n".join(lines) + "\n"


def by_hand(component: ServiceComponent) -> str:
    """`go run` compiles and runs it."""
    return f"exec go run {shlex.quote(component.wants.main)}"


environment = plain.environment


def native_environment(component: ServiceComponent) -> Mapping[str, str]:
    """The pinned Go must not download another version."""
    return {"GOTOOLCHAIN": "local"}


ide_environment = plain.ide_environment
path = plain.path


def test(component: ServiceComponent, report: Path | None) -> tuple[str, ...]:
    """Every package of its module."""
    return ("go", "test", "./...")


leftovers = plain.leftovers


def vscode(component: ServiceComponent, script: str) -> Mapping[str, Any] | None:
    """Its package."""
    service = component.wants
    flags = service.env.get("GOFLAGS")
    program = in_vscode(os.path.normpath(f"{service.path}/{service.main}"))
    return {"type": "go", "mode": "debug", "program": program, **({"buildFlags": flags} if flags else {})}


def jetbrains(component: ServiceComponent) -> RunConfiguration | None:
    """GoLand cannot read an env file: the EnvFile plugin does."""
    service = component.wants
    flags = service.env.get("GOFLAGS")
    directory = in_jetbrains(os.path.normpath(f"{service.path}/{service.main}"))
    file = quoted(environment_file(component))
    body = [
        f"<working_directory value={in_jetbrains(service.path)} />",
        *([f"<go_parameters value={quoted(flags)} />"] if flags else []),
        '<kind value="DIRECTORY" />',
        f"<directory value={directory} />",
        '<EXTENSION ID="net.ashald.envfile">',
        '  <option name="IS_ENABLED" value="true" />',
        "  <ENTRIES>",
        f'    <ENTRY IS_ENABLED="true" PARSER="env" IS_EXECUTABLE="false" PATH={file} />',
        "  </ENTRIES>",
        "</EXTENSION>",
    ]
    return RunConfiguration("GoApplicationRunConfiguration", 'factoryName="Go Application"', tuple(body))


def _debugged(component: ServiceComponent) -> Path:
    return component.directory / "build" / f"{component.name}.debug"


def _build(component: ServiceComponent) -> tuple[str, ...]:
    """Without optimisation, which hides variables and moves lines."""
    program = _debugged(component)
    program.parent.mkdir(parents=True, exist_ok=True)
    return ("go", "build", "-gcflags=all=-N -l", "-o", str(program), component.wants.main)


def _delve(platform: Platform, component: ServiceComponent, host: str, number: int) -> tuple[str, ...]:
    """One port for both protocols: VS Code speaks DAP to it, JetBrains and `dlv connect` JSON-RPC 2."""
    program = tools.executable(platform.loaded, "delve")
    if program is None:
        raise missing("delve", component)
    return (
        str(program), "exec", "--headless", "--api-version=2", "--accept-multiclient", "--continue",
        "--only-same-user=true", f"--listen={HOME}:{number}", str(_debugged(component)),
    )  # fmt: skip


def _connect(platform: Platform, number: int) -> str:
    return f"{tools.executable(platform.loaded, 'delve') or 'dlv'} connect {HOME}:{number}"


def _attach_vscode(number: int) -> dict[str, Any]:
    return {"type": "go", "mode": "remote", "host": HOME, "port": number}


def _attach_jetbrains(number: int) -> RunConfiguration:
    body = ('<option name="disconnectOption" value="LEAVE" />', '<disconnect value="LEAVE" />')
    more = f'factoryName="Go Remote" host="{HOME}" port="{number}"'
    return RunConfiguration("GoRemoteDebugConfigurationType", more, body)


debugger = Debugger(
    name="delve", run=_delve, attach="Go Remote", terminal=_connect, program="delve", word="dlv", build=_build,
    executable=_debugged, vscode=_attach_vscode, jetbrains=_attach_jetbrains,
)  # fmt: skip
