"""Native infrastructure on a machine with other users: the edge has its ports, also while it restarts."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from converge import schema
from converge.instance import EDGE, Instance, store
from facts import peers, processes, users
from runtime.component import LOOPBACK_FOR, Component
from runtime.infra import grpc, postgres, wire
from runtime.placements import native
from runtime.placements.choice import Asked, Choices
from runtime.platform import Platform
from runtime.provision import topics
from runtime.routes import owner_map
from runtime.secrets import issuer
from runtime.start import actions
from runtime.start.act import act
from runtime.start.look import look
from runtime.start.run import Run
from tests import stranger
from tests.conftest import HEAD, TOOL, Checkout, is_free, neighbours, ports, wait_until

HOME, INNER = "127.0.0.1", LOOPBACK_FOR["native"]
ATTEMPTS = int(os.environ.get("BIND_ATTEMPTS", "200"))
"""How often a second user tries to take an address; the figure in the documentation is of a run with 10,000."""
COUNTER = """
import socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"ours %d" % len(self.rfile.read()))
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
"""Infrastructure of kind `command`: it counts what it is sent, and answers when the caller has sent all."""
ISSUER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{"of": "ours"}')
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""
WORKERS = """
import os, socket, sys
if os.fork():
    sys.exit(os.wait()[1])
if os.getuid() == 0:
    os.setgroups([]); os.setresgid(*3 * [UID]); os.setresuid(*3 * [UID])
listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    with listener.accept()[0] as connection:
        connection.recv(100)
        connection.sendall(b"ours")
""".replace("UID", str(stranger.UID))
"""A service whose worker is another user, as that of nginx is; here the same user as the stranger."""
SECRET = b"secret"
SEVERAL = ["postgres", "workers"]
"""Kinds of more than one process, which may keep the address while one of them is gone."""
KINDS = ["postgres", "redis", "pubsub", "counter", "issuer", "workers"]


