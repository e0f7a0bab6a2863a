"""Who listens on a TCP port of this machine: pid, command, user, directory, and whose run it belongs to."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from facts import listeners, peers, processes, users
from facts.probe import LocalProbe
from facts.processes import MARK
from facts.value import dataclass, replace

HOME = "127.0.0.1"


@dataclass(frozen=True)
class Owner:
    """The process that listens; what could not be read (another user's process) is empty, the pid 0."""

    pid: int = 0
    command: str = ""
    user: str = ""
    cwd: str = ""
    mark: str = ""
    """Mark in its environment: says whose it calls itself, for words alone. `Instance.owns` says whose it is."""
    start: int = 0
    """When it began, as in `processes.Identity`."""
    belongs_to: str = ""
    """Component of this instance that it belongs to, where that was asked."""

    def __str__(self) -> str:
        parts = [f"pid {self.pid}" if self.pid else "", f"user {self.user}" if self.user else "", self.cwd]
        return f"`{self.command or 'a process of another user'}` ({', '.join(p for p in parts if p)})"


def probe(ports: Collection[int], whose: Callable[[int, int], str]) -> LocalProbe:
    """`ports`: port -> its `Owner`, or None where it is free; `whose` says to what a pid on a port belongs."""

    def look() -> dict[int, Owner | None]:
        return {
            port: found and replace(found, belongs_to=whose(port, found.pid)) for port, found in owners(ports).items()
        }

    return LocalProbe("ports", look)


def owner(port: int, host: str = HOME) -> Owner | None:
    """The process that would answer there; None if no process listens."""
    return owners((port,), {port: host})[port]


def owners(ports: Collection[int], hosts: Mapping[int, str] = {}) -> dict[int, Owner | None]:
    """Who listens on each of the ports, by one walk over the processes.

    Sockets of another loopback address than the asked one (of `hosts`, else 127.0.0.1) belong to others.
    """
    if not Path("/proc/net/tcp").exists():
        return {port: _by_psutil(port) for port in ports}
    wanted = {port: hosts.get(port, HOME) for port in ports}
    sockets = _listening(wanted)
    found = dict.fromkeys(wanted) | _walk(sockets)
    hidden = {port: host for port, host in wanted.items() if found[port] == Owner()}
    if hidden:
        now = _listening(hidden)
        if any(port in hidden and link not in now for link, port in sockets.items()):  # it died during the walk
            found |= dict.fromkeys(hidden) | _walk(now)
    return found | {port: _named(port, host) for port, host in hidden.items() if found[port] == Owner()}


def _named(port: int, host: str) -> Owner:
    """A listener of which only the user can be told, as its process is another user's."""
    uid = peers.uid_of_listener(host, port)
    return Owner() if uid is None else Owner(user=users.name(uid))


def _walk(sockets: Mapping[str, int]) -> dict[int, Owner | None]:
    """Port of each socket -> the process that has it."""
    found: dict[int, Owner | None] = dict.fromkeys(sockets.values(), Owner())
    missing = dict(sockets)
    # the newest first: what we start is younger than the system around it
    for pid in sorted((int(e.name) for e in os.scandir("/proc") if e.name.isdigit()), reverse=True):
        if not missing:
            break
        for link in _sockets(pid) & missing.keys():
            port = missing.pop(link)
            found[port] = describe(pid)
    return found


def _listening(hosts: Mapping[int, str]) -> dict[str, int]:
    """`socket:[INODE]` -> port, of the listening sockets that answer at the port's host."""
    return {
        f"socket:[{inode}]": port
        for address, port, inode in listeners.look()
        if port in hosts and _answers(address, hosts[port])
    }


def _answers(address: str, host: str) -> bool:
    """Whether a socket at the IPv4 address, or an IPv6 one (empty), may answer who asks at the host."""
    return address in ("", host) or not address.startswith("127.")


def _sockets(pid: int) -> set[str]:
    found = set()
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # it was closed meanwhile; those behind it count
                found.add(os.readlink(entry.path))
    return found


def describe(pid: int) -> Owner:
    """What /proc tells about a process."""
    import pwd  # saves 0.2 ms where no port is taken

    base = Path("/proc") / str(pid)
    try:
        user = pwd.getpwuid(base.stat().st_uid).pw_name
    except (OSError, KeyError):
        user = ""
    try:
        cwd = os.readlink(base / "cwd")
    except OSError:
        cwd = ""
    return Owner(pid, processes.command(pid), user, cwd, processes.mark(pid), _start(pid))


def _start(pid: int) -> int:
    process = processes.read(pid)
    return process.start if process else 0


def _by_psutil(port: int) -> Owner | None:
    """macOS: psutil sees one's own processes; for others a plain connection says that someone is there."""
    import psutil  # saves 9 ms on Linux, where /proc is read

    for process in psutil.process_iter(["pid", "username", "cmdline", "cwd"]):
        try:
            if any(c.status == "LISTEN" and c.laddr.port == port for c in process.net_connections("tcp")):
                facts = process.info
                command = " ".join(facts["cmdline"] or [])[:120]
                mark, start = process.environ().get(MARK, ""), _start(process.pid)
                return Owner(process.pid, command, facts["username"] or "", facts["cwd"] or "", mark, start)
        except psutil.Error:
            continue
    with socket.socket() as probe_socket:
        probe_socket.settimeout(0.5)
        return Owner() if probe_socket.connect_ex(("127.0.0.1", port)) == 0 else None
