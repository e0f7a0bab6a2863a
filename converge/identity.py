"""The id of an instance: it follows from its path, and stays when the checkout is renamed or moved.

Data of root's databases and Docker volumes are found by it. So a checkout says which one it had, and proves it by a
token that is also in the user's own directory: what a foreign checkout says of itself gives it nobody's data. A copy
of a checkout that is still there gets an id of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path
from typing import NamedTuple

from converge import atomic, userfiles
from facts import regular

FORMER = "identity"
"""Name of the file of earlier versions, which all users and homes shared."""
LARGEST = 4096
"""Bytes of a record."""


class Kept(NamedTuple):
    """What is written down in a checkout, and in the user's directory with its path."""

    id: str
    token: str
    path: str = ""


def of(checkout: Path, name: str, state: Path) -> str:
    """Ten hex digits that no other checkout or instance of this machine has."""
    own, kept = _digest(checkout, name), _read(state)
    if kept and kept.id != own and _is_ours(kept, checkout, name):
        return kept.id
    there = _recorded(own, checkout)
    if there and there.path != str(checkout) and (not kept or kept.token != there.token) and _lives(there, name):
        return _digest(checkout, name, there.token)  # who was here before has moved, and keeps this id
    return own


def settle(checkout: Path, name: str, state: Path) -> str:
    """Write the id down; the caller holds the checkout's lock. Gives the former path of a checkout that was moved."""
    found, kept = of(checkout, name, state), _read(state)
    token = kept.token if kept and kept.id == found else os.urandom(16).hex()
    there = _recorded(found, checkout)
    place = userfiles.directory("identity", checkout)
    if place is None or there == Kept(found, token, str(checkout)):
        return ""
    record = Kept(found, token, str(checkout))
    try:
        userfiles.write(place, f"{found}.json", json.dumps(record._asdict()).encode())
        if not kept or (kept.id, kept.token) != (found, token):
            atomic.write(file(state), json.dumps({"id": found, "token": token}))
    except OSError:
        return ""  # as if there were no home directory: the id follows from the path
    return there.path if there and there.path != str(checkout) and there.token == token else ""


def copied_from(checkout: Path, name: str, state: Path) -> str:
    """Path of the checkout of which this one is a copy that was never started; empty if it is none."""
    kept = _read(state)
    if not kept or kept.id == of(checkout, name, state):
        return ""
    there = _recorded(kept.id, checkout)
    return there.path if there and there.token == kept.token else ""


def _digest(checkout: Path, name: str, *more: str) -> str:
    text = "\0".join((str(checkout), name, *more))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def _is_ours(kept: Kept, checkout: Path, name: str) -> bool:
    """Whether this user had started that id in this checkout, before it was moved here."""
    there = _recorded(kept.id, checkout)
    if not there or not hmac.compare_digest(_bytes(there.token), _bytes(kept.token)):
        return False
    return there.path == str(checkout) or not _lives(there, name)


def _lives(there: Kept, name: str) -> bool:
    """Whether the checkout of the record is still at its path."""
    kept = _read(Path(there.path) / ".dev" / "instances" / (name or "default"))
    return kept is not None and (kept.id, kept.token) == (there.id, there.token)


def file(state: Path) -> Path:
    """Where an instance's id is written down for this user and home: another one, as in a container, has others."""
    text = f"{userfiles.directory('identity')}\0{os.geteuid()}"
    return state / f"identity-{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def _read(state: Path) -> Kept | None:
    for each in (file(state), state / FORMER):
        try:
            return _parsed(regular.content(each, LARGEST))
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _bytes(token: str) -> bytes:
    """JSON can have halves of surrogate pairs."""
    return token.encode("utf-8", "surrogatepass")


def record(checkout: Path, id: str) -> Path | None:
    """Where this user's record of the id is, or would be; None without a home directory outside of the checkout."""
    place = userfiles.directory("identity", checkout)
    return place / f"{id}.json" if place else None


def _recorded(id: str, checkout: Path) -> Kept | None:
    found = userfiles.read(userfiles.directory("identity", checkout), f"{id}.json") if id.isalnum() else None
    return _parsed(found) if found else None


def _parsed(text: bytes) -> Kept | None:
    try:
        value = json.loads(text)
        return Kept(str(value["id"])[:64], str(value["token"]), str(value.get("path", "")))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
