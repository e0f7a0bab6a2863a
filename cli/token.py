"""`./dev token`: a session token of this machine, for curl."""

from __future__ import annotations

import re
from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Option
from converge.errors import DevError, Exit
from runtime.secrets import issuer

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


def run(
    context: Context,
    user: Annotated[str, Option("--user", help="The user; created at first use.", metavar="NAME")] = "alice",
    ttl: Annotated[
        str, Option("--ttl", help="How long it is valid: 90s, 30m, 1h; at most 24h.", metavar="TIME")
    ] = "1h",
    org: Annotated[str | None, Option("--org", help="Active organisation: acme, or acme:admin.", metavar="ORG")] = None,
    email: Annotated[str | None, Option("--email", help="Default: NAME@example.test.", metavar="ADDRESS")] = None,
    json: Annotated[bool, Option("--json", help="One JSON document.")] = False,
) -> int:
    """Print a session token that the services of this checkout accept.

    echo "Authorization: Bearer $(./dev token)" | curl -H @- http://127.0.0.1:PORT/
    """

    wish = {"user": user, "ttl_s": _seconds(ttl), "org": org, "email": email}
    try:
        minted = issuer.ask(context.platform, "/v1/sessions", {key: value for key, value in wish.items() if value})
    except issuer.Refusal as problem:
        raise issuer.refused(problem) from problem
    if json:
        render.document({"schema": 1, **minted}, secret=True)
    else:
        render.out(minted["token"])
    return int(Exit.OK)


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,6})([smh]?)", text)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 1 <= seconds <= 86400:
        raise DevError(
            "usage", f"{text!r} is not a valid lifetime", because="it must be a number and s, m or h, at most 24h",
            hint="./dev token --ttl 30m", exit=Exit.USAGE,
        )  # fmt: skip
    return seconds
