"""The desired state as other tools can have it: commands, directories, ports and variables, without ./dev."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from cli import hiding
from converge import derived, template_places, templates
from converge.env_files import files
from converge.templates import Reading
from facts.ports import HOME
from facts.value import dataclass
from runtime import services
from runtime.component import Component, InfraComponent
from runtime.editors import recipes
from runtime.environment import addresses
from runtime.platform import Platform

ASKED = re.compile("\0([A-Z0-9_]+)\0")
"""How a text names a variable whose value is not exported; `asked` gives it the syntax of a format."""


@dataclass(frozen=True)
class Entry:
    """One component."""

    name: str
    is_service: bool
    command: str
    """Line for a shell; empty if it is unknown outside of ./dev."""
    path: str
    image: str
    port: int | None
    inside: int | None
    """The port that its image has in the container."""
    env: Mapping[str, str]
    needs: tuple[str, ...]
    http: str
    """Path that answers when it is ready; empty: none."""
    once: bool


@dataclass(frozen=True)
class Plain:
    """All of it."""

    name: str
    tools: Mapping[str, str]
    env: Mapping[str, str]
    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]
    """What only ./dev does, one line each."""


def of_platform(platform: Platform, in_containers: bool = False) -> Plain:
    """The values for processes on this machine, or for containers that reach each other by name."""
    desired = platform.desired
    lookup = _lookup(platform, in_containers)
    shared = template_places.shared(desired)
    env = {}
    for name, variable in desired.env.items():
        plain = variable.value is not None and not variable.secret
        env[name] = _hidden(templates.fill(variable.value or "", shared, lookup)) if plain else f"\0{name}\0"
    entries = tuple(_entry(platform, each, lookup, in_containers) for each in platform.components.values())
    left = (
        *_left_out(env, entries), *(f"{name}: run `migrate` by hand" for name in _migrated(platform)),
        *(f"{name}: its container has `command` or `volumes` of its own" for name in _rendered(platform)),
        *(f"{each.path}: its values are not exported" for each in files.declared(desired)),
    )  # fmt: skip
    return Plain(desired.project.name, dict(desired.tools), env, entries, left)


def _left_out(env: Mapping[str, str], entries: Sequence[Entry]) -> Iterator[str]:
    texts = [*env.values(), *(text for each in entries for text in (each.command, *each.env.values()))]
    for name in dict.fromkeys(name for text in texts for name in ASKED.findall(text)):
        yield f"{name}: its value is not exported; set it"
    for each in entries:
        if not each.command and not each.image:
            yield f"{each.name}: only ./dev knows how it is started"


def _migrated(platform: Platform) -> list[str]:
    return [name for name, each in platform.desired.services.items() if each.migrate]


def _rendered(platform: Platform) -> list[str]:
    team = platform.loaded.composed.containers if platform.loaded.composed else {}
    return [name for name, each in platform.desired.infra.items() if each.command or each.volumes or name in team]


def asked(text: str, syntax: str = "${%s}", dollar: str = "$$") -> str:
    """The text in a format that fills in variables: `dollar` is its plain dollar sign."""
    return ASKED.sub(lambda match: syntax % match[1], text.replace("$", dollar))


def _entry(platform: Platform, component: Component, lookup: Callable[[str], str], in_containers: bool) -> Entry:
    host = "0.0.0.0" if in_containers else HOME
    own = {
        "host": host, "port": str(component.port), "debug_port": str(component.debug_port),
        **_named(component),
        "state": f"./state/{component.name}", "data": f"./data/{component.name}",
    }  # fmt: skip

    def fill(text: str, reading: Reading = "strict", data: bool = False) -> str:
        scope = template_places.component(platform.desired, component.wants, reading, data)
        return _hidden(templates.fill(text, scope, lambda word: own.get(word) or lookup(word)))

    env = {name: fill(value) for name, value in component.wants.env.items()}
    inside = component.port
    if isinstance(component, InfraComponent):
        command, path, image = fill(component.wants.run or "", "lenient", True), ".", component.wants.image or ""
        if image and not command:
            inside, known = _image(component)
            env = {**known, **env}
    else:
        dev, kind = component.wants.dev, services.kind(component)
        command = fill(dev, "lenient") if dev else recipes.script(component)
        path, image = component.wants.path, ""
        env = {**kind.environment(component, "native"), **({} if dev else kind.ide_environment(component, host)), **env}
    if component.port and command:
        env = {"HOST": host, "PORT": str(component.port)} | env
    env = _named(component, str.upper) | env
    ready = component.wants.ready
    return Entry(
        component.name, component.is_service, command, path, image, component.port, inside, env,
        (*component.wants.needs,), (ready and ready.http) or "", component.once,
    )  # fmt: skip


def _named(component: Component, spelled: Callable[[str], str] = str) -> dict[str, str]:
    return {spelled(f"{name}_port"): str(number) for name, number in component.ports.items()}


def _image(component: InfraComponent) -> tuple[int, dict[str, str]]:
    """The port that a well-known image has in its container, and the variables that it needs.

    Source: the pages of the official images on Docker Hub.
    """
    if component.kind != "postgres":
        return component.wants.container_port or (6379 if component.kind == "redis" else component.wants.port), {}
    env = {"POSTGRES_USER": derived.SERVICES, "POSTGRES_PASSWORD": f"\0{_variable(component.name)}_PASSWORD\0"}
    return 5432, env | ({"POSTGRES_DB": component.wants.databases[0]} if component.wants.databases else {})


def _hidden(text: str) -> str:
    """The text without secrets; what names a variable stays."""
    return "".join(
        f"\0{each}\0" if at % 2 else hiding.text(each) for at, each in enumerate(ASKED.split(text))
    )  # fmt: skip


def _variable(name: str) -> str:
    return re.sub(r"\W", "_", name).upper()


def _lookup(platform: Platform, in_containers: bool) -> Callable[[str], str]:
    """What an address means; a password in it becomes the name of a variable."""

    def found(word: str) -> str:
        name, _, key = word.rpartition(".")
        variable = _variable(name)
        if key == templates.KEYS:
            return f"\0{variable}_KEYS\0"
        known = addresses(platform, platform.components[name], "docker" if in_containers else "native")
        password = urlsplit(known["url"]).password
        value = known[key]
        return value.replace(password, f"\0{variable}_PASSWORD\0") if password else value

    return found