class Guarded:
    """A platform whose components all stand behind the edge."""

    def __init__(self, base: Path) -> None:
        self.checkout = Checkout(base / "checkout", base / "home")
        for directory in (self.checkout.path, self.checkout.home):
            directory.mkdir()
        self.checkout.env |= {"DEV_STORE": str(store()), users.SETTING: "yes"}
        shutil.copy(TOOL / "desired_state.lock", self.checkout.path)
        self.checkout.write("counter.py", COUNTER)
        self.checkout.write("issuer.py", ISSUER)
        self.checkout.write("workers.py", WORKERS)
        first = neighbours(ports(15000, 18000), len(KINDS))
        python = f"exec {sys.executable}"
        entries = {
            "postgres": "databases = ['shop']", "redis": "", "pubsub": "topics = { orders = ['notifier'] }",
            "counter": f"run = '{python} counter.py {{host}} {{port}}'",
            "issuer": f"kind = 'command'\ndev = '{python} issuer.py'",
            "workers": f"kind = 'command'\ndev = '{python} workers.py {{host}} {{port}}'\nprotocol = 'tcp'",
        }  # fmt: skip
        if not shutil.which("redis-server"):
            del entries["redis"]
        self.checkout.state("".join(
            f"[{'services' if 'kind' in entry else 'infra'}.{name}]\nport = {first + at}\n{entry}\n"
            for at, (name, entry) in enumerate(entries.items())
        ))  # fmt: skip

    @property
    def platform(self) -> Platform:
        loaded = schema.parse((self.checkout.path / "desired_state.toml").read_bytes())
        return Platform(loaded, Instance(self.checkout.path.resolve(), "story"))

    def component(self, name: str) -> Component:
        if name not in self.platform.components:
            pytest.skip("needs redis-server on PATH")
        return self.platform.components[name]

    def port(self, name: str) -> int:
        return self.component(name).port or 0

    def start(self, *names: str) -> None:
        ran = self.checkout.dev("start", "--no-fix", *names, timeout=300)
        assert ran.code == 0, ran.err


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    made = Guarded(tmp_path_factory.mktemp("guarded"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(users.SETTING, "yes")
        try:
            made.start()
            yield made
        finally:
            made.checkout.dev("clean", "--force")
    assert made.checkout.processes() == []


def _postgres(made: Guarded) -> str:
    with _connection(made) as connection:
        return str(connection.query("SELECT 'ours'")[0][0])


def _connection(made: Guarded, timeout: float = 60) -> wire.Connection:
    """A driver's: it does not ask whose process answers."""
    server = made.platform.infra["postgres"]
    return wire.Connection(made.port("postgres"), postgres.known_password(server), timeout=timeout)


def _redis(made: Guarded) -> str:
    with stranger.connected(HOME, made.port("redis")) as connection:
        connection.settimeout(60)
        connection.sendall(b"ECHO ours\r\nECHO secret\r\n")
        return connection.recv(100).split(b"\r\n")[1].decode()


def _pubsub(made: Guarded) -> str:
    topic = f"projects/{made.platform.instance.project}/topics/orders"
    message = grpc.text(1, topic) + grpc.text(2, grpc.text(1, SECRET))
    return "ours" if grpc.call(made.port("pubsub"), topics.PUBLISHER + "Publish", message, 60) else ""


def _counter(made: Guarded, sent: bytes = SECRET) -> str:
    with stranger.connected(HOME, made.port("counter")) as connection:
        connection.settimeout(60)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while block := connection.recv(100):
            answer += block
    assert not answer or answer.split()[1] == b"%d" % len(sent)
    return answer.split()[0].decode() if answer else ""


def _issuer(made: Guarded) -> str:
    return str(issuer.exchange(made.component("issuer"), "/token", {}, {"X-Issuer-Secret": "secret"})[1]["of"])


def _workers(made: Guarded) -> str:
    with stranger.connected(HOME, made.port("workers")) as connection:
        connection.settimeout(60)
        connection.sendall(SECRET)
        return connection.recv(100).decode()


CALLERS: dict[str, Callable[[Guarded], str]] = {
    "postgres": _postgres, "redis": _redis, "pubsub": _pubsub, "counter": _counter, "issuer": _issuer,
    "workers": _workers,
}  # fmt: skip
"""What calls a component as a service would, with a secret; gives `ours` where that has answered."""


def call(made: Guarded, name: str) -> str:
    """The answer; empty if the connection breaks, or if a server that has just begun refuses."""
    with suppress(OSError, ValueError, IndexError, wire.Refused, grpc.Refused, http.client.HTTPException):
        return CALLERS[name](made)
    return ""


@stranger.needs_root
@pytest.mark.parametrize("name", KINDS)
def test_a_second_user_gets_no_port_while_a_component_restarts(guarded: Guarded, name: str) -> None:
    port, component = guarded.port(name), guarded.component(name)
    assert call(guarded, name) == "ours"
    assert peers.uid_of_listener(HOME, port) == os.getuid() and peers.uid_of_listener(INNER, port) is not None
    pid = native.look(component).pid
    assert pid
    others = [stranger.greedy(HOME, port, ATTEMPTS, bound=0), stranger.greedy(INNER, port, ATTEMPTS)]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: (now := processes.read(pid)) is None or not now.lives)
    while others[1].runs():
        assert call(guarded, name) in ("", "ours"), "the stranger's answer was believed"
    assert stranger.spoils(others[0]).bound == 0, "it had the port"
    got = stranger.spoils(others[1])
    assert got.heard == b"", "a byte of a request reached the stranger"
    assert got.bound or name in SEVERAL, "it never had the address: nothing was tried"
    guarded.start()
    assert call(guarded, name) == "ours"


CALLER = """
for line in sys.stdin:
    heard = b""
    with socket.socket() as caller:
        try:
            caller.settimeout(20)
            caller.connect(("127.0.0.1", int(line)))
            caller.sendall(b"PING\\r\\n")
            heard = caller.recv(65536)
        except ConnectionError:
            pass
    print(len(heard), flush=True)
"""


@stranger.needs_root
def test_infrastructure_answers_its_own_users_alone(guarded: Guarded) -> None:
    caller = stranger.Program(CALLER)
    try:
        for name in guarded.platform.infra:
            assert caller.say(str(guarded.port(name))) == "0", name
    finally:
        caller.end()
    log = guarded.platform.instance.state / "logs" / f"{EDGE}.log"
    told = [f"{name}: a process of user {stranger.UID} was refused" for name in guarded.platform.infra]
    wait_until(lambda: all(line in log.read_text() for line in told))  # the edge hangs up first, and then says so
    assert [call(guarded, name) for name in guarded.platform.infra] == ["ours"] * len(guarded.platform.infra)


def test_postgres_works_through_the_edge(guarded: Guarded) -> None:
    """A large answer, notifications, and the request to cancel, which is a connection of its own."""
    with _connection(guarded) as one, _connection(guarded) as other:
        assert len(str(one.query("SELECT repeat('x', 8000000)")[0][0])) == 8_000_000
        one.query("LISTEN news")
        other.query("NOTIFY news, 'ours'")
        one._socket.settimeout(20)
        assert b"ours" in one._buffer + one._socket.recv(1000)
    command, env = postgres.client(guarded.platform, guarded.platform.infra["postgres"], ["psql", "-X"])
    with (
        subprocess.Popen(
            [*command, "-d", "postgres", "-c", "SELECT pg_sleep(100)"], env=env, stderr=subprocess.PIPE
        ) as waits,
        _connection(guarded) as other,
    ):
        asleep = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        wait_until(lambda: other.query(asleep))
        waits.send_signal(signal.SIGINT)
        assert b"canceling statement due to user request" in waits.communicate(timeout=20)[1]
        assert other.query(asleep) == []


def test_redis_and_pubsub_work_through_the_edge(guarded: Guarded) -> None:
    with (
        stranger.connected(HOME, guarded.port("redis")) as hears,
        stranger.connected(HOME, guarded.port("redis")) as says,
    ):
        hears.settimeout(60)
        says.settimeout(60)
        hears.sendall(b"SUBSCRIBE news\r\n")
        assert b"subscribe" in hears.recv(1000)
        says.sendall(b"PUBLISH news ours\r\n")
        assert b"ours" in hears.recv(1000)
    assert call(guarded, "pubsub") == "ours"
    subscription = f"projects/{guarded.platform.instance.project}/subscriptions/notifier"
    pull = grpc.text(1, subscription) + grpc.number(3, 10)
    assert SECRET in grpc.call(guarded.port("pubsub"), topics.SUBSCRIBER + "Pull", pull, 20)


def test_many_connections_one_after_the_other_leave_nothing(guarded: Guarded) -> None:
    edge = native.look(owner_map.edge(guarded.platform.instance)).pid
    assert edge and call(guarded, "counter") == "ours"

    def open_files() -> int:
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in (edge, *_children(edge)))

    before = open_files()
    for size in range(ATTEMPTS):
        assert _counter(guarded, b"x" * (1 + size % 100)) == "ours"
    assert _counter(guarded, b"x" * 5_000_000) == "ours"
    wait_until(lambda: open_files() <= before)


