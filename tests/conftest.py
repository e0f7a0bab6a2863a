"""Throw-away checkouts and the real `./dev` run on them; nothing of a developer's own platform is touched."""

from __future__ import annotations

import errno
import json
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from converge import schema

# a shell that puts a run of tests into the background, and nohup, have it ignore these, and everything it starts too
signal.signal(signal.SIGINT, signal.default_int_handler)
for each in (signal.SIGHUP, signal.SIGQUIT):
    signal.signal(each, signal.SIG_DFL)

hypothesis.settings.register_profile(
    "same-examples", derandomize=True, deadline=None
)  # one run tells of a change alone
hypothesis.settings.load_profile("same-examples")

os.environ["DEV_TRUST"] = "1"
"""Tests make checkouts and use them with `-C`; those of trust itself do without."""

TOOL = Path(__file__).resolve().parent.parent
MARK = "DEV_RUN_ID"
NO_ENGINE = "unix:///nowhere/docker.sock"
"""What most tests are given, so that none depends on whether this machine has Docker; tests/real has the other."""
os.environ.setdefault("DEV_SHARED", "no")  # other tests make accounts, and some machines have them; see strangers.py
HEAD = 'schema = 1\n[project]\nname = "story"\n'


ENGINES = {"tests/handoff/": "beside", "tests/real/": "rig", "tests/debug/test_from_containers": "rig"}
"""Files whose tests share an engine -> which: one worker runs all of one, as a test may kill the engine."""
TOGETHER = (
    "tests/provision/", "tests/runtime/test_guarded_infra.py", "tests/debug/test_debug.py",
    "tests/editors/test_lending.py", "tests/stories/test_platform.py", "tests/package/test_installed.py",
)  # fmt: skip
"""Places whose tests share something that takes long to start: one worker runs all of one."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Groups of our own: pytest-xdist 3.8 marks its by a change of node ids, of which pytest 9.2 takes no notice."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            for place, engine in ENGINES.items():
                if nodeid.startswith(place):
                    return engine
            return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)

    return Scheduling(config, log)


@dataclass
class Ran:
    """What a run of `./dev` gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Checkout:
    """A directory with a desired state, on which the tool under test works with `-C`."""

    path: Path
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, text: str, mode: int = 0o644) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path

    def state(self, text: str) -> None:
        self.write("desired_state.toml", HEAD + text)

    def environment(self, more: Mapping[str, str | None] = {}) -> dict[str, str]:
        env = {**os.environ, "HOME": str(self.home), "DOCKER_HOST": NO_ENGINE, **self.env}
        for name in ("FORCE_COLOR", "NO_COLOR", "DEV_INSTANCE", MARK):
            env.pop(name, None)
        env.update({name: value for name, value in more.items() if value is not None})
        return {name: value for name, value in env.items() if name not in more or more[name] is not None}

    def popen(self, *argv: str, env: Mapping[str, str | None] = {}) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(TOOL / "dev"), "-C", str(self.path), *argv], env=self.environment(env), cwd=self.path, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def dev(self, *argv: str, env: Mapping[str, str | None] = {}, timeout: float = 120) -> Ran:
        process = self.popen(*argv, env=env)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"./dev {' '.join(argv)} took longer than {timeout} s\n{out}\n{err}") from None
        assert "Traceback (most recent call last)" not in err, err
        return Ran(process.returncode, out, err)

    def components(self, *argv: str) -> dict[str, dict[str, Any]]:
        return {entry["name"]: entry for entry in self.dev(*argv, "status", "--json").json["components"]}

    def processes(self) -> list[int]:
        """Every live process that carries the mark of a run and works below this checkout."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                environ = (entry / "environ").read_bytes()
                inside = os.readlink(entry / "cwd").startswith(str(self.path))
                zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except OSError:
                continue
            if f"{MARK}=".encode() in environ and inside and not zombie:
                found.append(int(entry.name))
        return found

    def end(self) -> None:
        """Kill every such process, and what a supervisor among them started meanwhile, until none is left."""
        wait_until(lambda: not self._killed())

    def _killed(self) -> list[int]:
        found = self.processes()
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return found


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    """An empty checkout whose path has a space and letters that are not ASCII; stopped afterwards."""
    path, home = tmp_path / "zwölf Monde", tmp_path / "home"
    path.mkdir()
    home.mkdir()
    made = Checkout(path, home)
    yield made
    if (path / "desired_state.toml").exists() and (path / ".dev/instances").exists():
        made.dev("clean", "--force")
    made.end()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port nobody listens on, below the ephemeral range and another at each call."""
    given: set[int] = set()

    def find() -> int:
        while True:
            port = random.choice(ports(22000, 32000))
            if port not in given and is_free(port):
                given.add(port)
                return port

    return find


