"""One per native component: runs it, keeps its log, restarts it, ends its whole tree. `python -I -S shim.py SPEC`.

Standard library only, as it is started without site packages and lives as long as the component. SIGTERM ends the
component and then the shim, SIGHUP restarts the component. It is two processes: the guard holds a lock for life and
forks the shim, which runs the component. Both are subreapers, so nothing can leave their tree, and if the shim is
killed its whole tree becomes the guard's, which ends it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from typing import IO, Any, NoReturn

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, ROOT)

from converge import ending
from facts import processes
from facts.processes import MARK, Identity, Process, Run

# without its package, which imports much
sys.path.append(os.path.join(ROOT, "runtime", "logs"))
from writer import Writer  # type: ignore[import-not-found]

BLOCK = 262144
ENDING = 64
STABLE = 10.0
LOOK = 2.0
LOCK = 2.0
KILL_AFTER = 3.0
"""Seconds that the tree of a killed shim has to end at most before its guard kills it."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def left(run: Run) -> list[Process]:
    """What lives of the run; the tree is read first, which is cheap, the whole table only to be certain."""
    return processes.below(run) or processes.members(run)


def guard(shim: int, run: Run, spec: dict[str, Any]) -> NoReturn:
    """Wait for the end of the shim, and end what a killed one left behind, which has come to this process."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == shim:
            break
    if status:  # else it looked itself
        noted = processes.of_document(processes.load(record_of(spec)), run.mark)
        run = noted._replace(keepers=run.keepers, uids=run.uids)
        if not ending.end(lambda: left(run), min(spec["grace"], KILL_AFTER), reap_all):
            forget(record_of(spec))
    os._exit(0)


def forget(record: str) -> None:
    """Nothing lives that it could be about, and numbers in it may be given to other processes one day."""
    try:
        os.unlink(record)
    except OSError:
        pass


def reap_all() -> None:
    """Collect every child that ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def record_of(spec: dict[str, Any]) -> str:
    """Where the shim writes down what is known of its run."""
    return os.path.join(os.path.dirname(spec["state"]), processes.RECORD)


def kill(pid: int, number: int) -> None:
    """Signal the group of that leader."""
    try:
        os.killpg(pid, number)
    except OSError:
        pass


def replace(path: str, value: object) -> tuple[int, int, int]:
    """Write a JSON file whole; gives what changes when somebody else writes it."""
    fresh = path + ".new"
    with open(fresh, "w") as file:
        json.dump(value, file)
    os.replace(fresh, path)
    return stamp(path)


def stamp(path: str) -> tuple[int, int, int]:
    """What changes when somebody else writes the file; zeros where there is none."""
    try:
        there = os.stat(path)
    except OSError:
        return 0, 0, 0
    return there.st_ino, there.st_mtime_ns, there.st_size


