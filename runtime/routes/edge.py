"""The host's side of the gateway: listens on the services' ports, connects to their processes. `edge.py SPEC`.

Run as `python -I -S`; standard library only, one thread. It reads the owner map and its specification again at each
`reload` on the control socket. A connection whose process does not listen yet is held; after a timeout it gets a 503.
Where other people use the machine, a process of another user on the owner's address counts as none: it gets no byte.
"""

from __future__ import annotations

import contextlib
import errno
import heapq
import json
import os
import resource
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__)))))

from facts import descent, peers, processes, regular, users

HOME = "127.0.0.1"
"""The address that callers on this machine use; the edge listens on it, unless the owner does."""
SIDES = ("native", "ide")
"""Owners that are processes on this machine."""
FRESH = (("native", "native"), ("ide", "ide"), ("ide", "hold"))
"""Socket and owner for which the gateway uses it: its kept connections must not lead to another owner."""
HOLD = 30.0
"""Seconds for which a connection waits for a process that accepts it."""
LINGER = 1.0
"""Seconds in which an HTTP/2 caller gets the 503 answers."""
PAUSE = 0.015
"""Seconds between two attempts to connect to the owner."""
BLOCK = 65536
RETRY_FIRST, RETRY_LATER = 0.002, 0.1
"""Seconds between two attempts to listen on a port that another process has: at first, and after ten seconds."""
LOOK, AGAIN = 1.0, 60.0
"""Seconds between two looks at the leases, and before a failed return is tried again."""
DATA, HEADERS, SETTINGS, END_STREAM, END_HEADERS = 0, 1, 4, 1, 4
"""Kinds of HTTP/2's frames, and their flags."""
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
KEPT = "DEV_EDGE_KEPT"
"""Variable with the open listeners and known addresses of an edge that replaces itself by another version."""
RENEW = 3
"""Exit code with which an edge asks its keeper for another version of both."""


