"""A secret `NAME` may be in the file that `NAME_FILE` names, as in a container: variables are shown to who asks it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping

from platform_auth.errors import Refused

LARGEST = 65536
"""Bytes; a larger file is not a secret."""


def resolved(environ: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """The variables that have a value, with those of the names that are in files. Raises Refused, without a value."""
    found = {name: value for name, value in environ.items() if value}
    for name in names:
        if path := found.get(f"{name}_FILE"):
            value = _read(name, path)
            if found.setdefault(name, value) != value:
                raise Refused(f"{name} and {name}_FILE are both set, and differ (unset one of them)")
    return found


def _read(name: str, path: str) -> str:
    """Its content without the line break at its end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise Refused(f"{name}_FILE: {path} is not a file")
            content = os.read(descriptor, LARGEST + 1)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Refused(f"{name}_FILE: {path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST:
        raise Refused(f"{name}_FILE: {path} is larger than {LARGEST} bytes")
    try:
        value = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Refused(f"{name}_FILE: {path} is not UTF-8 text") from None
    if not value:
        raise Refused(f"{name}_FILE: {path} is empty")
    return value
