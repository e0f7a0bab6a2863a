"""The declared `.env` files of a checkout and their values."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from converge.desired import Desired, Loaded
from converge.errors import DevError, Exit
from facts import regular
from facts.text import HINT, NotText, decoded
from facts.value import dataclass

LARGEST = 1_000_000
"""Bytes of one file, which a person writes."""


@dataclass(frozen=True)
class Declared:
    """One entry of an `env_file`."""

    path: str
    """Relative to the checkout."""
    key: str
    """Dotted key that declares it."""
    service: str = ""
    """Whose it is; empty for one of [env]."""


def declared(desired: Desired) -> Iterator[Declared]:
    """All of them, those of [env] first; a file that two services have is there twice."""
    yield from (Declared(_plain(".", path), "env.env_file") for path in desired.env_file)
    for name, service in desired.services.items():
        key = f"services.{name}.env_file"
        yield from (Declared(_plain(service.path, path), key, name) for path in service.env_file)


def values(loaded: Loaded, checkout: Path, service: str = "") -> dict[str, str]:
    """Name -> value in the files of a service, or of [env]; a later file has priority.

    DevError with file:line if one is missing or cannot be read.
    """
    found: dict[str, str] = {}
    for each in declared(loaded.desired):
        if each.service == service:
            found = read(checkout, each, loaded.source(each.key), found)
    return found


def read(checkout: Path, file: Declared, source: str, before: dict[str, str]) -> dict[str, str]:
    """The values of one file, added to those `before`; DevError with its line, or with `source` if it is missing."""
    from converge.env_files import dotenv  # saves 2 ms of every command without such a file

    try:
        return dotenv.parse(decoded(regular.content(checkout / file.path, LARGEST)), os.environ, before)
    except FileNotFoundError:
        raise _error(
            "env-file-missing", f"{file.path} is missing", f"{source.partition(':')[0] or 'the desired state'} has it "
            "in env_file", "./dev doctor says what it should have", source,
        ) from None  # fmt: skip
    except NotText as problem:
        at = f"{file.path}:{problem.line}"
        raise _error("env-file", f"{file.path} is not UTF-8 text", problem.because, HINT, at) from None
    except dotenv.Wrong as problem:
        hint = "write NAME=VALUE, as in an env_file of Docker Compose"
        raise _error(
            "env-file", f"{file.path} cannot be read", problem.because, hint, f"{file.path}:{problem.line}"
        ) from None
    except OSError as problem:
        because = problem.strerror or str(problem)
        raise _error("env-file", f"{file.path} cannot be read", because, "it must be a file", source) from None


def example(checkout: Path, path: str) -> tuple[str, tuple[str, ...]]:
    """The file that the team committed in the place of this one, relative to the checkout, and the names in it."""
    from converge.env_files import dotenv  # saves 2 ms of every command without such a file

    for each in _examples(path):
        with contextlib.suppress(OSError, NotText, dotenv.Wrong):
            return each, tuple(dotenv.names(decoded(regular.content(checkout / each, LARGEST))))
    return "", ()


def _examples(path: str) -> Sequence[str]:
    folder = os.path.dirname(path)
    own = [f"{path}{end}" for end in (".example", ".sample", ".template", ".dist")]
    return tuple(dict.fromkeys([*own, *(os.path.join(folder, name) for name in (".env.example", "env.example"))]))


def _plain(folder: str, path: str) -> str:
    return os.path.normpath(os.path.join(folder, path))


def _error(code: str, what: str, because: str, hint: str, source: str) -> DevError:
    return DevError(code, what, because=because, hint=hint, source=source, exit=Exit.NEEDS_HUMAN)
