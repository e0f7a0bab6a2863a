"""What follows from an entry of the desired state, part by part, as plain values that a golden case can hold."""

from __future__ import annotations

import shlex
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from converge import installing, schema
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.instance import Instance
from converge.machine import Machine
from converge.operations import dependencies
from converge.steps import Step
from facts.ports import HOME
from runtime import environment, infra, services
from runtime.component import InfraComponent, ServiceComponent
from runtime.editors import recipes
from runtime.platform import Platform
from runtime.services import debugging
from runtime.services import launch as native_services
from tests.conftest import HEAD, TOOL

COMMON = ("PATH", "no_proxy", "NO_PROXY", "NODE_COMPILE_CACHE")
"""Variables that every component gets; no case repeats them."""


@dataclass
class Place:
    """A checkout with nothing in it, and the programs of a machine."""

    checkout: Path
    bin: Path
    wanted: Mapping[str, Any]
    """The golden case."""
    platform: Platform = field(init=False)

    def __post_init__(self) -> None:
        loaded = schema.parse((HEAD + self.wanted["entry"]).encode())
        self.platform = Platform(loaded, Instance(self.checkout, "story", self.wanted.get("instance", ""), 32740))
        for name, secret in self.wanted.get("secrets", {}).items():
            file = self.platform.instance.state / "secrets" / name
            file.parent.mkdir(parents=True)
            file.write_text(secret)

    @property
    def service(self) -> ServiceComponent:
        (component,) = self.platform.services.values()
        component.path.mkdir(parents=True, exist_ok=True)
        return component

    @property
    def infra(self) -> InfraComponent:
        (component,) = self.platform.infra.values()
        return component

    def plain(self, value: Any) -> Any:
        """The value as TOML has it, without what belongs to this machine."""
        if isinstance(value, Mapping):
            return {name: self.plain(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(each) for each in value]
        if value is None:
            return "none"
        if not isinstance(value, (str, Path)):
            return value
        text = str(value)
        for path, name in (
            (self.platform.instance.data, "{data}"), (self.checkout, "{checkout}"), (self.bin, "{bin}"),
            (self.bin.parent, "{machine}"), (sys.executable, "{python}"), (TOOL, "{tool}"),
        ):  # fmt: skip
            text = text.replace(str(path), name)
        return text


def own(env: Mapping[str, str]) -> dict[str, str]:
    """What not every component gets."""
    return {name: value for name, value in env.items() if name not in COMMON}


def refused(act: Callable[[], Any]) -> str:
    """What a person reads where it cannot be done."""
    try:
        act()
    except DevError as problem:
        return f"{problem.code}: {problem.what}; {problem.because}; {problem.hint}"
    return "none"


def _run(place: Place) -> Any:
    return native_services.launch(place.platform, place.service).argv


def _debug(place: Place) -> Any:
    return debugging.launch(place.platform, place.service).argv


def _attach(place: Place) -> Any:
    found = debugging.recipe(place.service)
    number = debugging.port(place.service)
    made = found.jetbrains(number) if found.jetbrains else None
    return {
        "build": found.build(place.service) if found.build else None,
        "vscode": found.vscode(number) if found.vscode else None,
        "jetbrains": [made.type, made.attributes, *made.body] if made else found.attach,
        "terminal": found.terminal(place.platform, number),
    }


def _jetbrains(place: Place) -> Any:
    made = services.kind(place.service).jetbrains(place.service)
    return [made.type, made.attributes, *made.body] if made else None


def _install(place: Place) -> Any:
    """The commands, each with the variables that it gets besides those of every installation."""
    ran: list[str] = []
    every = installing.environment(directory=place.service.path)

    def run(argv: list[str], *, env: Mapping[str, str], **_: Any) -> Any:
        more = {name: value for name, value in own(env).items() if name not in every}
        words = [f"{name}={shlex.quote(value)}" for name, value in sorted(more.items())]
        ran.append(" ".join([*words, shlex.join(argv)]))
        return SimpleNamespace(returncode=0)

    context = ConvergeContext(place.platform.loaded, place.platform.instance)
    machine = SimpleNamespace(context=context, say=lambda text: None, run=run, write=lambda path, content: None)
    name = place.service.name
    if not list(dependencies.probes(context)):
        return []
    step = Step(f"dependencies.{name}", "dependencies", "", "", args={"name": name, "stamp": ""})
    dependencies.apply(step, cast(Machine, machine))
    return ran


SERVICE: dict[str, Callable[[Place], Any]] = {
    "run": _run,
    "run_refused": lambda place: refused(lambda: _run(place)),
    "debug": _debug,
    "debug_refused": lambda place: refused(lambda: _debug(place)),
    "attach": _attach,
    "environment": lambda place: own(environment.of_component(place.platform, place.service)),
    "environment_in_docker": lambda place: own(environment.of_component(place.platform, place.service, "docker")),
    "path": lambda place: environment.path(place.platform, place.service),
    "by_hand": lambda place: recipes.script(place.service),
    "ide_environment": lambda place: services.kind(place.service).ide_environment(place.service, "127.0.0.2"),
    "vscode": lambda place: services.kind(place.service).vscode(place.service, recipes.script(place.service)),
    "jetbrains": _jetbrains,
    "dialect": lambda place: services.kind(place.service).dialect,
    "web_front": lambda place: services.kind(place.service).web_front,
    "ready_timeout": lambda place: services.kind(place.service).ready_timeout,
    "test": lambda place: services.kind(place.service).test(place.service, None),
    "test_with_report": lambda place: services.kind(place.service).test(place.service, Path("/report.xml")),
    "leftovers": lambda place: services.kind(place.service).leftovers(place.service),
    "install": _install,
}
"""Part of a case -> how it is found out. A kind's cases have each of them, but one of `X` and `X_refused` will do."""
OPTIONAL = frozenset({"run", "run_refused", "debug", "debug_refused", "attach"})
"""Those of which a kind may lack some; `test_every_kind_is_covered` says which."""


def _launch(place: Place) -> Any:
    return infra.kind(place.infra).launch(place.platform, place.infra, HOME)


def _dialogues(place: Place) -> Any:
    """What `why_not` makes of each answer of a server."""
    found = []
    for dialogue in place.wanted["expect"]["dialogues"]:
        answer = dialogue["answer"].encode("latin-1")
        with socket.create_server((HOME, 0)) as server:
            speaker = threading.Thread(target=_answer, args=(server, answer), daemon=True)
            speaker.start()
            component = replace(place.infra, wants=replace(place.infra.wants, port=server.getsockname()[1]))
            why = infra.kind(component).why_not(component, 10.0)
        found.append({"answer": dialogue["answer"], "why_not": why})
    return found


def _answer(server: socket.socket, text: bytes) -> None:
    try:
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(text)
    except OSError:  # a kind that asks nothing never comes
        return


INFRA: dict[str, Callable[[Place], Any]] = {
    "launch": lambda place: _launch(place).argv,
    "launch_refused": lambda place: refused(lambda: _launch(place)),
    "stop_signal": lambda place: int(_launch(place).stop_signal),
    "environment": lambda place: own(_launch(place).env),
    "no_fallback": lambda place: infra.kind(place.infra).no_fallback(place.platform, place.infra),
    "variables": lambda place: infra.kind(place.infra).variables(place.platform, place.infra),
    "addresses": lambda place: environment.addresses(place.platform, place.infra),
    "addresses_in_docker": lambda place: environment.addresses(place.platform, place.infra, "docker"),
    "keeps_data": lambda place: infra.kind(place.infra).keeps_data,
    "greets": lambda place: infra.kind(place.infra).greets,
    "ready_timeout": lambda place: infra.kind(place.infra).ready_timeout,
    "copied_by_sql": lambda place: infra.kind(place.infra).copied_by_sql,
    "dialogues": _dialogues,
}
