"""What is so, looked at without any code of the tool: files, processes, sockets, answers."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A file as `lstat` sees it, with what is in it."""

    kind: str
    mode: int
    owner: int
    inode: int
    modified: int
    """Nanoseconds."""
    content: str
    """Hash of a file, target of a link."""


class Process(NamedTuple):
    """A process and the moment at which it began, which together are the same process and no other."""

    pid: int
    began: int
    command: str


def tree(root: Path, skip: Callable[[str], bool] = lambda name: False) -> dict[str, Entry]:
    """Everything below a directory, by its path relative to it; `skip` leaves out a path and what is below it."""
    found: dict[str, Entry] = {}
    waiting = [root]
    while waiting:
        directory = waiting.pop()
        try:
            children = sorted(os.scandir(directory), key=lambda child: child.name)
        except OSError:
            continue
        for child in children:
            name = os.path.relpath(child.path, root)
            if skip(name):
                continue
            try:
                found[name] = _entry(Path(child.path))
            except OSError:
                continue
            if found[name].kind == "directory":
                waiting.append(Path(child.path))
    return found


def _entry(path: Path) -> Entry:
    about = path.lstat()
    kind, content = "other", ""
    if stat.S_ISDIR(about.st_mode):
        kind = "directory"
    elif stat.S_ISLNK(about.st_mode):
        kind, content = "link", os.readlink(path)
    elif stat.S_ISREG(about.st_mode):
        kind, content = "file", hashlib.sha256(path.read_bytes()).hexdigest()
    # a directory's time changes with each temporary file in it
    modified = 0 if kind == "directory" else about.st_mtime_ns
    return Entry(kind, stat.S_IMODE(about.st_mode), about.st_uid, about.st_ino, modified, content)


def differences(before: dict[str, Entry], after: dict[str, Entry]) -> list[str]:
    """One line for each path that is new, gone or another one."""
    lines = [f"new: {name}" for name in sorted(after.keys() - before.keys())]
    lines += [f"gone: {name}" for name in sorted(before.keys() - after.keys())]
    for name in sorted(before.keys() & after.keys()):
        changed = [
            field for field, old, new in zip(Entry._fields, before[name], after[name], strict=True) if old != new
        ]
        if changed:
            lines.append(f"{name}: another {', '.join(changed)}")
    return lines


def processes(base: Path) -> set[Process]:
    """Every living process that works below the directory or has it in its command line or environment."""
    here = os.fsencode(base)
    return {
        Process(pid, began, _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip())
        for pid in _pids()
        if (began := _began(pid)) and pid != os.getpid() and here in _about(pid)
    }


def _pids() -> Iterator[int]:
    yield from (int(name) for name in os.listdir("/proc") if name.isdigit())


def _about(pid: int) -> bytes:
    try:
        cwd = os.fsencode(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        cwd = b""
    return b"\0".join((cwd, _read(f"/proc/{pid}/cmdline"), _read(f"/proc/{pid}/environ")))


def _began(pid: int) -> int:
    """Clock ticks since the machine began; 0 for a process that is gone or a zombie (proc(5): fields 3 and 22)."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return int(fields[19]) if fields and fields[0] not in (b"Z", b"X") else 0


def listeners(port: int) -> set[int]:
    """Processes that listen on the TCP port, whatever the address."""
    inodes = {
        row.split()[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for row in _read(table).decode().splitlines()[1:]
        if row.split()[3] == "0A" and int(row.split()[1].rpartition(":")[2], 16) == port
    }
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return {pid for pid in _pids() if wanted & set(_descriptors(pid))} if wanted else set()


def _descriptors(pid: int) -> Iterator[str]:
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            yield os.readlink(f"/proc/{pid}/fd/{name}")
    except OSError:
        return


def answer(port: int, path: str = "/", timeout: float = 20.0) -> tuple[int, str]:
    """Status and body of what a web server answers on 127.0.0.1 in that time; status 0 and the reason if none."""
    until = time.monotonic() + timeout
    received = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            while not _whole(received):
                connection.settimeout(max(0.01, until - time.monotonic()))
                if not (block := connection.recv(65536)):
                    break
                received += block
                if time.monotonic() > until:
                    return 0, f"it has not answered within {timeout} s"
    except OSError as problem:
        return 0, f"{type(problem).__name__}: {problem}"
    head, _, body = received.partition(b"\r\n\r\n")
    first = re.match(rb"HTTP/1\.[01] (\d{3})\b", head)
    return (int(first[1]), body.decode(errors="replace")) if first and _whole(received) else (0, repr(received[:200]))


def _whole(received: bytes) -> bool:
    """Whether the header has ended, and as much came after it as it says."""
    head, found, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\ncontent-length: *(\d+)", head)
    return bool(found) and len(body) >= (int(length[1]) if length else 0)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
