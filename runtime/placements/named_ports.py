"""Named ports in placements: a service that has some runs natively, and no container reaches them."""

from __future__ import annotations

from converge import declared_ports, template_places, templates
from converge.errors import DevError, Exit
from runtime.component import Component
from runtime.platform import Platform


def stays(component: Component) -> str:
    """Why it does not run in Docker though that was asked for; empty if nothing prevents it."""
    named = ", ".join(f"{name} {number}" for name, number in component.ports.items())
    return named and f"runs natively: of a container only one port can be reached, and it has {named}"


def check(platform: Platform, component: Component) -> None:
    """Refuse a container that is told a named port of a service: these are on 127.0.0.1 of this machine alone."""
    scope = template_places.component(platform.desired, component.wants)
    for variable, text in component.wants.env.items():
        for word in templates.words(text, scope):
            other, _, part = word.rpartition(".")
            if other and part in declared_ports.words(platform.components[other].wants):
                raise DevError(
                    "not-reachable", f"{component.name} in Docker cannot reach {{{word}}}",
                    because="a container does not see what listens on 127.0.0.1 of this machine",
                    hint=f"let it run natively: ./dev start {component.name}, without --docker",
                    source=platform.source(component, f"env.{variable}"), exit=Exit.BAD_STATE,
                )  # fmt: skip