def wait_until(true: Callable[[], Any], timeout: float = 60.0) -> Any:
    """The first true value; fails after `timeout` seconds, which are for the busiest machine."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := true():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not become true")


def holds(true: Callable[[], Any], seconds: float) -> None:
    """Fail at the first look, of several in so many seconds, at which it is not true."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert true()
        time.sleep(0.05)


def removed(directory: Path) -> None:
    """Remove a directory, also while processes write there: one pass may find it full again, or a file gone."""

    def gone() -> bool:
        try:
            shutil.rmtree(directory)
        except OSError as problem:
            if problem.errno not in (errno.ENOTEMPTY, errno.ENOENT):
                raise
        return not directory.exists()

    wait_until(gone)


def elapse(seconds: float) -> None:
    """Let time pass that the test itself is about: the moment of a kill, a pause in a debugger, some load, a lease.

    To wait for something that can be asked for, use `wait_until`.
    """
    time.sleep(seconds)


def tree() -> list[str]:
    """The files of the working tree, tracked or new, relative to it."""
    listed = subprocess.run(
        ["git", "-C", str(TOOL), "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True, check=True
    ).stdout.decode()
    return [name for name in listed.split("\0") if name and (TOOL / name).is_file()]


def clone_of_the_shop(base: Path, local: str = "") -> Checkout:
    """The working tree in a place and on ports of its own; the caches of Go and npm are the machine's."""
    # another place in each run: root's data are kept by the path of the checkout, and an interrupted run leaves them
    path, home = base / f"clone-{secrets.token_hex(3)}", base / "home"
    home.mkdir()
    for name in tree():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOOL / name, path / name)
    made = Checkout(path, home)
    start = neighbours(ports(12000, 15000), 40)
    desired = schema.load(TOOL).desired
    names = {**dict.fromkeys(desired.infra, "infra"), **dict.fromkeys(desired.services, "services")}
    rows = [f"[{room}.{name}]\nport = {start + at}\n" for at, (name, room) in enumerate(names.items())]
    (path / "desired_state.local.toml").write_text(local + "".join(rows))
    for name, place in {"GOMODCACHE": "go/pkg/mod", "GOCACHE": ".cache/go-build", "npm_config_cache": ".npm"}.items():
        made.env[name] = os.environ.get(name) or str(Path.home() / place)
    return made


def ports(first: int, end: int) -> range:
    """Those between the two that this worker may use: another one may be about to use what is still free."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    at, share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")), (end - first) // workers
    return range(first + at * share, first + (at + 1) * share)


def neighbours(among: range, count: int) -> int:
    """The first of so many ports in a row that nobody listens on; debuggers of services listen some ten further."""
    while True:
        first = random.randrange(among.start, among.stop - count, 10)
        if all(is_free(port) for port in range(first, first + count)):
            return first


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        return bool(probe.connect_ex(("127.0.0.1", port)))


def bound(path: Path) -> None:
    """Leave a Unix socket there, also where the path is longer than the 107 bytes that an address may have."""
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def locked(*packages: str) -> str:
    """Their entries, with hashes, of a lock file of ours."""
    text = (TOOL / "services/catalog/requirements.lock").read_text()
    found = [re.search(rf"^{name}==.*(?:\n .*)*\n", text, re.MULTILINE) for name in packages]
    return "".join(each.group() for each in found if each)
