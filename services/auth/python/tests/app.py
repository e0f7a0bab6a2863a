"""A tiny service behind the kit: `uvicorn app:app`, configured by the environment alone; refuses every way out."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI
from platform_auth import PostgresUsers, User, Users, read_or_exit
from platform_auth.fastapi import Auth, Identity
from seeded import SeededUsers


def users() -> Users:
    """Postgres where there is one."""
    if url := os.environ.get("DATABASE_URL"):
        return PostgresUsers(url)
    return SeededUsers(json.loads((Path(__file__).parents[2] / "vectors.json").read_text())["users"])


def refuse_way_out(allowed: set[tuple[str, int]]) -> None:
    """From now on a connection to, or a look-up of, anything else ends in an error that names it on stderr."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and tuple(arguments[1][:2]) not in allowed:
            print(f"OUTBOUND {arguments[1]}", file=sys.stderr, flush=True)
            raise ConnectionRefusedError("this test allows no way out")
        if event == "socket.getaddrinfo" and (arguments[0], arguments[1]) not in allowed:
            print(f"OUTBOUND look-up {arguments[0]}", file=sys.stderr, flush=True)
            raise ConnectionRefusedError("this test allows no way out")

    sys.addaudithook(hook)


auth = Auth(read_or_exit(), users())
app = FastAPI()
auth.install(app)


@app.get("/me")
async def me(user: Annotated[User, Depends(auth.current_user)], who: Annotated[Identity, Depends(auth.identity)]):
    return told(who)


@app.get("/internal")
async def internal(who: Annotated[Identity, Depends(auth.calling_service)]):
    return told(who)


def told(who: Identity) -> dict[str, Any]:
    user, session = who.user, who.session
    return {
        "service": who.service,
        "id": user.id if user else None,
        "subject": session.subject if session else None,
        "issuer": session.issuer if session else None,
        "org_id": session.org_id if session else None,
        "org_role": session.org_role if session else None,
        "email": session.email if session else None,
    }


if os.environ.get("REFUSE_WAY_OUT"):
    parts = urlsplit(os.environ.get("AUTH_LOCAL_ISSUER", ""))
    refuse_way_out({(parts.hostname or "", parts.port or 0)})
