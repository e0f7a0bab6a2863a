"""Settings come from the environment; what is missing is named at once."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from platform_auth import secret_files
from platform_auth.errors import Refused

SECRETS = ("DATABASE_URL",)
"""Variables that may be given as files, by NAME_FILE."""


def require(service: str, environment: Mapping[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """The variables; ends the process with one line on stderr and exit code 1 if any of the names has no value."""
    try:
        found = secret_files.resolved(environment, SECRETS)
    except Refused as refused:
        print(f"{service}: {refused}", file=sys.stderr)
        raise SystemExit(1) from None
    missing = [name for name in names if not found.get(name)]
    if missing:
        print(f"{service}: missing environment variable: {', '.join(missing)}", file=sys.stderr)
        raise SystemExit(1)
    return found
