"""A service that is not what it seems: `liar.py MODE HOST PORT`. Standard library, and nothing of the tool."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
ERROR = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
Answer = Callable[[socket.socket, int], None]
"""Answers the connection with this number."""


def well(connection: socket.socket, number: int) -> None:
    connection.sendall(OK)


def once(connection: socket.socket, number: int) -> None:
    connection.sendall(OK if number == 0 else ERROR)


def never(connection: socket.socket, number: int) -> None:
    connection.sendall(ERROR)


def drips(connection: socket.socket, number: int) -> None:
    for byte in OK * 100:
        connection.sendall(bytes([byte]))
        time.sleep(0.5)


def endless(connection: socket.socket, number: int) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-More: and more\r\n")
        time.sleep(0.01)


def silent(connection: socket.socket, number: int) -> None:
    time.sleep(3600)


def banner(connection: socket.socket, number: int) -> None:
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def hangs_up(connection: socket.socket, number: int) -> None:
    pass


def serve(host: str, port: int, answer: Answer = well) -> None:
    """Answer every connection in a thread of its own, after its request has begun."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        print("listening", flush=True)
        number = 0
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_one, args=(answer, connection, number), daemon=True).start()
            number += 1


def _one(answer: Answer, connection: socket.socket, number: int) -> None:
    with connection:
        try:
            connection.recv(65536)
            answer(connection, number)
        except OSError:
            pass


def later(seconds: float, act: Callable[[], object]) -> None:
    threading.Timer(seconds, act).start()


def daemonizes(host: str, port: int) -> None:
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    serve(host, port)


def hides(host: str, port: int) -> None:
    """Erase what /proc shows of the environment (proc(5): fields 50 and 51 of stat), in a session of its own."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    ctypes.memset(int(fields[47]), 0, int(fields[48]) - int(fields[47]))
    serve(host, port)


def leaves(host: str, port: int) -> None:
    for extra in ([], ["env", "-i"]):
        subprocess.Popen([*extra, "setsid", sys.executable, __file__, "hides", host, "0"], cwd="/")
    serve(host, port)


def needs_a_terminal(host: str, port: int) -> None:
    if not os.isatty(0):
        sys.exit("the input device is not a TTY")
    serve(host, port)


def reads_its_input(host: str, port: int) -> None:
    threading.Thread(target=serve, args=(host, port), daemon=True).start()
    sys.stdin.read()
    print("end of input, bye")


def says_ready(host: str, port: int) -> None:
    print("ready to serve", flush=True)
    time.sleep(3600)


def deaf(host: str, port: int) -> None:
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    serve(host, port)


def binary(host: str, port: int) -> None:
    os.write(1, bytes(range(256)) * 20 + b"\x1b]0;title\x07\x1b[2J\n")
    serve(host, port)


def endless_line(host: str, port: int) -> None:
    os.write(1, b"x" * 3_000_000)
    serve(host, port)


def mute(host: str, port: int) -> None:
    for each in (0, 1, 2):
        os.close(each)
    os.open(os.devnull, os.O_RDWR)
    os.dup(0)
    os.dup(0)
    serve(host, port)


def late(host: str, port: int) -> None:
    time.sleep(1.5)
    serve(host, port)


def dies(host: str, port: int) -> None:
    later(2.0, lambda: os._exit(7))
    serve(host, port)


def stops(host: str, port: int) -> None:
    later(2.0, lambda: os.kill(os.getpid(), signal.SIGSTOP))
    serve(host, port)


def closes(host: str, port: int) -> None:
    """Serve for a moment, then live on without listening."""
    child = os.fork()
    if child == 0:
        serve(host, port)
    time.sleep(2.0)
    os.kill(child, signal.SIGKILL)
    time.sleep(3600)


MODES: dict[str, Callable[[str, int], None]] = {
    "well": serve,
    "daemonizes": daemonizes,
    "hides": hides,
    "leaves": leaves,
    "needs_a_terminal": needs_a_terminal,
    "reads_its_input": reads_its_input,
    "says_ready": says_ready,
    "deaf": deaf,
    "binary": binary,
    "endless_line": endless_line,
    "mute": mute,
    "late": late,
    "dies": dies,
    "stops": stops,
    "closes": closes,
    "elsewhere": lambda host, port: serve(host, port + 1),
    "another_family": lambda host, port: serve("::1", port),
    "ends_well": lambda host, port: sys.exit(0),
    "ends_badly": lambda host, port: sys.exit("cannot find the configuration"),
    "killed": lambda host, port: os.kill(os.getpid(), signal.SIGKILL),
    **{
        each.__name__: lambda host, port, each=each: serve(host, port, each)  # type: ignore[misc]
        for each in (once, never, drips, endless, silent, banner, hangs_up)
    },
}

if __name__ == "__main__":
    if sys.argv[1] not in MODES:
        sys.exit(f"there is no mode {sys.argv[1]}")
    MODES[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
