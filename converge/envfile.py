"""`.dev/values`: the values of [env] that live on this machine only, one NAME=VALUE per line, mode 0600."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from converge import atomic
from converge.errors import DevError, Exit
from converge.instance import Instance
from facts.env import content, parse, stray
from facts.text import HINT, NotText

LINE = re.compile(r"[^\n]*\n|[^\n]+")


def path(instance: Instance) -> Path:
    """The file; all instances of a checkout share it."""
    return instance.dev / "values"


def place(instance: Instance) -> Path:
    """Where it is now: perhaps under its old name `.dev/env`, until the first run that may write."""
    now, before = path(instance), _before(instance)
    # not of pathlib, which raises an error where `.dev` is another user's
    return before if not os.path.exists(now) and os.path.isfile(before) else now


def values(instance: Instance) -> dict[str, str]:
    """Name -> value; empty if there is no file. DevError for a line that is neither, as in a value of many lines."""
    lines = text(instance)
    if line := stray(lines):
        file = place(instance)
        raise DevError(
            "value-wrong", f"line {line} of {file.parent.name}/{file.name} is not NAME=VALUE",
            because="a value is one line, taken as it is written, and this line would be lost",
            hint="write the value in one line, or into a file and its path here; a comment begins with #",
            source=f"{file}:{line}", exit=Exit.NEEDS_HUMAN,
        )  # fmt: skip
    return parse(lines)


def text(instance: Instance) -> str:
    """The file as it stands; empty where there is none."""
    for _ in range(2):  # it may get its new name between the look and the reading
        with contextlib.suppress(FileNotFoundError):
            return _read(place(instance))
    return ""


def _read(file: Path) -> str:
    try:
        return content(file)
    except NotText as problem:
        raise DevError(
            "value-wrong", f"{file.parent.name}/{file.name} is not UTF-8 text", because=problem.because,
            hint=HINT, source=f"{file}:{problem.line}", exit=Exit.NEEDS_HUMAN,
        ) from None  # fmt: skip
    except FileNotFoundError:
        raise
    except OSError as problem:
        raise DevError(
            "value-wrong", f"{file.parent.name}/{file.name} cannot be read", because=problem.strerror or str(problem),
            hint="it must be a file with NAME=VALUE lines", source=str(file), exit=Exit.NEEDS_HUMAN,
        ) from None  # fmt: skip


def settle(instance: Instance) -> None:
    """Give a file that still has its old name the new one; the caller holds the checkout's lock.

    If a person has written the new one meanwhile, what only the old one says is added to it.
    """
    now, before = path(instance), _before(instance)
    if not before.is_file():
        return
    if now.exists():
        known = parse(_read(now))
        missing = {name: value for name, value in parse(_read(before)).items() if name not in known}
        atomic.write(now, changed(_read(now), missing), durable=True)
        before.unlink()
    else:
        before.rename(now)


def _before(instance: Instance) -> Path:
    """The old name, which is a directory now."""
    return instance.dev / "env"


def changed(text: str, values: Mapping[str, str | None]) -> str:
    """The text with these values in the place of their old lines, or at its end; None takes a line away."""
    lines, left = [], dict(values)
    for line in LINE.findall(text):
        name = line.partition("=")[0].strip() if "=" in line and not line.lstrip().startswith("#") else ""
        if name not in values:
            lines.append(line if line.endswith("\n") else f"{line}\n")
        elif (value := left.pop(name, None)) is not None:
            lines.append(f"{name}={value}\n")
    return "".join([*lines, *(f"{name}={value}\n" for name, value in left.items() if value is not None)])
