"""Checks of `ports`, the named ports of a service besides its own."""

from __future__ import annotations

import re

from converge.desired import Loaded
from converge.toml import refuse

NAME = r"[a-z][a-z0-9_]{0,30}"
TAKEN = ("debug", "host", "own")
"""Names that would make a variable or a word that has a meaning already."""
MOST = 20
"""Named ports of one service."""


def check(loaded: Loaded) -> None:
    """DevError with the line of the first that is wrong; ranges and duplicates are checked with those of all ports."""
    for name, service in loaded.desired.services.items():
        key = f"services.{name}"
        if len(service.ports) > MOST:
            at = loaded.source(f"{key}.ports")
            raise refuse("value-wrong", f"{name} has too many ports", at, f"the limit is {MOST}")
        for each in service.ports:
            if not re.fullmatch(NAME, each) or each in TAKEN:
                because = f"{each} has a meaning of its own" if each in TAKEN else "it becomes a part of variables"
                raise refuse(
                    "bad-name", f"{each!r} is not a name of a port of {name}", loaded.source(f"{key}.ports.{each}"),
                    because, "use lower-case letters, digits and _, for example grpc",
                )  # fmt: skip
        if service.ports and service.placement == "docker":
            raise refuse(
                "value-wrong", f"{name} cannot run in Docker", loaded.source(f"{key}.placement"),
                "it has `ports`, and of a container only `port` can be reached", "delete `placement`",
            )  # fmt: skip
