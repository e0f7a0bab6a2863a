"""Runs one native component: writes its log, restarts it, ends its process tree. `python -I -S shim.py SPEC`.

It uses the standard library only, as it starts without site packages, and runs as long as the component. SIGTERM ends
the component and then the shim, SIGHUP restarts the component. It consists of two processes: the guard holds a lock
until it ends and forks the shim, which runs the component. Both are subreapers, so no process can leave their tree; if
the shim is killed, the guard becomes the parent of the tree and ends it.
"""

from __future__ import annotations

import ctypes
import fcntl
import io
import json
import os
import selectors
import signal
import subprocess
import sys
import termios
import time
from typing import IO, Any, NoReturn

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, ROOT)

from converge import ending
from facts import processes
from facts.processes import MARK, Identity, Process, Run

# without its package, whose imports take long
sys.path.append(os.path.join(ROOT, "runtime", "logs"))
from writer import Writer  # type: ignore[import-not-found]

BLOCK = 262144
ENDING = 64
STABLE = 10.0
LOOK = 2.0
LOCK = 2.0
KILL_AFTER = 3.0
"""The most seconds that the tree of a killed shim has to end before its guard kills it."""
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def left(run: Run) -> list[Process]:
    """Processes of the run: the tree is read first, which is fast; the whole process table only if it is empty."""
    return processes.below(run) or processes.members(run)


def guard(shim: int, run: Run, spec: dict[str, Any]) -> NoReturn:
    """Wait for the end of the shim; if it was killed, end the processes that it left to this process."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == shim:
            break
    if status:  # a shim that ends normally has ended the tree itself
        noted = processes.of_document(processes.load(record_of(spec)), run.mark)
        run = noted._replace(keepers=run.keepers, uids=run.uids)
        if not ending.end(lambda: left(run), min(spec["grace"], KILL_AFTER), reap_all):
            forget(record_of(spec))
    os._exit(0)


def forget(record: str) -> None:
    """Delete the record: its processes have ended, and the system may use their ids for other processes."""
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
    """File in which the shim records the processes of its run."""
    return os.path.join(os.path.dirname(spec["state"]), processes.RECORD)


def kill(pid: int, number: int) -> None:
    """Send the signal to the process group of that leader."""
    try:
        os.killpg(pid, number)
    except OSError:
        pass


def replace(path: str, value: object) -> tuple[int, int, int]:
    """Replace a JSON file in one step; gives its `stamp`."""
    fresh = path + ".new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK  # a named pipe in its place is not waited for
    with open(os.open(fresh, flags, 0o600), "w") as file:
        json.dump(value, file)
    os.replace(fresh, path)
    return stamp(path)


def stamp(path: str) -> tuple[int, int, int]:
    """Inode, time and size, which change if another process writes the file; zeros without a file."""
    try:
        there = os.stat(path)
    except OSError:
        return 0, 0, 0
    return there.st_ino, there.st_mtime_ns, there.st_size


def reasons(code: int) -> tuple[str, str]:
    """How a component ended, and why that is shown as its state: what ends with success may run on in the background.

    A component that is to run once has no reason then.
    """
    said = f"ended with {code}" if code >= 0 else f"ended by signal {-code}"
    return said, said if code else f"{said}, and it must stay in the foreground"


def terminal() -> tuple[int, int]:
    """Our end and the component's end of a terminal that passes output as it is and echoes nothing."""
    ours, its = os.openpty()
    mode = termios.tcgetattr(its)
    mode[1] &= ~termios.OPOST
    mode[3] &= ~termios.ECHO
    termios.tcsetattr(its, termios.TCSANOW, mode)
    termios.tcsetwinsize(its, (24, 80))
    return ours, its


