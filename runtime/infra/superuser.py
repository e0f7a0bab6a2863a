"""The superuser of a Postgres: `postgres` with a password of this instance, or the user that its entry names.

An entry with `container_port` has the variables of the official image: POSTGRES_USER and POSTGRES_PASSWORD.
Source: https://hub.docker.com/_/postgres
"""

from __future__ import annotations

from converge.templates import Scope, fill
from runtime.component import InfraComponent

DEFAULT = "postgres"


def name(component: InfraComponent) -> str:
    """Its name."""
    return (_value(component, "POSTGRES_USER") or DEFAULT) if component.wants.container_port else DEFAULT


def given(component: InfraComponent) -> str | None:
    """Its password, if the entry decides it; the user's name where the image is told to ask for none."""
    if not component.wants.container_port:
        return None
    word = _value(component, "POSTGRES_PASSWORD")
    return word or (name(component) if _value(component, "POSTGRES_HOST_AUTH_METHOD") == "trust" else None)


def _value(component: InfraComponent, variable: str) -> str:
    """Its value; `{{word}}` is `{word}`, and no address is filled in."""
    return fill(component.wants.env.get(variable, ""), Scope(), lambda word: f"{{{word}}}")
