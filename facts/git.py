"""What git says about a checkout: whether it is one, and where its hooks are."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from facts.probe import Probe


@dataclass(frozen=True)
class Repository:
    """`hooks_path` is `core.hooksPath`; None where it is not set."""

    exists: bool
    hooks_path: str | None = None


def probe(checkout: Path) -> Probe:
    """`git`: the Repository at the checkout."""
    git = f"git -C {shlex.quote(str(checkout))}"
    return Probe("git", f"{git} rev-parse --is-inside-work-tree || echo false; {git} config core.hooksPath", _parse)


def _parse(text: str) -> Repository:
    inside, *rest = text.strip().splitlines()
    return Repository(inside == "true", rest[0] if rest else None)
