"""Who belongs to a component, whatever it does to hide: Redis, nginx, daemons; shims killed, stopped, without state."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge import cycle, ending, leftovers, schema
from converge.desired import Service
from converge.errors import DevError
from converge.instance import Instance
from facts import locks, ports, processes
from facts.processes import MARK, Process
from runtime import health, start, status, stop
from runtime.component import Launch, ServiceComponent
from runtime.placements import native
from runtime.platform import Platform
from tests.conftest import wait_until

LEAVES = Path(__file__).with_name("leaves.py")
KINDS = ("first", "erased", "session", "stubborn", "daemon", "clean")
HEAD = 'schema = 1\n[project]\nname = "x"\n[services.a]\nkind = "command"\nstop_grace = 0.5\n'
LOADED = schema.parse((HEAD + 'dev = "x"\n').encode())
BOUND = 60.0
"""Seconds that anything here may take on a machine that is busy."""

pytestmark = pytest.mark.skipif(not processes.LINUX, reason="these tests look into /proc")


class Place:
    """One component `a` that hides its processes, in an instance of its own."""

    def __init__(self, path: Path) -> None:
        self.instance = Instance(path, "x")
        self.component = ServiceComponent("a", Service(kind="command", stop_grace=0.5), self.instance)
        self.notes = path / "notes"
        self.notes.mkdir()

    def spawn(self) -> list[Process]:
        """Start it, and wait for all that it starts."""
        for name in KINDS:
            (self.notes / name).unlink(missing_ok=True)
        argv = (sys.executable, str(LEAVES), str(self.notes))
        native.spawn(self.component, Launch(argv, self.notes), "hash")
        wait_until(lambda: all((self.notes / name).exists() for name in KINDS), BOUND)
        return [found for name in KINDS if (found := processes.read(int((self.notes / name).read_text())))]

    def keepers(self) -> tuple[Process, Process]:
        """Its shim and its guard."""
        pid = native.state_record(self.component)["shim"]
        shim = processes.read(pid)
        assert shim is not None
        guard = processes.read(shim.parent)
        assert guard is not None
        return shim, guard

    def noted(self) -> None:
        """Wait until the shim has written down who runs; it looks every two seconds."""
        pids = {int((self.notes / name).read_text()) for name in KINDS}
        wait_until(lambda: pids <= {known.pid for known in self.instance.run("a").known}, BOUND)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    native.stop(made.component)


def lives(process: Process) -> bool:
    now = processes.read(process.pid)
    return now is not None and now.start == process.start and now.lives


def none_lives(found: list[Process]) -> bool:
    return not any(map(lives, found))


def kill(*some: Process, number: int = signal.SIGKILL) -> None:
    for each in some:
        os.kill(each.pid, number)


def kill_both(place: Place) -> None:
    """The guard must not see the shim's end: it is stopped first."""
    shim, guard = place.keepers()
    place.noted()
    kill(guard, number=signal.SIGSTOP)
    kill(shim, guard)
    wait_until(lambda: not native.lives(place.component), BOUND)


def test_all_that_it_started_belongs_to_it_and_its_shim_does_not(place: Place) -> None:
    found = place.spawn()
    among = processes.table()
    assert len(found) == len(KINDS) and all(not among.mark(each) for each in found), "they hide"
    run = place.instance.run("a")
    assert {each.identity for each in processes.members(run)} == {each.identity for each in found}
    assert not any(processes.belongs(each, run, among) for each in place.keepers())
    assert all(place.instance.owns("a", each.pid) for each in found) and not place.instance.owns("b", found[0].pid)
    assert native.stop(place.component) and none_lives(found)
    assert not (place.component.directory / processes.RECORD).exists(), "its numbers may be given to others"


@pytest.mark.parametrize("stopped", ["shim", "guard", "both", "worker"])
def test_what_is_stopped_by_a_signal_is_ended_too(place: Place, stopped: str) -> None:
    found = place.spawn()
    shim, guard = place.keepers()
    chosen = {"shim": (shim,), "guard": (guard,), "both": (shim, guard), "worker": (found[0], found[4])}[stopped]
    kill(*chosen, number=signal.SIGSTOP)
    wait_until(lambda: all((now := processes.read(each.pid)) and now.state == "T" for each in chosen), BOUND)
    said = native.look(place.component)
    assert said.lives and (stopped == "worker") == ("stopped by a signal" not in said.reason)
    assert native.stop(place.component)
    assert none_lives([*found, shim, guard]) and not native.lives(place.component)


def test_a_killed_shim_is_outlived_by_its_guard_which_ends_the_tree(place: Place) -> None:
    found = place.spawn()
    kill(place.keepers()[0])
    wait_until(lambda: not native.lives(place.component), BOUND)
    assert none_lives(found)


