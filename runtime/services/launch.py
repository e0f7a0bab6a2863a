"""The native command of a service: its own `dev` command, else that of its kind."""

from __future__ import annotations

from converge.errors import DevError, Exit
from facts.ports import HOME
from facts.value import replace
from runtime.component import Launch, ServiceComponent
from runtime.environment import fill, of_component
from runtime.platform import Platform
from runtime.services import kind, rebuilding


def launch(platform: Platform, component: ServiceComponent, host: str = HOME) -> Launch:
    """The command with hot reload; the service must listen on `host`."""
    service, home = component.wants, at_home(platform, component, host)
    if service.dev:
        own = ("/bin/sh", "-c", fill(service.dev, platform, component, host=host))
        return replace(home, argv=rebuilding.restarted(component, own) if service.reload else own)
    return replace(home, argv=kind(component).run(platform, component, host))


def at_home(platform: Platform, component: ServiceComponent, host: str) -> Launch:
    """Its directory and its environment, without a command."""
    service = component.wants
    directory = component.path
    if not directory.is_dir():
        raise DevError(
            "no-directory", f"{component.name} has no directory {service.path}",
            source=platform.source(component, "path"), exit=Exit.BAD_STATE,
        )  # fmt: skip
    return Launch((), directory, of_component(platform, component, host=host), tty=service.tty)
