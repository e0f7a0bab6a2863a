"""Whose process is at the other end of a TCP connection of this machine, and whose listens on an address. Linux.

Source: sock_diag(7), NETLINK_SOCK_DIAG; where that is not available, /proc/net/tcp and tcp6 (proc(5)). Programs that
run without site packages import this module: standard library only, and little of it.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterator

SOCK_DIAG, BY_FAMILY, REQUEST = 4, 20, 1
"""Protocol number of NETLINK_SOCK_DIAG, its message type, and the flag of a netlink request."""
ANY_COOKIE = b"\xff" * 8
LISTEN, UNACCEPTED = 10, (1, 3, 8)
"""States of a TCP socket, as numbered by the kernel (include/net/tcp_states.h): LISTEN, and ESTABLISHED, SYN_RECV and
CLOSE_WAIT, which a connection has while it waits to be accepted. A closed one without an inode has another state."""
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
LINUX = sys.platform == "linux"
Address = tuple[str, int]
"""An IPv4 or IPv6 address and a port."""


class Stranger(ConnectionError):
    """The other end is a process of another user, so nothing was sent, and no answer of it counts."""


class Found:
    """One TCP socket of the kernel.

    `uid` is the user that made or accepted it, which means nothing where it has no `inode`: that is 0 while no process
    has accepted it, and after its process has closed it. A named tuple would cost each command a millisecond.
    """

    __slots__ = ("inode", "state", "uid")

    def __init__(self, uid: int, inode: int, state: int) -> None:
        self.uid, self.inode, self.state = uid, inode, state


def uid_of_listener(address: str, port: int) -> int | None:
    """The user of the process that would accept a connection to the address; None if it cannot be told.

    It may be another process a moment later: ask `uid_of_peer` of the connection before anything secret is sent.
    """
    found = _socket((address, port), ("", 0))
    return found.uid if found and found.state == LISTEN and found.inode else None


def uid_of_peer(connection: socket.socket) -> int | None:
    """The user of the process at the other end of a TCP connection that was accepted or made; None if it cannot be
    told: the other end is on another machine or in a container, it has closed the connection, or this is macOS.

    A connection that no process has accepted yet is the listener's: if that closes, the kernel resets the connection.
    The answer for Docker's proxy is root.
    """
    found = other_end(connection)
    return found.uid if found else None


def other_end(connection: socket.socket) -> Found | None:
    """The socket at the other end of the connection, as `uid_of_peer` takes it; None if it cannot be told."""
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        ours, theirs = connection.getsockname()[:2], connection.getpeername()[:2]
    except OSError:
        return None
    found = _socket(theirs, ours)
    if found and not found.inode:
        listener = _socket(theirs, ("", 0))
        found = _socket(theirs, ours)
        if found and not found.inode and found.state in UNACCEPTED:  # so the listener has not changed since
            found = listener
    return found if found and found.inode else None


def _socket(own: Address, other: Address) -> Found | None:
    """The socket with these two ends; without the other end, the one that listens."""
    if not LINUX:
        return None
    own, other = (_plain(own[0]), own[1]), (_plain(other[0]), other[1])
    found = _asked(own, other)
    if found is None:  # also where the kernel has no tcp_diag, which it says by the same error
        found = _read(own, other)
    return None if found and other[1] and found.state == LISTEN else found


def _plain(address: str) -> str:
    """The address without its scope; that of an IPv4 peer as a socket for both protocols has it is IPv4."""
    address = address.partition("%")[0]
    return address[7:] if address.startswith("::ffff:") and "." in address else address


def _asked(own: Address, other: Address) -> Found | None:
    """By one question to the kernel, which looks the socket up as it does for a packet: about 20 us."""
    family = socket.AF_INET6 if ":" in own[0] else socket.AF_INET
    ends = [socket.inet_pton(family, address or _wildcard(family)).ljust(16, b"\0") for address, _ in (own, other)]
    ports = struct.pack("!HH", own[1], other[1])
    body = struct.pack("=BBBxI", family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
    body += ports + ends[0] + ends[1] + struct.pack("=I", 0) + ANY_COOKIE
    request = struct.pack("=IHHII", 16 + len(body), BY_FAMILY, REQUEST, 1, 0) + body
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as kernel:
            kernel.settimeout(1)
            kernel.sendto(request, (0, 0))
            answer = kernel.recv(8192)
    except OSError:
        return None
    if len(answer) < 16 + 72 or struct.unpack_from("=H", answer, 4)[0] != BY_FAMILY:
        return None
    state, (uid, inode) = answer[17], struct.unpack_from("=II", answer, 16 + 64)
    return Found(uid, inode, state)


def _wildcard(family: socket.AddressFamily) -> str:
    return "::" if family == socket.AF_INET6 else "0.0.0.0"


def _read(own: Address, other: Address) -> Found | None:
    """The same by the tables of /proc. Of several listeners the one with the most exact address accepts."""
    best, exact = None, 0
    for words in _rows():
        address, port = _end(words[1])
        found = Found(int(words[7]), int(words[9]), int(words[3], 16))
        if other[1]:
            if (address, port) == own and _end(words[2]) == other:
                return found
        elif found.state == LISTEN and port == own[1] and (rank := _rank(address, own[0])) > exact:
            best, exact = found, rank
    return best


def _rows() -> Iterator[list[str]]:
    for table in TABLES:
        try:
            with open(table) as file:
                rows = file.read().splitlines()[1:]
        except OSError:
            continue
        yield from (row.split() for row in rows)


def _end(text: str) -> Address:
    """Address and port of the kernel's hexadecimal form: 32-bit words in the byte order of the machine."""
    address, _, port = text.partition(":")
    words = [int(address[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(address), 8)]
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    return _plain(socket.inet_ntop(family, b"".join(words))), int(port, 16)


def _rank(listens: str, asked: str) -> int:
    """How exactly a listener's address fits the asked one; 0 if it does not accept such connections."""
    if listens == asked:
        return 3
    if listens == "0.0.0.0" and ":" not in asked:
        return 2
    return int(listens == "::")
