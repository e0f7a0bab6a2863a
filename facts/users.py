"""Whether other people use this machine: accounts that can log in, and users that have a session or processes. Linux.

Only then do the edge and our own looks ask whose process is at the other end (`facts/peers.py`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable
from functools import cache

SETTING = "DEV_SHARED"
"""Environment variable that answers instead: `yes` or `no`; anything else is the same as without it."""
ACCOUNTS = "/etc/passwd"
SESSIONS = "/run/user"
"""Has a directory named by the number of each user with a session (pam_systemd(8)), also of users of a directory
service, which are not in /etc/passwd."""
FIRST, LAST = 1000, 60000
"""Numbers of people's accounts (login.defs(5): UID_MIN, UID_MAX)."""
NOBODY = 65534
NO_SESSION = 2**32 - 1
"""The audit number of a process that no login led to: a daemon, or a container (proc(5), loginuid)."""


def shared() -> bool:
    """Whether somebody else may be on this machine; looked up once per process, in less than 1 ms on most machines."""
    said = os.environ.get(SETTING, "")
    if said in ("yes", "no"):
        return said == "yes"
    return _others()


@cache
def _others() -> bool:
    if not sys.platform.startswith("linux"):
        return False  # there is no way to tell whose process is at the other end
    ours = {os.getuid(), 0, NOBODY}
    return bool(accounts(_rows(), ours) or sessions(ours) or processes(ours))


def declared() -> bool:
    """Whether this user says so, and wants all that follows from it."""
    return os.environ.get(SETTING) == "yes"


def accounts(rows: Iterable[str], ours: Collection[int]) -> set[int]:
    """Numbers of the accounts of others that can log in, of the rows of passwd(5)."""
    found = set()
    for row in rows:
        fields = row.rstrip("\n").split(":")
        if len(fields) < 7 or not fields[2].isdigit() or fields[6].endswith(("/nologin", "/false")):
            continue
        if FIRST <= int(fields[2]) <= LAST:
            found.add(int(fields[2]))
    return found.difference(ours)


def sessions(ours: Collection[int], directory: str = SESSIONS) -> set[int]:
    """Numbers of the other users that are logged in."""
    try:
        names = os.listdir(directory)
    except OSError:
        return set()
    return {int(name) for name in names if name.isdigit() and int(name) >= FIRST}.difference(ours)


def processes(ours: Collection[int]) -> set[int]:
    """Numbers of the other users that have processes which a login led to, and may have no session any more."""
    found: set[int] = set()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            uid = entry.stat().st_uid
            if uid < FIRST or uid in ours or uid in found:
                continue
            with open(f"/proc/{entry.name}/loginuid") as file:
                if int(file.read() or NO_SESSION) != NO_SESSION:
                    found.add(uid)
        except (OSError, ValueError):
            continue
    return found


def name(uid: int) -> str:
    """The name of an account in the list of this machine, else its number."""
    rows = (row.split(":") for row in _rows())
    return next((fields[0] for fields in rows if len(fields) > 2 and fields[2] == str(uid)), str(uid))


def _rows() -> list[str]:
    try:
        with open(ACCOUNTS, errors="replace") as file:
            return file.readlines()
    except OSError:
        return []
