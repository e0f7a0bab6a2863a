"""The tool's own files below `.dev`: regular files only, opened without waiting; the error for one that is unusable."""

from __future__ import annotations

import errno
import os
import shlex
import stat
from pathlib import Path
from typing import Any

from converge.errors import DevError, Exit
from converge.instance import store_path
from facts import flags, owners, regular

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
DENIED = (errno.EACCES, errno.EPERM)
OF_TYPE = (
    errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ENXIO, errno.EEXIST, errno.ELOOP, errno.ENOENT,
)  # fmt: skip
"""What the system says where something of another type is in the way; ENOENT for a link that leads nowhere."""
TYPES = {
    stat.S_IFDIR: "a directory", stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket", stat.S_IFREG: "a file",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip
"""File type of stat(2) -> its name in messages."""


def opened(path: Path, flags: int, mode: int = 0o600) -> int:
    """A descriptor of the regular file. OSError with the path if it cannot be opened, or is of another type.

    A named pipe in its place is not waited for.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, mode)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return descriptor


def text(path: Path) -> str:
    """The content of the regular file; bytes that are not UTF-8 are replaced. OSError as `facts.regular.content`."""
    return regular.content(path).decode("utf-8", "replace")


def document(path: Path) -> Any:
    """Its JSON value. OSError as `facts.regular.content`; ValueError where it is none, or nested too deeply."""
    return regular.document(path)


def trouble(problem: OSError) -> DevError | None:
    """The error for a full disk, or for a file of the tool that cannot be used; None if it is about another file."""
    name = problem.filename2 or problem.filename
    path = Path(os.fsdecode(name)) if isinstance(name, str | bytes | os.PathLike) else None
    if problem.errno in NO_SPACE:
        return refused(f"{path} could not be written" if path else "a file could not be written", problem, path)
    if path is None or not _is_own(path):
        return None
    return refused("a file or directory of ./dev cannot be used", problem, path)


def refused(what: str, problem: OSError, path: Path | None = None) -> DevError:
    """The error for what the system refused, by its reason: `disk-full`, `read-only`, `not-ours` or `not-writable`.

    `path` is the file that was to be read or written, whatever path the problem itself names.
    """
    said = problem.strerror or str(problem)
    if problem.errno in NO_SPACE:
        return DevError("disk-full", what, because=said, hint="free disk space and run again")
    if path is None:
        return DevError("not-writable", what, because=said, hint="check the permissions there, then run again")
    if problem.errno == errno.EROFS:
        hint = "use a checkout and a store in a place that you can write to, or mount it again with rw"
        return DevError("read-only", what, because=f"the file system of {path} is mounted read-only", hint=hint)
    found = _blocking(path)
    if problem.errno in DENIED:
        return _denied(what, path, said)
    if problem.errno in OF_TYPE and (kind := _type(found)):
        hint = "move it away, then run again"
        return DevError("not-writable", what, because=f"{found} is {kind}", hint=hint)
    hint = "check its owner and its permissions, then run again"
    if isinstance(problem, regular.TooLarge):
        hint = "move it away, then run again"
    return DevError("not-writable", what, because=f"{path}: {said}", hint=hint)


def _denied(what: str, path: Path, said: str) -> DevError:
    """The error where a right is missing: by the path or the directories above it, the first that explains it."""
    for each in (path, *path.parents):
        try:
            about = os.stat(each)
        except OSError:
            continue
        if flags.immutable(each):
            hint = f"sudo chattr -i -a {shlex.quote(str(each))}"
            return DevError("not-writable", what, because=f"{each} is immutable (chattr)", hint=hint)
        if os.access(each, os.W_OK | os.X_OK if stat.S_ISDIR(about.st_mode) else os.R_OK | os.W_OK):
            if stat.S_ISDIR(about.st_mode):
                break
            continue
        if about.st_uid == os.geteuid():
            because = f"the mode of {each} is {stat.S_IMODE(about.st_mode):o}"
            return DevError("not-writable", what, because=because, hint=f"chmod u+rwX {shlex.quote(str(each))}")
        owner = owners.user(about.st_uid)
        hint = f"give it to yourself: sudo chown {os.geteuid()} {shlex.quote(str(each))}"
        if name := owner.removeprefix("the user ").removeprefix(f"uid {about.st_uid}"):
            hint = f"run ./dev as {name}, or {hint}"
        return DevError("not-ours", what, because=f"{each} belongs to {owner}", hint=hint, exit=Exit.NEEDS_HUMAN)
    hint = "check its owner and its permissions, then run again"
    return DevError("not-writable", what, because=f"{path}: {said}", hint=hint)


def _is_own(path: Path) -> bool:
    if ".dev" in path.parts or Path("/var/lib/dev") in path.parents:
        return True
    try:
        return path.is_relative_to(store_path())
    except DevError:  # there is no home directory for one
        return False


def _blocking(path: Path) -> Path:
    """The first part of the path that is not a directory; without one, the path itself."""
    return next((each for each in (*reversed(path.parents), path) if not os.path.isdir(each)), path)


def _type(path: Path) -> str:
    """Its type in words; empty if there is nothing."""
    link = os.path.islink(path)
    try:
        kind = TYPES.get(stat.S_IFMT(path.stat().st_mode), "of an unknown type")
    except OSError:
        return "a symbolic link that leads nowhere" if link else ""
    return f"a symbolic link to {kind}" if link else kind
