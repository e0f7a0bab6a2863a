"""A client of the Debug Adapter Protocol, as small as a test needs: attach, stop at a line, look, go on.

    with dap.attach(18095, "debugpy") as session:
        session.stop_at("/path/of/app.py", 12)
        …                                        # something makes the program come there
        stop = session.stopped()                 # .line, .function, .variables
        session.go_on(stop)

It speaks to `dlv --headless` (kind `go`, mode `remote`) and to debugpy's adapter (kind `debugpy`) alike; leaving the
block detaches and lets the program run. `launch` gives an adapter a whole launch configuration instead, as VS Code does
on F5. Every wait ends after `timeout` seconds with an AssertionError that says what was said until then.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

TIMEOUT = 60.0
Message = dict[str, Any]


@dataclass(frozen=True)
class Stop:
    """Where a thread stands."""

    thread: int
    reason: str
    file: str
    line: int
    function: str
    variables: Mapping[str, str]
    """Name -> value of the innermost frame, as the debugger writes it."""
    stack: tuple[str, ...]
    """Functions, the innermost first."""


@dataclass
class Session:
    """One connection to an adapter; made by `attach` or `launch`."""

    connection: socket.socket
    timeout: float = TIMEOUT
    said: list[Message] = field(default_factory=list)
    """Everything the adapter said."""
    _sequence: int = 0
    _inbox: queue.Queue[Message] = field(default_factory=queue.Queue)
    _untaken: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send a request and give the body of its answer; AssertionError if it was refused."""
        return self.answer(self.send(command, **arguments))

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request; gives its number."""
        self._sequence += 1
        message = {"seq": self._sequence, "type": "request", "command": command, "arguments": arguments}
        text = json.dumps(message).encode()
        self.connection.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        return self._sequence

    def answer(self, number: int) -> Any:
        """The body of the answer to request `number`."""
        answer = self._next(lambda m: m["type"] == "response" and m["request_seq"] == number, f"answer {number}")
        assert answer["success"], answer
        return answer.get("body") or {}

    def event(self, name: str) -> Message:
        """The body of the next event of that name, or of one that came already and nobody took."""
        return self._next(lambda m: m["type"] == "event" and m["event"] == name, f"event {name}").get("body") or {}

    def stop_at(self, file: str, *lines: int) -> None:
        """Have the program stop whenever it comes to one of the lines; none: nowhere in the file."""
        points = [{"line": line} for line in lines]
        found = self.ask("setBreakpoints", source={"path": file}, breakpoints=points)["breakpoints"]
        assert all(point["verified"] for point in found), found

    def stopped(self) -> Stop:
        """Wait until a thread stops; where it stands and what it has there."""
        body = self.event("stopped")
        frames = self.ask("stackTrace", threadId=body["threadId"], startFrame=0, levels=20)["stackFrames"]
        scopes = self.ask("scopes", frameId=frames[0]["id"])["scopes"]
        rows: dict[str, str] = {}
        for scope in scopes:
            if scope["name"] in ("Locals", "Arguments"):
                found = self.ask("variables", variablesReference=scope["variablesReference"])["variables"]
                rows |= {row["name"]: row["value"] for row in found}
        return Stop(
            body["threadId"], body["reason"], frames[0]["source"]["path"], frames[0]["line"], frames[0]["name"], rows,
            tuple(frame["name"] for frame in frames),
        )  # fmt: skip

    def go_on(self, stop: Stop) -> None:
        """Let it run."""
        self.ask("continue", threadId=stop.thread)

    def _next(self, wanted: Callable[[Message], bool], what: str) -> Message:
        """The first such message that nobody took; adapters answer and tell in any order."""
        deadline = time.monotonic() + self.timeout
        while not (found := [message for message in self._untaken if wanted(message)]):
            try:
                message = self._inbox.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {what} within {self.timeout} s; said was {self.said[-5:]}") from None
            assert message["type"] != "closed", f"hung up before {what}; said was {self.said[-5:]}"
            self._untaken.append(message)
        self._untaken.remove(found[0])
        return found[0]

    def _listen(self) -> None:
        try:
            with self.connection.makefile("rb") as stream:
                while header := stream.readline():
                    size = int(header.rpartition(b":")[2])
                    while stream.readline().strip():
                        pass
                    message = json.loads(stream.read(size))
                    self.said.append(message)
                    self._inbox.put(message)
        except (OSError, ValueError):
            pass
        self._inbox.put({"type": "closed"})


@contextmanager
def attach(port: int, kind: str, timeout: float = TIMEOUT, **arguments: Any) -> Iterator[Session]:
    """A session with what listens on 127.0.0.1:`port`; `kind` is `go` or `debugpy`. Detached at the end."""
    more = {"mode": "remote"} if kind == "go" else {"justMyCode": False}
    with _session(port, kind, timeout) as session:
        configure(session, "attach", {"name": "test", "request": "attach", **more, **arguments})
        yield session


@contextmanager
def launch(port: int, kind: str, configuration: Mapping[str, Any], timeout: float = TIMEOUT) -> Iterator[Session]:
    """A session with the adapter on 127.0.0.1:`port`, which runs what an entry of launch.json says."""
    with _session(port, kind, timeout) as session:
        configure(session, "launch", configuration)
        yield session


def configure(session: Session, request: str, arguments: Mapping[str, Any]) -> None:
    """`attach` or `launch`: adapters answer it only when the configuration is done."""
    number = session.send(request, **arguments)
    session.event("initialized")
    session.ask("configurationDone")
    session.answer(number)


@contextmanager
def _session(port: int, kind: str, timeout: float) -> Iterator[Session]:
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.settimeout(None)
        session = Session(connection, timeout)
        session.ask("initialize", adapterID=kind, clientID="test", pathFormat="path", linesStartAt1=True)
        try:
            yield session
        finally:
            try:
                session.ask("disconnect", terminateDebuggee=False)
            except (AssertionError, OSError):
                pass  # it has hung up by itself, which is as good
