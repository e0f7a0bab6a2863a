"""Parent of one daemon and of all it leaves behind: the first process of a container or sandbox may reap nobody.

`python -I keeper.py LOG COMMAND…` starts the command in a session of its own and returns once it runs. The keeper is
the subreaper of everything below the command: a daemon that was killed leaves no zombie, whose pid would look alive.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of linux/prctl.h."""


def keep(log: str, command: list[str]) -> None:
    """Leave the caller, start the command, wait until nobody is left."""
    if os.fork():
        return
    os.setsid()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    for descriptor, path, flags in ((0, os.devnull, os.O_RDONLY), (1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)):
        os.dup2(os.open(path, flags, 0o644), descriptor)
    os.dup2(1, 2)
    os.closerange(3, 4096)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if not os.fork():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        os.execvp(command[0], command)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            os._exit(0)


if __name__ == "__main__":
    keep(sys.argv[1], sys.argv[2:])
