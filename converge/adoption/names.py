"""Names: what a component can be called, and which variables look as if they hold a secret."""

from __future__ import annotations

import re

from converge.redaction.patterns import NAMES

LONGEST = 32
"""Characters of a component's name."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(NAMES, re.IGNORECASE)
_OWN = re.compile(
    r"(APP|AUTH|JWT|SESSION|COOKIE|DJANGO|FLASK|NEXTAUTH|BETTER_AUTH|SERVER|API|ACCESS|REFRESH)?_?"
    r"(TOKEN_)?(SECRET|SECRET_KEY|KEY_SECRET|SIGNING_KEY|SALT)(_BASE)?"
)
_HARMLESS = re.compile(
    r"(?i).*(expire|expiry|ttl|minutes|seconds|hours|days|lifetime|algorithm|issuer|audience|url|uri|_id|_file|_path"
    r"|host|port|name|length|max|min|limit|enabled|required|public_key)s?\Z"
)


def component(said: str) -> str:
    """The name of a component that is nearest to a text; empty if no letter or digit is in it."""
    return re.sub(r"[^a-z0-9]+", "-", said.lower()).strip("-")[:LONGEST].strip("-")


def plain_word(said: str) -> str:
    """The name of an additional port that is nearest to a text; empty if there is none."""
    return re.sub(r"[^a-z0-9]+", "_", said.lower()).strip("_0123456789")[:LONGEST]


def secret(variable: str) -> bool:
    """Whether the name of a variable looks as if its value was not for everybody."""
    return bool(_SECRET.fullmatch(variable)) and not _HARMLESS.fullmatch(variable)


def own_secret(variable: str) -> bool:
    """Whether it looks like a random text of the application itself, which can be made on each machine."""
    return bool(_OWN.fullmatch(variable.upper()))
