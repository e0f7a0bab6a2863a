"""Run configurations of JetBrains' IDEs: one file of our own per service in `.run`, known by its first line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from converge.operations import dependencies
from runtime.component import ServiceComponent
from runtime.editors.vscode import LAUNCHER, OURS, attach, launches

MARKER = "<!-- kept by ./dev: it writes this file anew and removes it -->"
"""How we know a file of ours; one of that name without it is a person's."""
ROOT = "$PROJECT_DIR$"
_SHELL = "ShConfigurationType"


PATTERN = "dev *.run.xml"
"""Names of all our files."""


def file_name(component: ServiceComponent) -> str:
    """Its file in `.run`."""
    return f"dev {component.name}.run.xml"


def text(component: ServiceComponent) -> str:
    """The whole file: what the IDE can run and attach to, and the commands that hand the service off and back."""
    name, configurations = component.name, []
    if launch := LAUNCHED.get(component.kind) if launches(component) else None:
        configurations.append("\n".join(launch(component)))
    if (there := attach(component)) and (attached := ATTACHED.get(there[0])):
        configurations.append("\n".join(attached(component, there[1])))
        configurations.append("\n".join(_shell(component, f"debug {name}", f"debug {name}")))
    configurations.append("\n".join(_shell(component, f"hand off {name}", f"handoff {name}")))
    configurations.append("\n".join(_shell(component, f"give back {name}", f"handoff {name} --back")))
    shown = "\n".join(configurations)
    return f'<component name="ProjectRunConfigurationManager">\n  {MARKER}\n{shown}\n</component>\n'


def _go(component: ServiceComponent) -> Iterator[str]:
    """GoLand reads no file of variables by itself: the EnvFile plugin does."""
    wants = component.wants
    flags = wants.env.get("GOFLAGS")
    yield _head(f"{OURS}{component.name}", "GoApplicationRunConfiguration", 'factoryName="Go Application"')
    yield f"    <working_directory value={_below(wants.path)} />"
    if flags:
        yield f"    <go_parameters value={_quoted(flags)} />"
    yield '    <kind value="DIRECTORY" />'
    yield f"    <directory value={_below(os.path.normpath(f'{wants.path}/{wants.main}'))} />"
    yield '    <EXTENSION ID="net.ashald.envfile">'
    yield '      <option name="IS_ENABLED" value="true" />'
    yield "      <ENTRIES>"
    yield (
        '        <ENTRY IS_ENABLED="true" PARSER="env" IS_EXECUTABLE="false" PATH=' + _quoted(_file(component)) + " />"
    )
    yield "      </ENTRIES>"
    yield "    </EXTENSION>"
    yield from _tail(f"hand off {component.name}")


def _python(component: ServiceComponent) -> Iterator[str]:
    wants, checkout = component.wants, component.instance.checkout
    venv = dependencies.venv(component.instance, component.name).relative_to(checkout)
    yield _head(f"{OURS}{component.name}", "PythonConfigurationType", 'factoryName="Python"')
    for name, value in (
        ("ENV_FILES", f'"{ROOT}/{_file(component)}"'), ("PARENT_ENVS", '"true"'),
        ("SDK_HOME", _below(f"{venv}/bin/python")), ("IS_MODULE_SDK", '"false"'),
        ("WORKING_DIRECTORY", _below(wants.path)), ("ADD_CONTENT_ROOTS", '"false"'), ("ADD_SOURCE_ROOTS", '"false"'),
        ("MODULE_MODE", '"true"'), ("SCRIPT_NAME", '"uvicorn"'), ("PARAMETERS", _quoted(wants.app or "")),
    ):  # fmt: skip
        yield f'    <option name="{name}" value={value} />'
    yield from _tail(f"hand off {component.name}")


def _attach_go(component: ServiceComponent, port: int) -> Iterator[str]:
    more = f'factoryName="Go Remote" host="127.0.0.1" port="{port}"'
    yield _head(f"{OURS}attach {component.name}", "GoRemoteDebugConfigurationType", more)
    yield '    <option name="disconnectOption" value="LEAVE" />'
    yield '    <disconnect value="LEAVE" />'
    yield from _tail(f"debug {component.name}")


def _attach_node(component: ServiceComponent, port: int) -> Iterator[str]:
    more = f'factoryName="Chromium Remote" host="127.0.0.1" port="{port}"'
    yield _head(f"{OURS}attach {component.name}", "ChromiumRemoteDebugType", more)
    yield from _tail(f"debug {component.name}")


def _shell(component: ServiceComponent, name: str, words: str) -> Iterator[str]:
    checkout = component.instance.checkout
    launcher = os.path.relpath(LAUNCHER, checkout)
    script = f"./dev {words}" if launcher == "dev" else f'"{launcher}" -C . {words}'
    yield _head(OURS + name, _SHELL, "")
    for option, value in (
        ("SCRIPT_TEXT", script), ("INDEPENDENT_SCRIPT_PATH", "true"), ("SCRIPT_PATH", ""), ("SCRIPT_OPTIONS", ""),
        ("INDEPENDENT_SCRIPT_WORKING_DIRECTORY", "true"), ("SCRIPT_WORKING_DIRECTORY", ROOT),
        ("INDEPENDENT_INTERPRETER_PATH", "true"), ("INTERPRETER_PATH", "/bin/sh"), ("INTERPRETER_OPTIONS", ""),
        ("EXECUTE_IN_TERMINAL", "false"), ("EXECUTE_SCRIPT_FILE", "false"),
    ):  # fmt: skip
        yield f'    <option name="{option}" value={_quoted(value)} />'
    yield "    <envs />"
    yield from _tail("")


def _head(name: str, kind: str, more: str) -> str:
    words = f'  <configuration default="false" name={_quoted(name)} type="{kind}" {more}'
    return f"{words.rstrip()}>"


def _tail(first: str) -> Iterator[str]:
    """What runs before it."""
    if first:
        yield '    <method v="2">'
        yield (
            '      <option name="RunConfigurationTask" enabled="true" '
            f'run_configuration_name={_quoted(OURS + first)} run_configuration_type="{_SHELL}" />'
        )
        yield "    </method>"
    else:
        yield '    <method v="2" />'
    yield "  </configuration>"


def _file(component: ServiceComponent) -> str:
    return str(component.instance.environment_file(component.name).relative_to(component.instance.checkout))


def _below(path: str) -> str:
    return _quoted(ROOT if path in ("", ".") else f"{ROOT}/{path}")


LAUNCHED: dict[str, Callable[[ServiceComponent], Iterator[str]]] = {"go": _go, "python": _python}
ATTACHED: dict[str, Callable[[ServiceComponent, int], Iterator[str]]] = {
    "delve": _attach_go, "node inspector": _attach_node,
}  # fmt: skip
"""Debugger -> how it is attached to; the form in which PyCharm keeps one that attaches to debugpy is not known."""


def _quoted(value: str) -> str:
    from xml.sax.saxutils import quoteattr  # brings half of urllib along, which only who has such an IDE waits for

    return quoteattr(value)
