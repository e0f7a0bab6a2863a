"""Whether the other end of a connection is a process that a component started, whichever user that became. Linux.

A server that root starts may have workers of another user (nginx). Their user does not tell them from strangers, but
their descent from the component's shim does. The edge imports this module: standard library only.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress

from facts import peers, processes


def reaches(connection: socket.socket, run: processes.Run) -> bool:
    """Whether a process below the run's shim has accepted the connection, or will accept it.

    Only root can see the open files of other users' processes; for anybody else the answer about them is no.
    """
    end = peers.other_end(connection)
    return end is not None and any(_has(process.pid, f"socket:[{end.inode}]") for process in processes.below(run))


def _has(pid: int, link: str) -> bool:
    """Whether the process has this socket open."""
    with suppress(OSError), os.scandir(f"/proc/{pid}/fd") as entries:
        for entry in entries:
            with suppress(OSError):  # it was closed meanwhile
                if os.readlink(entry.path) == link:
                    return True
    return False
