"""Run configurations of JetBrains' IDEs: one file per service in `.run`, recognised by its first line."""

from __future__ import annotations

import os
from collections.abc import Iterator

from converge import tool
from runtime import services
from runtime.component import ServiceComponent
from runtime.editors.vscode import OURS, debugged, launches
from runtime.services.ide import JETBRAINS_ROOT, RunConfiguration, quoted

MARKER = "<!-- kept by ./dev: it writes this file anew and removes it -->"
"""Marks a file of ./dev; a file of that name without it is the user's. Never change it: old files have it."""
_SHELL = "ShConfigurationType"


PATTERN = "dev *.run.xml"
"""Names of all files that ./dev writes."""


def file_name(component: ServiceComponent) -> str:
    """Its file in `.run`."""
    return f"dev {component.name}.run.xml"


def text(component: ServiceComponent) -> str:
    """The whole file: configurations to run and attach, and to hand the service off and give it back."""
    name, configurations = component.name, []
    if found := launched(component):
        configurations.append(_configuration(f"{OURS}{name}", found, f"hand off {name}"))
    if (there := debugged(component)) and there[0].jetbrains:
        attached = there[0].jetbrains(there[1])
        configurations.append(_configuration(f"{OURS}attach {name}", attached, f"debug {name}"))
        configurations.append("\n".join(_shell(component, f"debug {name}", f"debug {name}")))
    configurations.append("\n".join(_shell(component, f"hand off {name}", f"handoff {name}")))
    configurations.append("\n".join(_shell(component, f"give back {name}", f"handoff {name} --back")))
    shown = "\n".join(configurations)
    return f'<component name="ProjectRunConfigurationManager">\n  {MARKER}\n{shown}\n</component>\n'


def launched(component: ServiceComponent) -> RunConfiguration | None:
    """How the IDE runs it under its own debugger; None if it cannot."""
    return services.kind(component).jetbrains(component) if launches(component) else None


def _configuration(name: str, found: RunConfiguration, first: str) -> str:
    """The whole configuration; another one of ./dev, `first`, runs before it."""
    lines = [_head(name, found.type, found.attributes), *(f"    {line}" for line in found.body), *_tail(first)]
    return "\n".join(lines)


def _shell(component: ServiceComponent, name: str, words: str) -> Iterator[str]:
    checkout = component.instance.checkout
    launcher = os.path.relpath(tool.launcher(checkout), checkout)
    script = f"./dev {words}" if launcher == "dev" else f'"{launcher}" -C . {words}'
    yield _head(OURS + name, _SHELL, "")
    for option, value in (
        ("SCRIPT_TEXT", script), ("INDEPENDENT_SCRIPT_PATH", "true"), ("SCRIPT_PATH", ""), ("SCRIPT_OPTIONS", ""),
        ("INDEPENDENT_SCRIPT_WORKING_DIRECTORY", "true"), ("SCRIPT_WORKING_DIRECTORY", JETBRAINS_ROOT),
        ("INDEPENDENT_INTERPRETER_PATH", "true"), ("INTERPRETER_PATH", "/bin/sh"), ("INTERPRETER_OPTIONS", ""),
        ("EXECUTE_IN_TERMINAL", "false"), ("EXECUTE_SCRIPT_FILE", "false"),
    ):  # fmt: skip
        yield f'    <option name="{option}" value={quoted(value)} />'
    yield "    <envs />"
    yield from _tail("")


def _head(name: str, kind: str, more: str) -> str:
    words = f'  <configuration default="false" name={quoted(name)} type="{kind}" {more}'
    return f"{words.rstrip()}>"


def _tail(first: str) -> Iterator[str]:
    """The configuration that runs before it, as XML."""
    if first:
        yield '    <method v="2">'
        yield (
            '      <option name="RunConfigurationTask" enabled="true" '
            f'run_configuration_name={quoted(OURS + first)} run_configuration_type="{_SHELL}" />'
        )
        yield "    </method>"
    else:
        yield '    <method v="2" />'
    yield "  </configuration>"
