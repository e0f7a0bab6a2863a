"""Compose entries that ./dev writes itself: infrastructure by its image alone, and services of a team's Compose file.

`[infra.NAME]` with `container_port` has no entry in `compose/`. The file is of one instance, and is written before each
use of Compose.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from converge import atomic, kinds, own_files
from runtime.component import InfraComponent
from runtime.environment import fill, variable
from runtime.platform import Platform

if TYPE_CHECKING:
    from converge.compose_file.composed import Container

LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}
INTERVAL = "2s"
"""Of a health check that does not say: a start waits for the first one, and by default that is after half a minute."""
OURS = re.compile(rf'^  "({"|".join((*kinds.INFRA, "ca", "netrc"))})": ', re.MULTILINE)
"""A name that the `infra.yaml` of ./dev has too, as a line of the model begins with it."""


def write(platform: Platform) -> None:
    """Write the instance's file, or delete it where nothing is declared by its image alone."""
    path, text = platform.instance.rendered_file, OURS.sub(r'  "\1": !override ', json.dumps(model(platform), indent=1))
    if not any(_declared(platform)):
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(OSError):
        if own_files.text(path) == text:
            return
    atomic.write(path, text)


def model(platform: Platform) -> dict[str, Any]:
    """The Compose model: services, and the named volumes that they use."""
    services: dict[str, Any] = {}
    volumes: dict[str, Any] = {}
    for component in _declared(platform):
        labels = {
            "dev.instance": platform.instance.id, "dev.checkout": str(platform.instance.checkout),
            "dev.component": component.name,
        }  # fmt: skip
        own = container(platform, component)
        made = _of_team(platform, component, own) if own else _service(platform, component)
        services[component.name] = made | {"labels": {**made.get("labels", {}), **labels}}
        volumes |= {_volume(component, each): {"labels": labels} for each in _named(component)}
    top = dict(platform.loaded.composed.top) if platform.loaded.composed else {}
    volumes |= top.get("volumes", {})
    return {"services": services} | top | ({"volumes": volumes} if volumes else {})


def container(platform: Platform, component: InfraComponent) -> Container | None:
    """Its service in the team's Compose file; None if it is not from there."""
    composed = platform.loaded.composed
    return composed.containers.get(component.name) if composed else None


def environment(platform: Platform, component: InfraComponent) -> dict[str, str]:
    """The variables of its container: those of its entry, and none of [env], which its image does not know."""
    return {
        name: fill(value, platform, component, "docker", reading="strict")
        for name, value in component.wants.env.items()
    }  # fmt: skip


def _declared(platform: Platform) -> Iterator[InfraComponent]:
    yield from (each for each in platform.infra.values() if each.wants.container_port)


def _service(platform: Platform, component: InfraComponent) -> dict[str, Any]:
    wants, name = component.wants, component.name
    made: dict[str, Any] = {
        "image": f"${{{variable(name, 'IMAGE')}:-{wants.image}}}",
        "ports": [f"127.0.0.1:${{{variable(name, 'PORT')}:-{component.port}}}:{wants.container_port}"],
        "env_file": [{"path": f"${{DEV_ENV:-./env}}/{name}.env", "required": False}],
        "restart": "unless-stopped", "stop_grace_period": f"{wants.stop_grace:g}s", "init": True, "logging": LOGGING,
        "security_opt": ["no-new-privileges:true"],
    }  # fmt: skip
    if wants.command:
        made["command"] = [word.replace("$", "$$") for word in wants.command]
    if wants.volumes:
        made["volumes"] = [":".join(_mount(platform, component, each)) for each in wants.volumes]
    return made


def _of_team(platform: Platform, component: InfraComponent, own: Container) -> dict[str, Any]:
    """As the file has it, on loopback and on the ports of this instance."""
    name, wants = component.name, component.wants
    image = str(wants.image).replace("$", "$$").replace("}", "")
    ports = [f"127.0.0.1:{component.port}:{wants.container_port}"]
    ports += [
        f"127.0.0.1:{platform.instance.port(each.number)}:{each.target}/{each.protocol}"
        for each in own.more if each.number
    ]  # fmt: skip
    body = dict(own.body)
    if isinstance(body.get("healthcheck"), dict):
        body["healthcheck"] = {"interval": INTERVAL} | body["healthcheck"]
    return {"restart": "unless-stopped", "logging": LOGGING} | body | {
        "image": f"${{{variable(name, 'IMAGE')}:-{image}}}", "ports": ports,
        "env_file": [{"path": f"${{DEV_ENV:-./env}}/{name}.env", "required": False}],
        "stop_grace_period": f"{wants.stop_grace:g}s",
    }  # fmt: skip


def _mount(platform: Platform, component: InfraComponent, text: str) -> tuple[str, ...]:
    """Source, target and mode of a volume: one of its own, or a file or directory of the checkout."""
    source, *rest = text.split(":")
    if source.startswith("."):
        return (str(platform.instance.checkout / source).replace("$", "$$"), *rest)
    return (_volume(component, source), *rest)


def _named(component: InfraComponent) -> Iterator[str]:
    yield from (each.partition(":")[0] for each in component.wants.volumes if not each.startswith("."))


def _volume(component: InfraComponent, name: str) -> str:
    """Its key in the Compose model; no component's name has a dot."""
    return f"{component.name}.{name}"
