"""Which checkouts this user trusts: what they say may be run.

A user who runs a checkout's own `./dev` runs its code, and so trusts it. Where the tool comes from elsewhere (`-C`, an
installed package, a wrapper), trust is given once for each checkout and kept in the user's state directory.

It is kept while the directory and its git remotes are the same, whatever changes in its files: who can push to these
remotes already runs code on this machine by the services, so another question would only teach to answer yes. Without
a remote, or in a directory that was made again, the content of `FILES` must be the same: what ./dev reads to decide
what to run. The code that these files name is not compared, as it changes with every edit.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import re
import shlex
import stat
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from converge import userfiles
from converge.errors import DevError, Exit
from facts.value import dataclass, replace

FILES = ("desired_state.toml", "desired_state.local.toml", "desired_state.lock")
"""Besides `compose/*.yaml` and the files of [compose]. The launcher `dev` of a checkout is not one: ./dev never runs
that of another checkout."""
VARIABLE = "DEV_TRUST"
"""`1` trusts every checkout that a command is given; else a list of directories, separated as in PATH, whose checkouts
are trusted. For scripts and CI."""
WHY = "the checkout is not trusted"
LARGEST = 1_000_000
"""Bytes of a file that is read here."""


@dataclass(frozen=True)
class Record:
    """A checkout as it was when it was trusted, or as it is now."""

    path: str
    inode: int
    remotes: tuple[str, ...]
    """Addresses of its git remotes, without passwords."""
    content: str
    """Hash of what is in `FILES`."""
    owners: tuple[int, ...]
    """Other users that own the checkout, or a part of it."""
    since: int = 0
    """Unix time."""
    next: str = ""
    """The same hash after the change of one of them that a command of this user is about to make."""

    def document(self) -> dict[str, Any]:
        """Its fields as JSON values."""
        return {
            "path": self.path, "inode": self.inode, "remotes": self.remotes, "content": self.content,
            "owners": self.owners, "since": self.since, "next": self.next,
        }  # fmt: skip


def look(checkout: Path) -> Record:
    """The checkout as it is now."""
    theirs = tuple(sorted({uid for _, uid in foreign(checkout)}))
    return Record(str(checkout), os.stat(checkout).st_ino, remotes(checkout), content(checkout), theirs)


def known(checkout: Path) -> Record | None:
    """What was trusted at this path; None if nothing was, or if its record was not written by this user."""
    found = userfiles.read(userfiles.directory("trust", checkout), _name(checkout))
    record = _record(found) if found else None
    return record if record and record.path == str(checkout) else None


def file(checkout: Path) -> Path | None:
    """Where its record is, or would be; None without a home directory outside of the checkout."""
    place = userfiles.directory("trust", checkout)
    return place / _name(checkout) if place else None


def missing(checkout: Path) -> str:
    """Why the checkout is not trusted; empty if it is."""
    if given(checkout):
        return ""
    if not checkout.is_dir():
        return "it is not a directory"
    record = known(checkout)
    if record is None:
        return "you have not trusted it yet"
    if remotes(checkout) != record.remotes:
        return "its git remotes are others than when you trusted it"
    if record.remotes and os.stat(checkout).st_ino == record.inode:
        return ""
    if content(checkout) in (record.content, record.next):
        return ""
    return "it was made again since you trusted it" if record.remotes else "what it runs changed since you trusted it"


def given(checkout: Path, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `DEV_TRUST` names the checkout."""
    text = environ.get(VARIABLE, "")
    if text == "1":
        return True
    places = [os.path.realpath(each) for each in text.split(os.pathsep) if os.path.isabs(each)]
    return any(checkout.is_relative_to(place) for place in places)


def keep(checkout: Path) -> Record:
    """Trust the checkout as it is now. DevError `not-writable` if that cannot be noted."""
    record = replace(look(checkout), since=int(time.time()))
    _note(record)
    return record


def foresee(checkout: Path, changed: Mapping[str, bytes]) -> None:
    """Trust a checkout that is trusted also after the change of its files that follows, whole or not at all."""
    record = known(checkout)
    if record and not missing(checkout):
        _note(replace(record, content=content(checkout), next=content(checkout, changed)))


def _note(record: Record) -> None:
    checkout = Path(record.path)
    place = userfiles.directory("trust", checkout)
    try:
        if place is None:
            raise FileNotFoundError("there is no home directory outside of the checkout")
        userfiles.write(place, _name(checkout), json.dumps(record.document()).encode())
    except OSError as problem:
        raise DevError(
            "not-writable", f"{checkout} cannot be trusted for good", because=problem.strerror or str(problem),
            hint=f"use --trust or {VARIABLE}=1 for one run", exit=Exit.NEEDS_HUMAN,
        ) from problem  # fmt: skip


