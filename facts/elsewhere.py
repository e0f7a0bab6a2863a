"""Where processes listen for TCP connections: every address and port, for any user (Linux; elsewhere not known)."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


def listening(pids: Collection[int]) -> list[tuple[str, int]]:
    """Address and port of each listening socket that one of the processes holds."""
    held = {link for pid in pids for link in _links(pid)}
    return sorted({(address, port) for link, address, port in _sockets() if link in held})


def is_local(address: str) -> bool:
    """Whether who calls 127.0.0.1 reaches a socket at the address."""
    found = ipaddress.ip_address(address)
    mapped = getattr(found, "ipv4_mapped", None) or found
    return mapped.is_unspecified or (mapped.version == 4 and mapped.is_loopback)


def _sockets() -> Iterator[tuple[str, str, int]]:
    """`socket:[INODE]`, address and port of each socket of this machine that listens."""
    for table in TABLES:
        with contextlib.suppress(OSError):
            for row in Path(table).read_text().splitlines()[1:]:
                fields = row.split()
                address, _, port = fields[1].rpartition(":")
                if fields[3] == "0A":
                    yield f"socket:[{fields[9]}]", _address(address), int(port, 16)


def _address(text: str) -> str:
    """proc(5) has each 32 bits of it as a hexadecimal number in the machine's own order of bytes."""
    parts = [int(text[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(parts)))


def _links(pid: int) -> Iterator[str]:
    with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # it was closed meanwhile
                yield os.readlink(entry.path)