class Edge:
    """All listeners and connections; `run` is the event loop.

    `keeper` is a connection to the process that keeps the listeners while this one starts again, see `keeper.py`.
    """

    def __init__(self, spec: str, keeper: socket.socket | None = None) -> None:
        self.path, self.keeper = spec, keeper
        self.spec: dict[str, Any] = {}
        self.owners: dict[str, tuple[str, str]] = {}
        self.hosts: dict[tuple[str, str], str] = {}
        self.relays: set[Relay] = set()
        self.selector = selectors.DefaultSelector()
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.number = 0
        self.ports: dict[str, socket.socket] = {}
        self.sockets: dict[tuple[str, str], socket.socket] = {}
        self.wanted: dict[str, float] = {}
        self.due: dict[str, float] = {}
        self.asked: dict[str, float] = {}
        self.watch = 0
        self.children: list[subprocess.Popen[bytes]] = []
        self.refused: set[tuple[str, int | None]] = set()
        self.program = source()
        self.outdated = False
        self.talks: set[socket.socket] = set()
        self.control: socket.socket | None = None

    def run(self) -> None:
        """Run until it is killed; it has no state to clean up."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a held connection needs two
        self.adopt(json.loads(os.environ.pop(KEPT, "{}")))
        if self.keeper:
            self.selector.register(self.keeper, READ, lambda _: os._exit(1))
        self.reload()
        if self.control is None:
            self.control = self.control_socket()
        self.listen(self.control, self.talk)
        while True:
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                heapq.heappop(self.timers)[2]()
            wait = max(0.0, self.timers[0][0] - time.monotonic()) if self.timers else None
            for key, events in self.selector.select(wait):
                if self.selector.get_map().get(key.fd) is key:  # otherwise an earlier event of this batch has closed it
                    key.data(events)
            if self.outdated and not (self.talks or self.children or any(map(self.delays, self.relays))):
                self.renew()

    def delays(self, relay: Relay) -> bool:
        """Whether a new version waits for its end: not for infrastructure's, which are kept and made again."""
        return "callers" not in self.spec["services"].get(relay.name, {})

    def control_socket(self) -> socket.socket:
        """The socket for commands, which replaces one of an earlier edge."""
        directory, name = os.path.split(self.spec["control"])
        os.chdir(directory)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(name)
        os.chmod(name, 0o600)
        os.chdir(self.spec["directory"])
        self.keep("control", listener)
        return listener

    def renew(self) -> None:
        """Become the present version of this program: the listeners stay open, and callers wait in their queues."""
        if self.keeper:
            os._exit(RENEW)
        kept = {f"port {name}": listener for name, listener in self.ports.items()}
        kept |= {f"host {name} {side}": listener for (name, side), listener in self.sockets.items()}
        kept |= {"control": self.control} if self.control else {}
        for listener in kept.values():
            listener.set_inheritable(True)
        hosts = [[*key, host] for key, host in self.hosts.items()]
        numbers = {key: listener.fileno() for key, listener in kept.items()}
        self.outdated = False
        try:
            os.execve(
                sys.executable, sys.orig_argv, {**os.environ, KEPT: json.dumps({"sockets": numbers, "hosts": hosts})}
            )
        except OSError as problem:
            print(f"the new version of the edge could not be started: {problem}", flush=True)
            for listener in kept.values():
                listener.set_inheritable(False)

    def adopt(self, kept: dict[str, Any]) -> None:
        """Take over what the version before kept in `renew`."""
        self.hosts = {(name, owner): host for name, owner, host in kept.get("hosts", ())}
        for key, number in kept.get("sockets", {}).items():
            listener = socket.socket(fileno=number)
            listener.set_inheritable(False)
            what, _, rest = key.partition(" ")
            name, _, side = rest.partition(" ")
            if what == "control":
                self.control = listener
            elif what == "port":
                self.ports[name] = listener
                self.listen(listener, lambda connection, name=name: self.welcome(name, connection))  # type: ignore[misc]
            else:
                self.sockets[name, side] = listener
                self.listen(
                    listener,
                    lambda connection, name=name, side=side: Relay(self, name, connection, side).dial(),  # type: ignore[misc]
                )

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Call the function once, after that time."""
        self.number += 1
        heapq.heappush(self.timers, (time.monotonic() + seconds, self.number, what))

    def listen(self, listener: socket.socket, taken: Callable[[socket.socket], None]) -> None:
        """Pass each accepted connection to `taken`."""
        listener.setblocking(False)
        listener.listen(1024)

        self.selector.register(listener, READ, Acceptor(listener, taken))

    def reload(self) -> None:
        """Read specification and owner map, release ports that are not the edge's any more, listen on the others."""
        with open(self.path) as file:
            self.spec = json.load(file)
        self.spec["services"] |= self.spec.pop("infra", {})
        os.chdir(self.spec["directory"])  # socket names are relative: an absolute path may be too long
        self.read_owners()
        self.part_relays()
        for name in [name for name in self.ports if not self.has_port(name) or self.moved(name)]:
            self.keep(f"port {name}")
            self.close(self.ports.pop(name))
        for key in [key for key in self.sockets if key[0] not in self.spec["services"]]:
            self.keep(" ".join(("host", *key)))
            self.close(self.sockets.pop(key))
        for name in self.spec["services"]:
            self.attend(name)
        self.due = {name: until for name, until in self.spec["due"].items() if until}
        self.watch += 1
        self.watch_leases(self.watch)

    def read_owners(self) -> None:
        """Read the owner of each service's name and port."""
        try:
            with open("owner.map") as file:
                rows = [line.split() for line in file if line.strip()]
                self.owners = {name: (word.partition("@")[0], word.partition("@")[2]) for name, word in rows}
        except FileNotFoundError:  # no container runs: only leases are watched
            self.owners = {}
        self.hosts |= {(name, owner): host for name, (owner, host) in self.owners.items()}

    def part_relays(self) -> None:
        """Close connections of removed services, and those that lead to an earlier owner."""
        for relay in list(self.relays):
            if relay.name not in self.spec["services"]:
                relay.close()
            elif relay.astray and (relay.side, self.owners.get(relay.name, ("",))[0]) in FRESH:
                relay.part()

    def attend(self, name: str) -> None:
        """Listen on the service's sockets, and on its port if the edge has it."""
        for side in SIDES:
            if (name, side) not in self.sockets:
                self.open_socket(name, side)
        if self.has_port(name) and name not in self.ports:
            armed = name in self.wanted
            self.wanted[name] = time.monotonic()
            if not armed:
                self.take_port(name)

    def has_port(self, name: str) -> bool:
        """Whether the edge has the service's port on 127.0.0.1: its owner does not listen there itself."""
        owner, host = self.owners.get(name, ("none", ""))
        return name in self.spec["services"] and (owner in ("docker", "hold") or (owner in SIDES and host != HOME))

    def moved(self, name: str) -> bool:
        """Whether the edge listens on an earlier port of the service."""
        return bool(self.ports[name].getsockname()[1] != self.spec["services"][name]["port"])

    def open_socket(self, name: str, side: str) -> None:
        """Listen on the socket to which the gateway forwards requests for a process on this machine."""
        listener, path = socket.socket(socket.AF_UNIX), f"host/{name}.{side}.sock"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener.bind(path)
        os.chmod(path, 0o600)
        self.sockets[name, side] = listener
        self.keep(f"host {name} {side}", listener)
        self.listen(listener, lambda connection: Relay(self, name, connection, side).dial())

    def take_port(self, name: str) -> None:
        """Listen on the service's port, as soon as the process that has it releases it."""
        since = self.wanted.get(name)
        if since is None or name in self.ports:
            return
        if not self.has_port(name):
            del self.wanted[name]
            return
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOME, self.spec["services"][name]["port"]))
            self.listen(listener, lambda connection: self.welcome(name, connection))
        except OSError:
            listener.close()
            self.later(RETRY_FIRST if time.monotonic() < since + 10 else RETRY_LATER, lambda: self.take_port(name))
            return
        del self.wanted[name]
        self.ports[name] = listener
        self.keep(f"port {name}", listener)

    def welcome(self, name: str, connection: socket.socket) -> None:
        """Relay a connection to a port; close it unread where its callers are limited to other users."""
        allowed = self.spec["services"].get(name, {}).get("callers")
        if allowed is None or (uid := peers.uid_of_peer(connection)) in allowed:
            Relay(self, name, connection).dial()
            return
        connection.close()
        if (name, uid) not in self.refused:
            self.refused.add((name, uid))
            who = "a process whose user is unknown" if uid is None else f"a process of user {users.name(uid)}"
            print(f"{name}: {who} was refused; this is said once", flush=True)

    def keep(self, key: str, *listener: socket.socket) -> None:
        """Have the keeper take a listener, or without one release that of the key; returns when it has."""
        if self.keeper:
            socket.send_fds(self.keeper, [key.encode()], [each.fileno() for each in listener])
            self.keeper.recv(16)

    def close(self, listener: socket.socket) -> None:
        """Close the listener; accept its queued connections first, as the kernel would reset them."""
        taken = self.selector.get_key(listener).data.taken
        self.selector.unregister(listener)
        waiting = []
        with contextlib.suppress(OSError):
            while True:
                waiting.append(listener.accept()[0])
        listener.close()
        for connection in waiting:
            connection.setblocking(False)
            taken(connection)

    def talk(self, connection: socket.socket) -> None:
        """Answer `reload` or `look` with the state of each service's port."""

        def heard(_: int) -> None:
            try:
                word = connection.recv(100).decode(errors="replace").strip()
                if word == "reload":
                    now = source()
                    self.outdated = bool(now) and now != self.program and runs(now)
                    self.reload()
                if word in ("reload", "look"):
                    state = {name: {"listens": name in self.ports} for name in self.spec["services"]}
                    connection.sendall(json.dumps(state).encode() + b"\n")
                    return
            except (OSError, ValueError, KeyError) as problem:
                with contextlib.suppress(OSError):
                    connection.sendall(json.dumps({"": str(problem)}).encode() + b"\n")
            self.selector.unregister(connection)
            self.talks.discard(connection)
            connection.close()

        self.talks.add(connection)
        self.selector.register(connection, READ, heard)

    def watch_leases(self, watch: int) -> None:
        """Give back services whose lease is over, by the command that a user would run; retry after a minute."""
        self.children = [child for child in self.children if child.poll() is None]
        if watch != self.watch or not self.due:
            return
        for name, until in self.due.items():
            if until < time.time() and self.asked.get(name, 0.0) < time.monotonic() - AGAIN:
                self.asked[name] = time.monotonic()
                print(f"the lease of {name} is over: giving it back", flush=True)
                env = {
                    **os.environ,
                    "DEV_RUN_ID": "apart",
                }  # its processes outlive the edge
                self.children.append(subprocess.Popen(
                    [*self.spec["back"], "handoff", name, "--back"], stdin=subprocess.DEVNULL, cwd="/", env=env,
                    start_new_session=True,
                ))  # fmt: skip
        self.later(LOOK, lambda: self.watch_leases(watch))


