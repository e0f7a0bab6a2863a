"""Which index pip and uv are to ask, and how: what their files say, for an installation that reads none of them.

Only the standard library, as the launcher's bootstrap uses it before any package is there.
"""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from facts import surroundings

PIP = frozenset([
    "index-url", "extra-index-url", "find-links", "no-index", "cert", "client-cert", "proxy", "trusted-host",
    "timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir", "keyring-provider",
])  # fmt: skip
"""Settings of pip, from its variables and files."""
UV = frozenset([
    "default-index", "index", "index-url", "extra-index-url", "find-links", "no-index", "index-strategy",
    "keyring-provider", "native-tls", "system-certs", "insecure-host", "http-timeout", "http-retries",
    "request-timeout", "offline", "cache-dir", "no-cache",
])  # fmt: skip
"""Settings of uv, from its variables and the user's files."""


def of_pip(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What pip's own files say, the most important first: PIP_CONFIG_FILE, the user's, the machine's.

    Source: https://pip.pypa.io/en/stable/topics/configuration/
    """
    chosen = given.get("PIP_CONFIG_FILE", "")
    if chosen == os.devnull:
        return
    home, configuration = homes(given)
    files = [Path(chosen)] if chosen else []
    files += [configuration / "pip/pip.conf", home / ".pip/pip.conf"]
    files += [home / "Library/Application Support/pip/pip.conf"] if sys.platform == "darwin" else []
    files += [Path("/etc/pip.conf"), *(Path(each) / "pip/pip.conf" for each in _machine(given))]
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, "utf-8-sig")
        except (OSError, configparser.Error, UnicodeError):
            continue
        for section in ("install", "download", "global"):
            for key, value in parser.items(section) if parser.has_section(section) else ():
                name = key.replace("_", "-")
                if name in PIP:
                    yield f"PIP_{name.upper().replace('-', '_')}", " ".join(value.split())


def of_uv(given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What uv's files of the user and of the machine say; those of the current directory are not read.

    Source: https://docs.astral.sh/uv/concepts/configuration-files/
    """
    chosen = given.get("UV_CONFIG_FILE")
    files = [homes(given)[1] / "uv/uv.toml", *(Path(each) / "uv/uv.toml" for each in _machine(given))]
    files.append(Path("/etc/uv/uv.toml"))
    for file in [Path(chosen)] if chosen else [] if given.get("UV_NO_CONFIG") else files:
        try:
            table = tomllib.loads(file.read_text("utf-8-sig"))
        except (OSError, ValueError):
            continue
        pip = table.get("pip")
        for key, value in ({**table, **pip} if isinstance(pip, dict) else table).items():
            name = key.removeprefix("allow-")
            if key == "index" and isinstance(value, list):
                yield from _indexes(value)
            elif name in UV and (text := _text(value, "," if name == "find-links" else " ")):
                yield f"UV_{name.upper().replace('-', '_')}", text


def _indexes(tables: list[Any]) -> Iterator[tuple[str, str]]:
    """The `[[index]]` tables of a uv.toml."""
    named = [each for each in tables if isinstance(each, dict) and isinstance(each.get("url"), str)]
    words = [f"{each['name']}={each['url']}" if "name" in each else each["url"] for each in named]
    yield from (("UV_DEFAULT_INDEX", word) for each, word in zip(named, words, strict=True) if each.get("default"))
    if more := [word for each, word in zip(named, words, strict=True) if not each.get("default")]:
        yield "UV_INDEX", " ".join(more)


def _text(value: object, between: str) -> str:
    if isinstance(value, list):
        return between.join(str(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, (str, int)) else ""


def homes(given: Mapping[str, str]) -> tuple[Path, Path]:
    """The user's home, and the directory of the user's configuration."""
    home, chosen = Path(surroundings.home(given) or "/"), given.get("XDG_CONFIG_HOME", "")
    return home, Path(chosen) if os.path.isabs(chosen) else home / ".config"


def _machine(given: Mapping[str, str]) -> list[str]:
    """Directories of the machine's configuration."""
    return [each for each in (given.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep) if os.path.isabs(each)]