def revoke(checkout: Path) -> bool:
    """Trust it no longer; whether it was trusted."""
    place = userfiles.directory("trust", checkout)
    try:
        if place is not None:
            (place / _name(checkout)).unlink()
            return True
    except OSError:
        pass
    return False


def everything() -> list[Record]:
    """Every checkout that was trusted, by its path."""
    place = userfiles.directory("trust")
    try:
        names = sorted(os.listdir(place)) if place else []
    except OSError:
        names = []
    found = [record for name in names if (text := userfiles.read(place, name)) and (record := _record(text))]
    return sorted((record for record in found if _name(Path(record.path)) in names), key=lambda record: record.path)


def refused(checkout: Path, because: str) -> DevError:
    """The error for a command that would run something of a checkout that is not trusted."""
    return DevError(
        "not-trusted", f"{checkout} is not trusted, so nothing of it is run", because=because,
        hint=f"read its desired_state.toml, then run {hint(checkout)}", exit=Exit.NEEDS_HUMAN,
    )  # fmt: skip


def hint(checkout: Path) -> str:
    """The command that trusts the checkout."""
    return f"./dev trust {shlex.quote(str(checkout))}"


def foreign(checkout: Path, allowed: frozenset[int] = frozenset()) -> Iterator[tuple[Path, int]]:
    """What belongs to another user of the checkout, its desired state and `.dev`, and which user that is.

    Root's count as one's own, as root can write everything anyway.
    """
    mine = {os.geteuid(), 0} | allowed
    for path in (checkout, checkout / FILES[0], checkout / ".dev"):
        for look in (os.stat, os.lstat):
            try:
                uid = look(path).st_uid
            except OSError:
                continue
            if uid not in mine:
                yield path, uid
                break


def user(uid: int) -> str:
    """The name of a user; the number if there is no such user."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def remotes(checkout: Path) -> tuple[str, ...]:
    """Addresses of the git remotes of the repository that has the checkout, from its configuration; git is not run."""
    found: list[str] = []
    inside = False
    for line in _configuration(checkout).splitlines():
        text = line.strip()
        if text.startswith("["):
            inside = text.lower().startswith("[remote ")
        elif inside and (address := re.match(r"url\s*=\s*(\S.*)", text, re.IGNORECASE)):
            found.append(re.sub(r"(://)[^/@]*@", r"\1", address[1]))
    return tuple(sorted(found))


def content(checkout: Path, changed: Mapping[str, bytes] = MappingProxyType({})) -> str:
    """Hash of the files that ./dev reads to decide what to run, some of them as they will be."""
    digest = hashlib.sha256()
    try:
        compose = sorted(name for name in os.listdir(checkout / "compose") if name.endswith((".yaml", ".yml")))
    except OSError:
        compose = []
    team = _of_team(changed.get(FILES[0], _read(checkout / FILES[0])))
    for name in (*FILES, *(f"compose/{each}" for each in compose), *team):
        text = changed[name] if name in changed else _read(checkout / name)
        digest.update(f"{name}\0{len(text)}\0".encode("utf-8", "surrogateescape") + text)
    return digest.hexdigest()


def _of_team(state: bytes) -> list[str]:
    """The Compose files that a desired state names, and the `.env` that gives their variables."""
    if b"compose" not in state:
        return []
    import tomllib  # saves 3 ms wherever trust depends on no content

    try:
        files = tomllib.loads(state.decode())["compose"]["file"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []  # it cannot be read, so nothing of it is run
    named = [
        each for each in ([files] if isinstance(files, str) else files) if isinstance(each, str) and "\0" not in each
    ]
    return [*named, *(os.path.join(os.path.dirname(each), ".env") for each in named[:1])]


def _name(checkout: Path) -> str:
    return hashlib.sha256(os.fsencode(checkout)).hexdigest()[:24] + ".json"


def _record(text: bytes) -> Record | None:
    try:
        value = json.loads(text)
        path, inode, names, digest = value["path"], value["inode"], value["remotes"], value["content"]
        owners, since = tuple(map(int, value["owners"])), int(value["since"])
        after = str(value.get("next", ""))
        return Record(str(path), int(inode), tuple(map(str, names)), str(digest), owners, since, after)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _configuration(checkout: Path) -> str:
    """The text of the repository's configuration; empty without one. A worktree or a submodule names its place."""
    for directory in (checkout, *checkout.parents):
        git = directory / ".git"
        if not git.exists():
            continue
        if git.is_file():
            words = _text(git).partition("gitdir:")[2].strip()
            git = directory / words
            git = git / (_text(git / "commondir").strip() or ".")
        return _text(git / "config")
    return ""


def _text(path: Path) -> str:
    return _read(path).decode("utf-8", "replace")


def _read(path: Path) -> bytes:
    """The beginning of a regular file; empty for anything else."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        return os.read(file, LARGEST) if stat.S_ISREG(os.fstat(file).st_mode) else b""
    except OSError:
        return b""
    finally:
        os.close(file)
