"""Compose entries that ./dev writes itself, for infrastructure that a team declares by its image alone.

`[infra.NAME]` with `container_port` has no entry in the team's Compose files. Its file is of one instance, and is
written before each use of Compose.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from converge import atomic, own_files
from runtime.component import InfraComponent
from runtime.environment import fill
from runtime.platform import Platform

LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def write(platform: Platform) -> None:
    """Write the instance's file, or delete it where nothing is declared by its image alone."""
    path, text = platform.instance.rendered_file, json.dumps(model(platform), indent=1)
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
        services[component.name] = _service(platform, component) | {"labels": labels}
        volumes |= {_volume(component, each): {"labels": labels} for each in _named(component)}
    return {"services": services} | ({"volumes": volumes} if volumes else {})


def environment(platform: Platform, component: InfraComponent) -> dict[str, str]:
    """The variables of its container: those of its entry, and none of [env], which its image does not know."""
    return {name: fill(value, platform, component, "docker") for name, value in component.wants.env.items()}


def _declared(platform: Platform) -> Iterator[InfraComponent]:
    yield from (each for each in platform.infra.values() if each.wants.container_port)


def _service(platform: Platform, component: InfraComponent) -> dict[str, Any]:
    wants, name = component.wants, component.name
    upper = name.upper().replace("-", "_")
    made: dict[str, Any] = {
        "image": f"${{{upper}_IMAGE:-{wants.image}}}",
        "ports": [f"127.0.0.1:${{{upper}_PORT:-{component.port}}}:{wants.container_port}"],
        "env_file": [{"path": f"${{DEV_ENV:-./env}}/{name}.env", "required": False}],
        "restart": "unless-stopped", "stop_grace_period": f"{wants.stop_grace:g}s", "init": True, "logging": LOGGING,
        "security_opt": ["no-new-privileges:true"],
    }  # fmt: skip
    if wants.command:
        made["command"] = [word.replace("$", "$$") for word in wants.command]
    if wants.volumes:
        made["volumes"] = [":".join(_mount(platform, component, each)) for each in wants.volumes]
    return made


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