class Shim:
    def __init__(self, spec: dict[str, Any], lock: int, run: Run) -> None:
        self.spec = spec
        self.lock = lock
        self.run_of = run
        self.record = record_of(spec)
        self.child: subprocess.Popen[bytes] | None = None
        self.restarts = 0
        self.crashes = 0
        self.began = 0.0
        self.began_wall = time.time()
        self.next_start = 0.0
        self.ending = False
        self.again = False
        self.state = ""
        self.written: tuple[int, int, int] | None = None
        self.reason: str | None = None
        self.log = Writer(spec["log"])
        self.selector = selectors.DefaultSelector()

    def tell(self, state: str) -> None:
        self.state = state
        child = self.child.pid if self.child else None
        value = {
            "state": state, "shim": os.getpid(), "pid": child, "restarts": self.restarts, "reason": self.reason,
            "since": self.spec["since"], "began": self.began_wall, "hash": self.spec["hash"],
            "run_id": self.spec["run_id"], "debug": self.spec["debug"],
        }  # fmt: skip
        try:
            self.written = replace(self.spec["state"], value)
        except FileNotFoundError:  # its directory was removed
            pass
        except OSError:  # no room: it goes on with what was told before, but whoever started it waits for a first word
            if not self.written:
                raise

    def note(self) -> None:
        """Write down what is known of the tree, for whoever ends it should shim and guard be killed together."""
        among, found = processes.table(), processes.below(self.run_of)
        sessions = {processes.session_of(each, among) for each in found if each.session != os.getsid(0)}
        numbers = {session.pid for session in sessions}
        sessions |= {session for session in self.run_of.sessions if session.pid in numbers}
        known = frozenset(each.identity for each in found)
        run = self.run_of._replace(known=known, sessions=frozenset(sessions))
        if run != self.run_of or not os.path.exists(self.record):
            self.set_down(run)

    def set_down(self, run: Run) -> None:
        """Have the record say what is known."""
        self.run_of = run
        try:
            replace(self.record, processes.document(run))
        except OSError:  # no room, or no directory: the mark is left to know them by
            pass

    def look(self) -> None:
        """Every now and then: what somebody else did to the files, and who is new in the tree."""
        if self.state and self.written and stamp(self.spec["state"]) != self.written:
            self.tell(self.state)
        if processes.LINUX:
            self.note()

    def start(self) -> None:
        spec = self.spec
        self.began, self.began_wall = time.monotonic(), time.time()
        try:
            self.child = subprocess.Popen(
                spec["argv"], cwd=spec["cwd"], env={**spec["env"], MARK: spec["run_id"]}, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, user=spec["user"],
                group=spec["group"], extra_groups=[] if spec["user"] is not None else None,
            )  # fmt: skip
        except OSError as problem:
            self.child = None
            self.reason = f"{spec['argv'][0]} could not be started: {problem.strerror}"
            self.log.say(self.reason)
            self.crashed()
            return
        assert self.child.stdout
        os.set_blocking(self.child.stdout.fileno(), False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            try:
                fcntl.fcntl(self.child.stdout, fcntl.F_SETPIPE_SZ, BLOCK)
            except OSError:  # its user has too many pipes
                pass
        self.selector.register(self.child.stdout, selectors.EVENT_READ, self.pump)
        self.note()
        self.tell("running")

    def pump(self, stream: IO[bytes]) -> bool:
        """Write down what was said since the last time; whether more may come at once."""
        try:
            block = os.read(stream.fileno(), BLOCK)
        except BlockingIOError:
            return False
        if block:
            self.log.take(block)
            return True
        self.log.end()
        self.selector.unregister(stream)
        stream.close()
        return False

    def reap(self) -> None:
        """Collect every child that ended, also those the system handed to us."""
        code = None
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if self.child and pid == self.child.pid:
                code = os.waitstatus_to_exitcode(status)
        if code is None or self.child is None:
            return
        self.child.returncode = code
        self.sweep()  # what is left of it may have last words
        if self.child.stdout and not self.child.stdout.closed:
            self.pump_all(self.child.stdout)
        self.child = None
        if self.ending:
            return
        if self.again:
            self.again = False
            self.restarts += 1
            self.start()
            return
        self.reason = f"ended with {code}" if code >= 0 else f"ended by signal {-code}"
        self.log.say(self.reason)
        if self.spec["once"] and code == 0:
            self.reason = None
            self.tell("done")
            self.quit()
        self.crashed()

    def pump_all(self, stream: IO[bytes]) -> None:
        """The same to its end, which is now, whoever still holds it."""
        for _ in range(ENDING):  # more than a pipe holds is said by somebody who is not ours
            if not self.pump(stream):
                break
        self.log.end()
        if not stream.closed:
            self.selector.unregister(stream)
            stream.close()

    def crashed(self) -> None:
        if time.monotonic() - self.began > STABLE:
            self.crashes = 0
        self.crashes += 1
        if self.spec["once"] or self.crashes > self.spec["retries"]:
            self.tell("failed")
            self.quit()
        self.next_start = time.monotonic() + min(0.2 * 2 ** (self.crashes - 1), 10)
        self.restarts += 1
        self.tell("backoff")

    def sweep(self) -> bool:
        """End everything of this run that is left, politely first; whether nothing lives."""
        lives = ending.end(lambda: left(self.run_of), self.spec["grace"], self.collect)
        for each in lives:
            self.log.say(f"pid {each.pid} `{processes.command(each.pid)}` does not end")
        return not lives

    def abandoned(self) -> bool:
        """Whether the lock file is gone or another one: somebody removed `.dev/`, and nobody could reach us again."""
        try:
            return os.stat(self.spec["lock"]).st_ino != os.fstat(self.lock).st_ino
        except OSError:
            return True

    def collect(self) -> None:
        """Drain output and zombies while ending, so that no one blocks on a full pipe."""
        if self.child and self.child.stdout and not self.child.stdout.closed:
            self.pump(self.child.stdout)
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self.child and pid == self.child.pid:
                self.child.returncode = os.waitstatus_to_exitcode(status)

    def end_child(self) -> None:
        """Ask the leader's group to end, wait, end whoever is left."""
        if not self.child:
            return
        kill(self.child.pid, self.spec["stop_signal"])
        kill(self.child.pid, signal.SIGCONT)
        deadline = time.monotonic() + self.spec["grace"]
        while time.monotonic() < deadline and self.child.returncode is None:
            self.collect()
            time.sleep(0.01)
        if self.child.returncode is None:
            self.log.say("did not end in time and was killed")
            kill(self.child.pid, signal.SIGKILL)
        self.sweep()
        if self.child.stdout and not self.child.stdout.closed:
            self.pump_all(self.child.stdout)
        self.child = None

    def quit(self) -> NoReturn:
        if self.sweep():
            forget(self.record)
        os._exit(0)

    def run(self) -> NoReturn:
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        received: list[int] = []
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, lambda n, _: received.append(n))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self.selector.register(wake, selectors.EVENT_READ, None)
        self.set_down(self.run_of)
        self.start()
        pause = LOOK / 16
        look_at = time.monotonic() + pause
        while True:
            if time.monotonic() > look_at:
                self.look()
                pause = min(2 * pause, LOOK)  # most of a tree is there after the first second
                look_at = time.monotonic() + pause
            if self.abandoned():
                self.end_child()
                self.quit()
            wait = max(0.0, (look_at if self.child else self.next_start) - time.monotonic())
            wait = min(wait, self.log.tend())
            for key, _ in self.selector.select(wait):
                if key.data:
                    key.data(key.fileobj)
                else:
                    try:
                        os.read(wake, 4096)
                    except BlockingIOError:
                        pass
            while received:
                got = received.pop(0)
                if got in (signal.SIGTERM, signal.SIGINT):
                    self.ending = True
                    self.end_child()
                    self.reason = None
                    self.tell("stopped")
                    self.quit()
                elif got == signal.SIGHUP:
                    self.end_child()
                    self.crashes = 0
                    self.restarts += 1
                    self.start()
                else:
                    self.reap()
            if not self.child and time.monotonic() >= self.next_start:
                self.start()


def main() -> None:
    with open(sys.argv[1]) as file:
        spec = json.load(file)
    lock = os.open(spec["lock"], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:  # whoever only asks whether it is held holds it for a moment
            if time.monotonic() > deadline:
                sys.exit(75)
            time.sleep(0.01)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # none is lost until the shim listens to them
    adopt()
    run = Run(spec["run_id"], processes.uids(spec["user"]), keepers=myself())
    if shim := os.fork():
        guard(shim, run, spec)
    adopt()
    os.setsid()  # a signal to the guard's group is not one to the shim
    Shim(spec, lock, run._replace(keepers=run.keepers | myself())).run()


def adopt() -> None:
    """Have orphans among the descendants come to this process instead of to the first of the system."""
    if processes.LINUX:
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def myself() -> frozenset[Identity]:
    """This process."""
    found = processes.read(os.getpid())
    return frozenset({found.identity} if found else ())


if __name__ == "__main__":
    main()