def take_terminal() -> None:
    """In the new process: make its standard input the controlling terminal of its session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def launched(spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    """Run the component's command with its output in a pipe or a terminal; OSError if it cannot be run."""
    common: dict[str, Any] = {
        "cwd": spec["cwd"], "env": {**spec["env"], MARK: spec["run_id"]}, "stderr": subprocess.STDOUT,
        "start_new_session": True, "user": spec["user"], "group": spec["group"],
        "extra_groups": [] if spec["user"] is not None else None,
    }  # fmt: skip
    if not spec["tty"]:
        return subprocess.Popen(spec["argv"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **common)
    ours, its = terminal()
    try:
        child = subprocess.Popen(spec["argv"], stdin=its, stdout=its, preexec_fn=take_terminal, **common)
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(its)
    child.stdout = io.FileIO(ours)
    return child


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
        except OSError:  # no space: the old record stays; without one `spawn` would wait for ever
            if not self.written:
                raise

    def note(self) -> None:
        """Record the processes of the tree, so that they can be ended if shim and guard are killed together."""
        among, found = processes.table(), processes.below(self.run_of)
        sessions = {processes.session_of(each, among) for each in found if each.session != os.getsid(0)}
        numbers = {session.pid for session in sessions}
        sessions |= {session for session in self.run_of.sessions if session.pid in numbers}
        known = frozenset(each.identity for each in found)
        run = self.run_of._replace(known=known, sessions=frozenset(sessions))
        if run != self.run_of or not os.path.exists(self.record):
            self.set_down(run)

    def set_down(self, run: Run) -> None:
        """Write the record."""
        self.run_of = run
        try:
            replace(self.record, processes.document(run))
        except OSError:  # no space, or no directory: the mark still identifies them
            pass

    def look(self) -> None:
        """At intervals: write files again that another process changed, and record new processes of the tree."""
        if self.state and self.written and stamp(self.spec["state"]) != self.written:
            self.tell(self.state)
        if processes.LINUX:
            self.note()

    def start(self) -> None:
        spec = self.spec
        self.began, self.began_wall = time.monotonic(), time.time()
        try:
            self.child = launched(spec)
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
        """Write the output since the last call to the log; whether there may be more."""
        try:
            block = os.read(stream.fileno(), BLOCK)
        except BlockingIOError:
            return False
        except OSError:  # the answer of a terminal after the last process that had it
            block = b""
        if block:
            self.log.take(block)
            return True
        self.log.end()
        self.selector.unregister(stream)
        stream.close()
        return False

    def reap(self) -> None:
        """Collect every child process that ended, also orphans that the system gave to this process."""
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
        self.sweep()  # the rest of its tree may still write output
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
        said, self.reason = reasons(code)
        self.log.say(said)
        if self.spec["once"] and code == 0:
            self.reason = None
            self.tell("done")
            self.quit()
        self.crashed()

    def pump_all(self, stream: IO[bytes]) -> None:
        """The same until the pipe is empty; then close it, even if a process still holds it."""
        for _ in range(ENDING):  # more than a pipe holds is from a process that is not of the run
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
        """End all processes of this run, first by SIGTERM; whether none is left."""
        lives = ending.end(lambda: left(self.run_of), self.spec["grace"], self.collect)
        for each in lives:
            self.log.say(f"pid {each.pid} `{processes.command(each.pid)}` does not end")
        return not lives

    def abandoned(self) -> bool:
        """Whether the lock file was removed or replaced, for example with `.dev/`: no command can find this shim."""
        try:
            return os.stat(self.spec["lock"]).st_ino != os.fstat(self.lock).st_ino
        except OSError:
            return True

    def collect(self) -> None:
        """Read output and collect zombies while processes end, so that none blocks on a full pipe."""
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
        """Ask the leader's process group to end, wait, then end the remaining processes."""
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
                pause = min(2 * pause, LOOK)  # most of a tree exists after the first second
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
    lock = os.open(spec["lock"], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    deadline = time.monotonic() + LOCK
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:  # a process that tests whether it is held holds it for a moment
            if time.monotonic() > deadline:
                sys.exit(75)
            time.sleep(0.01)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # none is lost before the shim handles them
    adopt()
    run = Run(spec["run_id"], processes.uids(spec["user"]), keepers=myself())
    if shim := os.fork():
        guard(shim, run, spec)
    adopt()
    os.setsid()  # a signal to the guard's process group does not reach the shim
    Shim(spec, lock, run._replace(keepers=run.keepers | myself())).run()


def adopt() -> None:
    """Become the parent of orphans among the descendants, instead of the system's init process."""
    if processes.LINUX:
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def myself() -> frozenset[Identity]:
    """The identity of this process."""
    found = processes.read(os.getpid())
    return frozenset({found.identity} if found else ())


if __name__ == "__main__":
    main()
