"""What a native placement runs for a service: its own `dev` command, else its kind's."""

from __future__ import annotations

from dataclasses import replace

from converge.desired import Loaded
from converge.errors import DevError, Exit
from facts.ports import HOME
from runtime.component import Component, Launch
from runtime.environment import fill, of_component
from runtime.services import entry, kind


def launch(loaded: Loaded, component: Component, host: str = HOME) -> Launch:
    """With hot reload; it has to listen on `host`."""
    service, home = entry(component), at_home(loaded, component, host)
    if service.dev:
        return replace(home, argv=("/bin/sh", "-c", fill(service.dev, loaded, component, host=host)))
    return replace(home, argv=kind(component).run(loaded, component, host))


def at_home(loaded: Loaded, component: Component, host: str) -> Launch:
    """Its directory and its environment, whatever is run there."""
    service = entry(component)
    directory = component.instance.checkout / service.path
    if not directory.is_dir():
        raise DevError(
            "no-directory", f"{component.name} has no directory {service.path}",
            source=loaded.source(f"services.{component.name}.path"), exit=Exit.BAD_STATE,
        )  # fmt: skip
    return Launch((), directory, of_component(loaded, component, host=host))
