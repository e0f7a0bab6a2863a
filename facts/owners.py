"""Whether another user of this machine could have put something else into a place."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = stat.S_IWGRP | stat.S_IWOTH


def problem(path: Path, top: Path | None = None) -> str:
    """What lets another user change what is at the path; empty if nothing does, or if nothing is there.

    The path and each directory above it, up to `top`, must belong to this user or to root, and no other user may write
    there. In a directory with the sticky bit, as /tmp, an entry is changed by its owner alone. Links must belong to
    them too, and what they lead to is looked at in the same way. sshd's StrictModes has the same rule.
    """
    for place in _chain(os.path.abspath(path), top):
        try:
            about = os.lstat(place)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            return f"{place} cannot be read ({error.strerror})"
        if why := judge(about):
            return f"{place} {why}"
    return ""


def closed(path: Path, account: pwd.struct_passwd) -> str:
    """The first directory on the way to the path that the user cannot enter, by its mode; empty if there is none.

    What does not exist yet is not on the way.
    """
    groups = {account.pw_gid, *os.getgrouplist(account.pw_name, account.pw_gid)}
    for place in reversed(Path(os.path.realpath(path)).parents):
        try:
            about = os.stat(place)
        except FileNotFoundError:
            return ""
        bit = (
            stat.S_IXUSR if about.st_uid == account.pw_uid else stat.S_IXGRP if about.st_gid in groups else stat.S_IXOTH
        )
        if not about.st_mode & bit:
            return str(place)
    return ""


def judge(about: os.stat_result) -> str:
    """The same for one entry of a directory, as a clause."""
    if about.st_uid not in (0, os.geteuid()):
        return f"belongs to {user(about.st_uid)}"
    if stat.S_ISLNK(about.st_mode) or not about.st_mode & OTHERS:
        return ""
    if stat.S_ISDIR(about.st_mode) and about.st_mode & stat.S_ISVTX:
        return ""
    if not about.st_mode & stat.S_IWOTH and _own_group(about.st_gid):
        return ""
    return "can be written by other users"


def _chain(path: str, top: Path | None) -> Iterator[str]:
    """The path and what is above it, first by its name, then by where its links lead."""
    end, real = str(top) if top else "/", os.path.realpath(path)
    for start in dict.fromkeys((path, real)) if top is None else (path,):
        while start != end and start != os.path.dirname(start):
            yield start
            start = os.path.dirname(start)
        yield start


def _own_group(gid: int) -> bool:
    """Whether only this user is in the group, as where each user has a group of the same name (umask 002)."""
    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and gid == user.pw_gid and set(group.gr_mem) <= {user.pw_name}


def user(uid: int) -> str:
    """The user as a phrase: by name, or by number if there is no such user."""
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"uid {uid}"
