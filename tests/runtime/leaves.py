"""A service that does what hides a process: `leaves.py DIRECTORY` starts one process a kind, each notes its pid there.

Titles and environments are erased as Redis and setproctitle do it: the memory that the kernel shows is overwritten.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path


def erase() -> None:
    """Overwrite what /proc shows of the environment (proc(5): fields 50 and 51 of stat)."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    first, end = int(fields[47]), int(fields[48])
    ctypes.memset(first, 0, end - first)


def stay(name: str) -> None:
    """Note the pid in one step, then wait for a signal."""
    fresh = Path(sys.argv[1]) / f".{name}"
    fresh.write_text(str(os.getpid()))
    fresh.rename(fresh.with_name(name))
    while True:
        signal.pause()


def main() -> None:
    """Become what the second word says; without one, the first process of the service."""
    how = sys.argv[2] if len(sys.argv) > 2 else ""
    if how == "daemon":
        if os.fork():
            os._exit(0)
        os.setsid()
        if os.fork():
            os._exit(0)
    elif how in ("session", "stubborn"):
        os.setsid()
    if how == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if how:
        if how != "clean":
            erase()
        stay(how)
    for each in ("erased", "session", "stubborn"):
        subprocess.Popen([sys.executable, *sys.argv, each])
    subprocess.run([sys.executable, *sys.argv, "daemon"], check=True)
    subprocess.Popen(["env", "-i", "setsid", sys.executable, *sys.argv, "clean"])
    erase()
    stay("first")


if __name__ == "__main__":
    main()
