"""Checks of infrastructure that is declared by its image alone: `container_port`, `command`, `volumes`."""

from __future__ import annotations

import os
import re

from converge import kinds, toml
from converge.desired import Infra, Loaded

VOLUME = r"[a-z0-9][a-z0-9_-]{0,40}"
MODES = ("ro", "rw")


def check(loaded: Loaded) -> None:
    """DevError with the line of the first key that is wrong."""
    for name, infra in loaded.desired.infra.items():
        key = f"infra.{name}"
        if loaded.composed and name in loaded.composed.containers:
            _check_number(loaded, name, infra)
            continue  # the rest is as Compose takes it
        if infra.container_port is None:
            for word in ("command", "volumes"):
                if getattr(infra, word):
                    raise toml.refuse(
                        "value-wrong", f"{word} of {name} has no effect", loaded.source(f"{key}.{word}"),
                        "it is for a container that is made from this entry alone",
                        "add container_port, the port on which the image listens",
                    )  # fmt: skip
            continue
        _check_port(loaded, name, infra)
        for each in infra.volumes:
            if problem := _problem(each):
                raise toml.refuse(
                    "value-wrong", f"{each!r} is not a volume of {name}", loaded.source(f"{key}.volumes"), problem,
                    'for example "data:/var/lib/data", or "./db/my.cnf:/etc/my.cnf:ro"',
                )  # fmt: skip


def _check_port(loaded: Loaded, name: str, infra: Infra) -> None:
    at = loaded.source(f"infra.{name}.container_port")
    if not infra.image:
        raise toml.refuse(
            "value-wrong", f"{name} has container_port and no image", at, "there is nothing to listen on it"
        )
    if infra.run or infra.placement == "native":
        because = "its address in the network of containers would not be that of the process"
        hint = "delete `run` and `placement`, or container_port with an entry in compose/infra.yaml"
        raise toml.refuse("value-wrong", f"{name} cannot run natively with container_port", at, because, hint)
    if (kind := kinds.of_infra(name, infra.kind, infra.run)) != "command":
        because = f"kind {kind} has a Compose entry of its own"
        raise toml.refuse(
            "value-wrong", f"container_port of {name} has no effect", at, because, 'delete it, or say kind = "command"'
        )
    _check_number(loaded, name, infra)


def _check_number(loaded: Loaded, name: str, infra: Infra) -> None:
    at = loaded.source(f"infra.{name}.container_port")
    if not 0 < infra.container_port < 65536:  # type: ignore[operator]
        raise toml.refuse("port-range", f"container_port of {name} is not a port", at, "ports are from 1 to 65535")


def _problem(text: str) -> str:
    """What is wrong with a volume, as a clause; empty if nothing is."""
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not target.startswith("/"):
        return "it names no absolute path in the container"
    if mode and mode not in MODES:
        return f"{mode!r} is neither ro nor rw"
    if source.startswith("."):
        return "it leaves the checkout" if os.path.normpath(source).startswith("..") else ""
    if source.startswith(("/", "~")):
        return "a path outside of the checkout is not on every machine"
    return "" if re.fullmatch(VOLUME, source) else "its name has other signs than lower-case letters, digits, - and _"
