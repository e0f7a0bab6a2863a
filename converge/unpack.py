"""Archives unpacked inside of one directory: nothing outside is written, and there is a limit to what comes out."""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from converge.errors import DevError

LARGEST = 3 << 30
"""Bytes that an archive may become; the largest tool has a tenth of it."""
MOST = 200_000
"""Entries of an archive."""
BLOCK = 1 << 20
BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError, ValueError,
    NotImplementedError, RuntimeError,
)  # fmt: skip
"""What Python's readers raise on an archive that is none, is cut off or is encrypted."""
NAMES = (None, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
"""Errors of the system that come from a name in the archive and not from the disk; bz2 has no number for its own."""


def tar(file: Path, target: Path) -> None:
    """Unpack a tar archive, compressed or not; DevError `bad-archive` if it is none or wants more than it may.

    Only files, directories and links inside of the target: no devices, no pipes, no absolute names, no `..`, no name
    twice. Owners are not taken over, and of the modes only whether it can be executed.
    """
    with _told(file.name), tarfile.open(file) as archive:
        target.mkdir(parents=True, exist_ok=True)
        taken = _Taken(target)
        for member in archive:
            if member.isdir():
                taken.directory(member.name)
            elif member.issym():
                taken.link(member.name, member.linkname)
            elif member.islnk():
                taken.copy(member.name, member.linkname)
            elif member.isreg() and (content := archive.extractfile(member)):
                taken.file(member.name, content, bool(member.mode & 0o111))
            else:
                raise ValueError(f"{member.name} is neither a file, a directory nor a link")


def zipped(file: Path, target: Path, place: Callable[[str], str | None]) -> None:
    """Unpack what has a place in the target from a zip archive, as a wheel is one; the same is refused."""
    with _told(file.name), zipfile.ZipFile(file) as archive:
        taken = _Taken(target)
        for info in archive.infolist():
            mode, path = info.external_attr >> 16, place(info.filename)
            if path is None or info.is_dir():
                continue
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
                raise ValueError(f"{info.filename} is neither a file nor a link")
            with archive.open(info) as content:
                if stat.S_ISLNK(mode):
                    taken.link(path, content.read(4096).decode())
                else:
                    taken.file(path, content, bool(mode & 0o111) or "/bin/" in f"/{path}")


@contextlib.contextmanager
def _told(name: str) -> Iterator[None]:
    try:
        yield
    except (*BROKEN, OSError) as problem:
        if isinstance(problem, OSError) and problem.errno not in NAMES:
            raise
        raise DevError(
            "bad-archive", f"{name} is not unpacked", because=str(problem) or type(problem).__name__,
            hint="nothing was installed; report it to those who made the archive, or who run the mirror",
        ) from None  # fmt: skip


class _Taken:
    """What has been unpacked so far."""

    def __init__(self, target: Path) -> None:
        self.target, self.size, self.names = target, 0, set[str]()

    def directory(self, name: str) -> None:
        path = self._inside(name)
        if path and not path.is_dir():
            self._new(name).mkdir()

    def file(self, name: str, content: IO[bytes], executable: bool) -> None:
        path = self._new(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as sink:
            while block := content.read(BLOCK):
                self.size += len(block)
                if self.size > LARGEST:
                    raise ValueError(f"it becomes more than {LARGEST >> 20:,} MB")
                sink.write(block)
        path.chmod(0o755 if executable else 0o644)

    def copy(self, name: str, other: str) -> None:
        """A hard link becomes a file of its own: two names would share each later change."""
        source = self._inside(other)
        if source is None or not stat.S_ISREG(os.lstat(source).st_mode):
            raise ValueError(f"{name} is a link to {other}, which is not a file of the archive")
        with source.open("rb") as content:
            self.file(name, content, bool(source.stat().st_mode & 0o111))

    def link(self, name: str, leads: str) -> None:
        path = self._new(name)
        end = os.path.normpath(os.path.join(os.path.dirname(path), leads))
        down = re.sub(r"^(\.\./+)+", "", leads)  # `x/..` is not where x is, if x is a link itself
        if (
            leads.startswith("/")
            or "\0" in leads
            or ".." in down.split("/")
            or not Path(end).is_relative_to(self.target)
        ):
            raise ValueError(f"{name} is a link that leads outside, to {leads}")
        path.symlink_to(leads)

    def _new(self, name: str) -> Path:
        path = self._inside(name)
        if path is None or str(path) in self.names:
            raise ValueError(f"{name} is in it twice" if path else "an entry has no name")
        self.names.add(str(path))
        if len(self.names) > MOST:
            raise ValueError(f"it has more than {MOST:,} entries")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _inside(self, name: str) -> Path | None:
        """The path in the target; no directory above it may be a link, as that one could lead anywhere later."""
        parts = PurePosixPath(name).parts
        if name.startswith("/") or ".." in parts or "\0" in name or "\\" in name:
            raise ValueError(f"{name} would be unpacked outside of its directory")
        path = self.target
        for part in parts[:-1]:
            path = path / part
            if path.is_symlink():
                raise ValueError(f"{name} is below a link")
        return path / parts[-1] if parts else None