def source() -> list[bytes]:
    """The modules of this program as they are on disk; empty if they cannot be read, for example during an update."""
    found = []
    for path in (__file__, *(str(module.__file__) for module in (descent, peers, processes, regular, users))):
        try:
            with open(path, "rb") as file:
                found.append(file.read())
        except OSError:
            return []
    return found


def runs(modules: list[bytes]) -> bool:
    """Whether each module is a whole Python program; an update may be writing it."""
    try:
        for text in modules:
            compile(text, "edge", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


class Acceptor:
    """A listener, and the function that gets its connections."""

    def __init__(self, listener: socket.socket, taken: Callable[[socket.socket], None]) -> None:
        self.listener, self.taken = listener, taken

    def __call__(self, _: int) -> None:
        """Accept the waiting connections."""
        for _ in range(64):
            try:
                connection, _peer = self.listener.accept()
            except OSError:
                return
            connection.setblocking(False)
            self.taken(connection)


class Relay:
    """One connection and its other end; `side` is the socket on which it came, empty for the service's port."""

    def __init__(self, edge: Edge, name: str, near: socket.socket, side: str = "") -> None:
        self.edge, self.name, self.near, self.side = edge, name, near, side
        self.waits = self.astray = False
        edge.relays.add(self)
        self.left: Iterator[tuple[socket.AddressFamily, Any]] = iter(())
        self.far: socket.socket | None = None
        self.until = time.monotonic() + HOLD
        self.early = b""
        self.stranger: int | None = None
        self.over = False
        self.pending = {near: b""}
        self.ended: set[socket.socket] = set()
        self.events: dict[socket.socket, int] = {}
        if near.family == socket.AF_INET:
            near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def dial(self) -> None:
        """Connect to the other end; retry until it accepts or the timeout is over."""
        if self.over:
            return
        self.left = self.ways()
        self.attempt()

    def attempt(self) -> None:
        """Try the remaining addresses."""
        for family, address in self.left:
            try:
                far = socket.socket(family)
            except OSError:  # the limit of open files is reached
                break
            far.setblocking(False)
            problem = far.connect_ex(address)
            if problem == 0 and self.trusts(far):
                self.join(far)
                return
            if problem == errno.EINPROGRESS:
                self.far = far
                self.edge.selector.register(far, WRITE, lambda _, far=far: self.dialled(far))
                return
            far.close()
        self.retry()

    def ways(self) -> Iterator[tuple[socket.AddressFamily, Any]]:
        """The addresses to try, in order: the gateway, which forwards each request to its owner, or the process itself.

        A connection of a socket goes to the process of that socket, and when that has ended to the present owner.
        """
        owner, host = self.edge.owners.get(self.name, ("none", ""))
        port = self.edge.spec["services"][self.name]["port"]
        if self.side not in ("", owner):
            before = self.edge.hosts.get((self.name, self.side), HOME)
            if before != HOME and (self.side, owner) != ("ide", "hold"):  # requests that must wait
                yield socket.AF_INET, (before, port)
            self.astray = True
        if not self.side or owner == "docker":
            yield socket.AF_UNIX, f"gate/{self.name}.sock"
        if owner in SIDES and not (
            host == HOME and self.name in self.edge.ports
        ):  # otherwise the edge would connect to itself
            yield socket.AF_INET, (host, port)

    def dialled(self, far: socket.socket) -> None:
        """Join the ends if the connection was accepted, else try the next address."""
        if self.over:
            return
        self.edge.selector.unregister(far)
        self.far = None
        if far.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or not self.trusts(far):
            far.close()
            self.attempt()
        else:
            self.join(far)

    def trusts(self, far: socket.socket) -> bool:
        """Whether a process of an allowed user has accepted, or will accept; without a list of them every one is."""
        allowed = self.edge.spec["services"][self.name].get("users", self.edge.spec.get("users"))
        if allowed is None or far.family != socket.AF_INET:  # our directory with the gateway's sockets is 0700
            return True
        uid = peers.uid_of_peer(far)
        trusted = uid in allowed or self.descends(far)
        self.stranger = None if trusted else uid
        return trusted

    def descends(self, far: socket.socket) -> bool:
        """Whether a process has accepted that the component started, and that became another user."""
        record, mark = self.edge.spec["services"][self.name].get("run", ("", ""))
        return bool(record) and descent.reaches(far, processes.of_document(processes.load(record), mark))

    def retry(self) -> None:
        """Try again after a pause; meanwhile notice a caller that hangs up."""
        if time.monotonic() > self.until:
            self.refuse()
            return
        if self.near not in self.events and len(self.early) < BLOCK:
            self.events[self.near] = READ
            self.edge.selector.register(self.near, READ, self.hear_early)
        self.edge.later(PAUSE, self.dial)

    def hear_early(self, _: int) -> None:
        """Keep what the caller sends before the other end accepts; close the connection if the caller hangs up."""
        try:
            block = self.near.recv(BLOCK)
        except BlockingIOError:
            return
        except OSError:
            block = b""
        if not block:
            self.close()
            return
        self.early += block
        if len(self.early) >= BLOCK:
            self.edge.selector.unregister(self.near)
            del self.events[self.near]

    def refuse(self) -> None:
        """Answer why the owner did not accept, and close."""
        service = self.edge.spec["services"][self.name]
        owner, host = self.edge.owners.get(self.name, ("none", ""))
        there = "nothing" if self.stranger is None else f"a process of user {users.name(self.stranger)}"
        reason = {
            "hold": f"{self.name} is being restarted",
            "ide": f"{self.name} is handed off to an IDE, and {there} listens on {host}:{service['port']}",
            "native": f"{self.name} runs natively, and {there} listens on {host}:{service['port']}",
        }.get(owner, f"the gateway to {self.name} does not answer")
        text = f"{reason}; waited {HOLD:.0f} s. ./dev status says more\n".encode()
        if service["protocol"] == "http":
            head = f"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\ncontent-length: {len(text)}\r\n"
            with contextlib.suppress(OSError):
                self.near.send(head.encode() + b"connection: close\r\n\r\n" + text)
        elif service["protocol"] == "h2c":
            self.refuse_streams(text)
            return
        self.close()

    def refuse_streams(self, text: bytes) -> None:
        """Send settings, without which HAProxy sends no request; then answer each request for LINGER seconds."""

        def heard(_: int) -> None:
            try:
                block = self.near.recv(BLOCK)
                self.early += block
                answer, self.early = refused(self.early, text)
                self.near.send(answer)
            except BlockingIOError:
                return
            except OSError:
                block = b""
            if not block:
                self.close()

        answer, self.early = refused(self.early, text)
        with contextlib.suppress(OSError):
            self.near.send(frame(SETTINGS, 0, 0, b"") + answer)
        if self.events.pop(self.near, 0):
            self.edge.selector.unregister(self.near)
        self.edge.selector.register(self.near, READ, heard)
        self.edge.later(LINGER, self.close)

    def join(self, far: socket.socket) -> None:
        """Both ends are connected: forward what was received already, then everything else."""
        if self.near in self.events:
            self.edge.selector.unregister(self.near)
            del self.events[self.near]
        self.far, self.waits = far, bool(self.early)
        if far.family == socket.AF_INET:
            far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = {self.near: b"", far: self.early}
        self.want(self.near, READ)
        self.want(far, READ | (WRITE if self.early else 0))
        if not self.early:
            self.pump(self.near, far)

    def want(self, end: socket.socket, events: int) -> None:
        """Select these events of this end."""
        now = self.events.get(end, 0)
        if now == events:
            return
        other = self.far if end is self.near else self.near
        assert other is not None
        if not events:
            self.edge.selector.unregister(end)
        elif not now:
            self.edge.selector.register(end, events, lambda woken: self.wake(end, other, woken))
        else:
            self.edge.selector.modify(end, events, lambda woken: self.wake(end, other, woken))
        self.events[end] = events

    def wake(self, end: socket.socket, other: socket.socket, events: int) -> None:
        """Handle events: one end can be read or written."""
        if events & WRITE and not self.over:
            self.flush(end)
        if events & READ and not self.over:
            self.pump(end, other)

    def pump(self, source: socket.socket, sink: socket.socket) -> None:
        """Read once and forward it; stop reading while the other end is slow."""
        self.waits = source is self.near
        try:
            block = source.recv(BLOCK)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if not block:
            self.ended.add(source)
            self.want(source, self.events[source] & ~READ)
            if not self.pending[sink]:
                self.finish(sink)
            return
        if not self.pending[sink]:
            try:
                sent = sink.send(block)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            block = block[sent:]
        if block:
            self.pending[sink] += block
            self.want(sink, self.events[sink] | WRITE)
            self.want(source, self.events[source] & ~READ)

    def flush(self, sink: socket.socket) -> None:
        """Write what is pending, then read the other end again."""
        source = self.far if sink is self.near else self.near
        assert source is not None
        try:
            sent = sink.send(self.pending[sink])
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        self.pending[sink] = self.pending[sink][sent:]
        if self.pending[sink]:
            return
        self.want(sink, self.events[sink] & ~WRITE)
        if source in self.ended:
            self.finish(sink)
        else:
            self.want(source, self.events[source] | READ)

    def finish(self, sink: socket.socket) -> None:
        """Shut down this end for writing; close the connection when both are shut down."""
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
        if len(self.ended) == 2:
            self.close()

    def part(self) -> None:
        """Close a kept connection of the gateway that leads to another process, unless an answer is under way."""
        if self.far is not None and not self.waits:
            self.close()

    def close(self) -> None:
        """Close both ends."""
        self.over = True
        self.edge.relays.discard(self)
        for end in (self.near, self.far):
            if end is None:
                continue
            with contextlib.suppress(KeyError, ValueError):
                self.edge.selector.unregister(end)
            end.close()


def refused(asked: bytes, text: bytes) -> tuple[bytes, bytes]:
    """503 answers for the HTTP/2 requests (RFC 9113) in these bytes, and the remaining bytes."""
    asked = asked.removeprefix(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    head = b"\x08\x03503\x0f\x10\x0atext/plain"  # :status and content-type by their numbers in RFC 7541's table
    answer = b""
    while len(asked) >= 9 and len(asked) >= (end := 9 + int.from_bytes(asked[:3], "big")):
        if asked[3] == HEADERS:
            stream = int.from_bytes(asked[5:9], "big")
            answer += frame(HEADERS, END_HEADERS, stream, head) + frame(DATA, END_STREAM, stream, text)
        asked = asked[end:]
    return answer, asked


def frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    """An HTTP/2 frame."""
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


if __name__ == "__main__":
    Edge(sys.argv[1]).run()