def test_a_shim_whose_guard_was_killed_goes_on(place: Place, stranger: Callable[..., subprocess.Popen[bytes]]) -> None:
    found = place.spawn()
    shim, guard = place.keepers()
    kill(guard)
    wait_until(lambda: not lives(guard), BOUND)
    assert native.look(place.component).lives and all(map(lives, found))
    other, record = stranger(), place.component.directory / processes.RECORD
    record.write_text(record.read_text().replace(f"[{guard.pid}, ", f"[{other.pid}, "))  # its number is used again
    assert native.stop(place.component) and none_lives([*found, shim])
    assert other.poll() is None, "a stranger was signalled"


@pytest.mark.parametrize("then", ["stop", "start", "fix", "without its record"])
def test_what_shim_and_guard_left_over_is_found_and_ended(
    place: Place, then: str, stranger: Callable[..., subprocess.Popen[bytes]]
) -> None:
    found = place.spawn()
    kill_both(place)
    assert all(map(lives, found)), "nobody ended them"
    state = status.look(Platform(LOADED, place.instance), place.component)
    assert state.state == "stopped" and "left over" in str(state.reason)
    if then == "fix":
        (item,) = cycle.doctor(LOADED, place.instance, ["processes"]).items
        assert (item.id, item.status) == ("processes.a", "drift") and str(found[0].pid) in item.because + item.found
        report = cycle.fix(LOADED, place.instance, ["processes"])
        assert {item.id: item.status for item in report.items}["processes.a"] == "changed" and not report.exit_code
    elif then == "start":
        again = place.spawn()
        assert all(map(lives, again))
    elif then == "stop":
        assert stop.stop(Platform(LOADED, place.instance), None) == ["a"]
    else:  # what carries the mark is still known
        (place.component.directory / processes.RECORD).write_text("[]")
        marked = stranger(**{MARK: place.component.mark + "00000000"})
        assert native.stop(place.component) and marked.wait(BOUND)
        ending.end(lambda: [each for each in found if lives(each)], 0)
    assert none_lives(found)


@pytest.fixture
def stranger() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts processes that are nobody's, and ends them."""
    made: list[subprocess.Popen[bytes]] = []

    def begin(*argv: str, **env: str) -> subprocess.Popen[bytes]:
        made.append(subprocess.Popen([*argv, "sleep", "1000"], env={**os.environ, **env}, start_new_session=True))
        return made[-1]

    yield begin
    for each in made:
        each.kill()
        each.wait()


