"""How a process of each kind is started by hand or by an IDE: without hot reload, listening on HOST and PORT."""

from __future__ import annotations

import os
import shlex

from converge import templates
from facts.processes import MARK
from runtime import services
from runtime.component import ServiceComponent
from runtime.environment import make_private, of_component
from runtime.placements import ide
from runtime.platform import Platform

VARIABLES = {"port": "$PORT", "host": "$HOST"}
"""Template -> the shell variable with the same value."""


def shown(platform: Platform) -> dict[str, ServiceComponent]:
    """The services that have entries in the files of IDEs."""
    return {name: each for name, each in platform.services.items() if each.port and not each.once}


def variables(platform: Platform, component: ServiceComponent) -> dict[str, str]:
    """Its native environment, with the mark by which it can be asked to end when it is given back."""
    make_private(component)
    host = ide.host(component)
    found = {**of_component(platform, component, host=host), MARK: ide.mark(component)}
    return {**found, **services.kind(component).ide_environment(component, host)}


def script(component: ServiceComponent) -> str:
    """What a shell runs in its directory with its environment; empty if it needs values that only `./dev` has."""
    dev = component.wants.dev
    if dev:
        meaning = VARIABLES | {f"{name}_port": f"${name.upper()}_PORT" for name in component.ports}
        scope = templates.Scope(own=(*templates.OWN, *meaning), reading="lenient")
        known = all(word in meaning for word in templates.words(dev, scope))
        return templates.fill(dev, scope, meaning.__getitem__) if known else ""
    return services.kind(component).by_hand(component)


def command(component: ServiceComponent) -> str:
    """The whole line for a terminal in the checkout; empty without a command."""
    words, directory = script(component), component.wants.path
    if not words:
        return ""
    home = component.instance.checkout / directory
    file = os.path.relpath(component.instance.environment_file(component.name), home)
    return f"(cd {shlex.quote(directory)} && set -a && . {shlex.quote(file)} && set +a && {words})"
