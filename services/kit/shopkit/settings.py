"""Settings come from the environment; what is missing is named at once."""

from __future__ import annotations

import sys
from collections.abc import Mapping


def require(service: str, environment: Mapping[str, str], names: tuple[str, ...]) -> None:
    """End the process with one line on stderr and exit code 1 if any of the names has no value."""
    missing = [name for name in names if not environment.get(name)]
    if missing:
        print(f"{service}: missing environment variable: {', '.join(missing)}", file=sys.stderr)
        raise SystemExit(1)
