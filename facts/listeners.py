"""The TCP sockets of this machine that listen. Linux.

Source: sock_diag(7), which gives the listening ones alone; where that is not available, /proc/net/tcp and tcp6, for
which the kernel walks through its table of all connections: 3 ms of CPU for each look.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Iterable, Iterator

SOCK_DIAG, BY_FAMILY, REQUEST_DUMP = 4, 20, 0x301
"""Protocol number of NETLINK_SOCK_DIAG, its message type, and the flags of a request for all sockets."""
ERROR, DONE = 2, 3
"""Types of the netlink messages that end an answer."""
LISTEN = 10
"""State of a TCP socket, as numbered by the kernel (include/net/tcp_states.h)."""
TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
Listener = tuple[str, int, int]
"""IPv4 address (empty for an IPv6 socket), port, and number of the socket."""


def look(ask: Callable[[int], Iterable[Listener]] | None = None) -> list[Listener]:
    """Every socket that listens; `ask` gives those of one address family, or raises OSError."""
    try:
        return [each for family in (socket.AF_INET, socket.AF_INET6) for each in (ask or asked)(family)]
    except OSError:
        return list(read())


def asked(family: int) -> Iterator[Listener]:
    """Those of one address family, by sock_diag; OSError if the kernel or the container has none."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        wanted = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, 1 << LISTEN)
        kernel.send(struct.pack("=IHHII", 16 + len(wanted), BY_FAMILY, REQUEST_DUMP, 1, 0) + wanted)
        while True:
            answer, at = kernel.recv(1 << 18), 0
            while at < len(answer):
                length, kind = struct.unpack_from("=IH", answer, at)
                if kind in (ERROR, DONE):
                    if number := -struct.unpack_from("=i", answer, at + 16)[0]:
                        raise OSError(number, "sock_diag")
                    return
                (port,) = struct.unpack_from("!H", answer, at + 20)
                address = socket.inet_ntoa(answer[at + 24 : at + 28]) if answer[at + 16] == socket.AF_INET else ""
                yield address, port, struct.unpack_from("=I", answer, at + 84)[0]
                at += (length + 3) & ~3


def read() -> Iterator[Listener]:
    """All of them, by proc(5)."""
    for table in TABLES:
        try:
            with open(table) as file:
                rows = file.read().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            address, _, port = fields[1].rpartition(":")
            if int(fields[3], 16) == LISTEN:
                packed = int(address, 16).to_bytes(4, sys.byteorder) if len(address) == 8 else b""
                yield socket.inet_ntoa(packed) if packed else "", int(port, 16), int(fields[9])