def test_a_container_gets_the_port_that_the_edge_had(guarded: Guarded) -> None:
    """What `data copy` and `start --docker` do: the native process is stopped, and the container publishes its port."""
    counter, port, platform = guarded.component("counter"), guarded.port("counter"), guarded.platform
    assert native.stop(counter) and not is_free(port), "callers wait for a component that begins again"
    run = Run(platform, Choices({"counter": "docker"}), {"counter": counter}, Asked())
    task = look(run, counter, lambda _: None, {"other": None})
    try:
        act(run, task, actions.Clear("docker"))
        assert is_free(port) and owner_map.owners(platform.instance)["counter"] == "none"
    finally:
        guarded.start()
    assert call(guarded, "counter") == "ours"


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_infrastructure_is_restarted_stopped_and_put_back_on_its_port(guarded: Guarded) -> None:
    checkout, port = guarded.checkout, guarded.port("counter")
    before = checkout.components()["counter"]
    assert before["state"] == "ready" and before["address"] == f"{HOME}:{port}"
    assert "forwards to counter" in checkout.dev("doctor", "--only", "ports").out
    assert checkout.dev("restart", "counter").code == 0
    after = checkout.components()["counter"]
    assert after["state"] == "ready" and after["pid"] != before["pid"] and call(guarded, "counter") == "ours"
    guarded.start()
    assert checkout.components()["counter"]["pid"] == after["pid"], "nothing was to do"
    assert checkout.dev("stop", "counter").code == 0
    assert is_free(port) and checkout.components()["counter"]["state"] == "stopped"
    alone = checkout.dev("start", "--no-fix", "counter", env={users.SETTING: "no"})
    assert alone.code == 0 and peers.uid_of_listener(INNER, port) is None and call(guarded, "counter") == "ours"
    guarded.start()
    assert peers.uid_of_listener(INNER, port) == os.getuid() and call(guarded, "counter") == "ours"


@pytest.mark.parametrize("shared", ["yes", "no"])
@pytest.mark.parametrize(
    ("entry", "behind"),
    [("[infra.postgres]", True), ("[infra.redis]", True), ("[infra.pubsub]", True),
     ("[infra.kv]\nrun = 'kv --bind {host}'", True), ("[infra.kv]\nrun = 'kv $HOST'", True),
     ("[infra.kv]\nrun = 'kv'\nenv = { BIND = '{host}' }", True), ("[infra.kv]\nrun = 'kv'", False),
     ("[infra.kv]\nrun = 'kv'\nenv = { BIND = '127.0.0.1' }", False), ("[infra.kv]\nrun = 'kv ${HOST}'", True),
     ("[infra.kv]\nrun = 'PGHOST=127.0.0.1 kv'", False), ("[infra.kv]\nrun = 'kv $HOSTNAME'", False)],
)  # fmt: skip
def test_only_what_is_told_its_address_stands_behind_the_edge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, behind: bool, shared: str
) -> None:
    monkeypatch.setenv(users.SETTING, shared)
    loaded = schema.parse(f"{HEAD}{entry.replace(']', ']' + chr(10) + 'port = 20001', 1)}\n".encode())
    platform = Platform(loaded, Instance(tmp_path, "x"))
    (component,) = platform.infra.values()
    assert component.guarded is (behind and shared == "yes")
    known = owner_map._spec(platform)["infra"]
    assert [entry["callers"] for entry in known.values()] == ([[0] if not os.getuid() else [0, os.getuid()]] if
        component.guarded else [])  # fmt: skip