DAMAGES: dict[str, Callable[[Path, int], object]] = {
    "deleted": lambda path, pid: path.unlink(),
    "emptied": lambda path, pid: path.write_text(""),
    "cut": lambda path, pid: path.write_text(path.read_text()[:-5]),
    "list": lambda path, pid: path.write_text("[1, 2]"),
    "null": lambda path, pid: path.write_text("null"),
    "number": lambda path, pid: path.write_text("7"),
    "garbage": lambda path, pid: path.write_bytes(b"\xff\x00\xfe" * 50),
    "deep": lambda path, pid: path.write_text("[" * 100_000),
    "types": lambda path, pid: path.write_text('{"state": [], "shim": "x", "pid": {}, "began": "noon"}'),
    "pid of another": lambda path, pid: path.write_text(f'{{"state": "running", "shim": {pid}, "pid": {pid}}}'),
    "pid of none": lambda path, pid: path.write_text('{"state": "running", "shim": -1, "pid": 0, "began": 1}'),
    "begun in no year": lambda path, pid: path.write_text(f'{{"state": "running", "pid": {pid}, "began": 1e300}}'),
    "state of none": lambda path, pid: path.write_text('{"state": "dancing", "reason": 5}'),
    "directory": lambda path, pid: (path.unlink(), (path / "below").mkdir(parents=True)),
    "fifo": lambda path, pid: (path.unlink(), os.mkfifo(path)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_hides_nothing_and_stop_ends_all(
    tmp_path: Path, damage: str, stranger: Callable[..., subprocess.Popen[bytes]]
) -> None:
    component = ServiceComponent("a", Service(kind="command", stop_grace=0.5), Instance(tmp_path, "x"))
    native.spawn(component, Launch(("sleep", "1000"), tmp_path), "hash")
    (process,) = wait_until(lambda: processes.members(component.instance.run("a")), BOUND)
    other = stranger()
    DAMAGES[damage](component.directory / "state.json", other.pid)
    state = status.look(Platform(LOADED, component.instance), component)
    assert state.placement == "native" and state.state in ("ready", "starting") and state.pid == process.pid
    assert native.stop(component), "it ran"
    assert not native.lives(component) and not lives(process)
    assert other.poll() is None, "a stranger was signalled"
    native.spawn(component, Launch(("sleep", "1000"), tmp_path), "hash")  # and it can be started again
    assert native.look(component).state == "running" and native.stop(component)


def test_a_living_shim_writes_a_damaged_state_again(place: Place) -> None:
    place.spawn()
    for damage in ("deleted", "types"):
        before = native.state_record(place.component)
        DAMAGES[damage](place.component.directory / "state.json", 0)
        wait_until(lambda: native.state_record(place.component) == before, BOUND)  # noqa: B023 - waited for at once


def test_stop_says_when_something_lives_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    found = place.spawn()
    monkeypatch.setattr(ending, "KILL_TIMEOUT", 0.0)
    monkeypatch.setattr(native, "KILLED", 0.2)
    monkeypatch.setattr(ending, "send", lambda process, number: None)  # as of another user
    impatient = ServiceComponent(
        "a", Service(kind="command", stop_grace=-3.9), place.instance
    )  # 8 s more than twice that
    with pytest.raises(DevError) as caught:
        native.stop(impatient)
    assert caught.value.code == "still-running" and caught.value.exit == 3 and "pid " in caught.value.because
    assert all(map(lives, found))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_copied_mark_makes_no_process_of_another_user_ours(
    place: Place, stranger: Callable[..., subprocess.Popen[bytes]]
) -> None:
    place.spawn()
    run_id = native.state_record(place.component)["run_id"]
    other = stranger("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", **{MARK: run_id})
    wait_until(lambda: processes.command(other.pid).startswith("sleep"), BOUND)
    assert processes.mark(other.pid) == run_id
    assert not place.instance.owns("a", other.pid)
    assert native.stop(place.component) and leftovers.of(place.instance, "a") == []
    assert other.poll() is None


def test_what_another_run_keeps_is_not_ours_although_it_descends_from_us(tmp_path: Path) -> None:
    """A component that calls `./dev`, as the edge does, starts shims below itself."""
    outer, inner = (
        ServiceComponent(n, Service(kind="command", stop_grace=1), Instance(tmp_path, "x")) for n in ("o", "i")
    )
    program = (
        "import sys, time; from pathlib import Path; sys.path.insert(0, sys.argv[1])\n"
        "from tests.runtime.test_belonging import *\n"
        "inner = ServiceComponent('i', Service(kind='command', stop_grace=1), Instance(Path(sys.argv[2]), 'x'))\n"
        "native.spawn(inner, Launch(('env', '-i', 'sleep', '1000'), Path('/')), '')\n"
        "time.sleep(1000)"
    )
    argv = (sys.executable, "-c", program, str(LEAVES.parents[2]), str(tmp_path))
    native.spawn(outer, Launch(argv, tmp_path, {"PATH": os.environ["PATH"]}), "")
    try:
        wait_until(lambda: native.look(inner).state == "running", BOUND)
        assert native.stop(outer)
        assert native.look(inner).state == "running", "it was ended with what called it"
        assert processes.members(inner.instance.run("i"))
    finally:
        native.stop(outer)
        native.stop(inner)


REAL = {
    "redis-server": "redis-server --port {port} --bind 127.0.0.1 --save '' --dir .",
    "nginx": "nginx -p . -c nginx.conf",
}
NGINX = """daemon off; pid nginx.pid; error_log stderr; worker_processes 2;
events {}
http {
    access_log off;
    client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
    server { listen 127.0.0.1:PORT; location / { return 200 ready; } }
}
"""


@pytest.mark.parametrize("program", REAL)
@pytest.mark.parametrize("end", ["stop", "shim", "both"])
def test_a_program_that_sets_its_title_is_ready_and_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int], program: str, end: str
) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin")  # where Debian has nginx
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    port = free_port()
    (tmp_path / "t").mkdir()
    (tmp_path / "nginx.conf").write_text(NGINX.replace("PORT", str(port)))
    loaded = schema.parse(f'{HEAD}port = {port}\ndev = "{REAL[program]}"\n'.encode())
    instance = Instance(tmp_path, "x")
    platform = Platform(loaded, instance)
    component = platform.components["a"]
    try:
        assert start.start(platform, None, lambda name, text, at: None) == {}
        listener = ports.owner(port)
        assert listener and component.owns(listener) and not listener.mark, "it erased its environment"
        assert health.why_not(platform, component, native.look(component)) == ""
        assert start.start(platform, None, lambda name, text, at: None) == {}, "ready already"
        least = {"nginx": 3, "redis-server": 1}[program]  # nginx listens before it has its workers
        found = wait_until(lambda: len(seen := processes.members(instance.run("a"))) >= least and seen, BOUND)
        if end != "stop":
            keepers = [processes.read(keeper.pid) for keeper in instance.run("a").keepers]
            shim, guard = sorted((each for each in keepers if each), key=lambda each: each.start, reverse=True)
            pids = {each.pid for each in found}
            wait_until(lambda: pids <= {known.pid for known in instance.run("a").known}, BOUND)
            if end == "both":
                kill(guard, number=signal.SIGSTOP)
            kill(shim, *([guard] if end == "both" else []))
            wait_until(lambda: not locks.held(instance.shim_lock("a")), BOUND)
        began = time.monotonic()
        assert stop.stop(platform, None) == ([] if end == "shim" else ["a"])
        assert none_lives(found) and time.monotonic() < began + BOUND and ports.owner(port) is None
    finally:
        native.stop(component)
