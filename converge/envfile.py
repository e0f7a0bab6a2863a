"""`.dev/env`: the values of [env] that live on this machine only, one NAME=VALUE per line, mode 0600."""

from __future__ import annotations

from pathlib import Path

from converge.instance import Instance


def path(instance: Instance) -> Path:
    """The file; all instances of a checkout share it."""
    return instance.dev / "env"


def parse(text: str) -> dict[str, str]:
    """Its values; comments, empty lines and lines without `=` are passed over."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


def values(instance: Instance) -> dict[str, str]:
    """What stands in the file; nothing where there is none."""
    try:
        return parse(path(instance).read_text("utf-8"))
    except FileNotFoundError:
        return {}
