"""The one word for "we could not look": a value that is never the same as absent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be read; `because` is a clause that completes "it is unknown because …"."""

    because: str
