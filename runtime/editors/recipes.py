"""How a process of each kind is begun by hand or by an IDE: without hot reload, where HOST and PORT say."""

from __future__ import annotations

import os
import re
import shlex

from facts.processes import MARK
from runtime import services
from runtime.component import ServiceComponent
from runtime.environment import make_private, of_component
from runtime.placements import ide
from runtime.platform import Platform

_TEMPLATE = re.compile(r"\{[a-z0-9-]+(?:\.[a-z]+)?\}")


def variables(platform: Platform, component: ServiceComponent) -> dict[str, str]:
    """What it would get natively; besides the mark of our processes, so that it can be asked to end on the way back."""
    make_private(component)
    host = ide.host(component)
    found = {**of_component(platform, component, host=host), MARK: ide.mark(component)}
    return {**found, **services.kind(component).ide_environment(component, host)}


def script(component: ServiceComponent) -> str:
    """What a shell runs in its directory with its environment; empty where only `./dev` could say."""
    dev = component.wants.dev
    if dev:
        filled = dev.replace("{port}", "$PORT").replace("{host}", "$HOST")
        return "" if _TEMPLATE.search(filled) else filled
    return services.kind(component).by_hand(component)


def command(component: ServiceComponent) -> str:
    """The whole line for a terminal in the checkout; empty where there is none."""
    words, directory = script(component), component.wants.path
    if not words:
        return ""
    home = component.instance.checkout / directory
    file = os.path.relpath(component.instance.environment_file(component.name), home)
    return f"(cd {shlex.quote(directory)} && set -a && . {shlex.quote(file)} && set +a && {words})"
