"""One per native component: runs it, keeps its log, restarts it, ends its whole tree. `python -I -S shim.py SPEC`.

Standard library only, as it is started without site packages and lives as long as the component. SIGTERM ends the
component and then the shim, SIGHUP restarts the component. It holds a lock for life, so nobody has to guess pids.
"""

import ctypes
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time

# beside this file and without its package, which imports much
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "logs"))
from writer import Writer  # type: ignore[import-not-found]

MARK = "DEV_RUN_ID"
BLOCK = 262144
ENDING = 64
STABLE = 10.0
LOOK = 2.0
LOCK = 2.0


def marked(run_id):
    """Pids of all processes that carry the run id, but not this one."""
    wanted = f"{MARK}={run_id}".encode()
    found = []
    try:
        names = os.listdir("/proc")
    except OSError:
        return found
    for name in names:
        if name.isdigit() and int(name) != os.getpid():
            try:
                with open(f"/proc/{name}/environ", "rb") as file:
                    environ = file.read()
                with open(f"/proc/{name}/stat", "rb") as file:
                    state = file.read().rpartition(b")")[2].split()[0]
            except OSError:
                continue
            if wanted in environ.split(b"\0") and state != b"Z":
                found.append(int(name))
    return found


def kill(pid, number, group=False):
    try:
        (os.killpg if group else os.kill)(pid, number)
    except OSError:
        pass


def guard(run_id, grace):
    """A process that outlives the shim to end what a killed one left behind. Gives the pipe that quiets it."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(reading)
        return writing
    os.close(writing)
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if os.read(reading, 1) != b"q":
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in marked(run_id):
                kill(pid, number)
            deadline = time.monotonic() + min(grace, 3)
            while marked(run_id) and time.monotonic() < deadline:
                time.sleep(0.05)
    os._exit(0)


class Shim:
    def __init__(self, spec, lock):
        self.spec = spec
        self.lock = lock
        self.child = None
        self.restarts = 0
        self.crashes = 0
        self.began = 0.0
        self.next_start = 0.0
        self.ending = False
        self.again = False
        self.told = False
        self.reason = None
        self.log = Writer(spec["log"])
        self.selector = selectors.DefaultSelector()

    def tell(self, state):
        child = self.child.pid if self.child else None
        value = {
            "state": state, "shim": os.getpid(), "pid": child, "restarts": self.restarts, "reason": self.reason,
            "since": self.spec["since"], "began": self.began_wall, "hash": self.spec["hash"],
            "run_id": self.spec["run_id"], "debug": self.spec["debug"],
        }  # fmt: skip
        fresh = self.spec["state"] + ".new"
        try:
            with open(fresh, "w") as file:
                json.dump(value, file)
            os.replace(fresh, self.spec["state"])
            self.told = True
        except FileNotFoundError:  # its directory was removed
            pass
        except OSError:  # no room: it goes on with what was told before, but whoever started it waits for a first word
            if not self.told:
                raise

    def start(self):
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
            return self.crashed()
        os.set_blocking(self.child.stdout.fileno(), False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            try:
                fcntl.fcntl(self.child.stdout, fcntl.F_SETPIPE_SZ, BLOCK)
            except OSError:  # its user has too many pipes
                pass
        self.selector.register(self.child.stdout, selectors.EVENT_READ, self.pump)
        self.tell("running")
        return None

    def pump(self, stream):
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

    def reap(self):
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
        if code is None:
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

    def pump_all(self, stream):
        """The same to its end, which is now, whoever still holds it."""
        for _ in range(ENDING):  # more than a pipe holds is said by somebody who is not ours
            if not self.pump(stream):
                break
        self.log.end()
        if not stream.closed:
            self.selector.unregister(stream)
            stream.close()

    def crashed(self):
        if time.monotonic() - self.began > STABLE:
            self.crashes = 0
        self.crashes += 1
        if self.spec["once"] or self.crashes > self.spec["retries"]:
            self.tell("failed")
            self.quit()
        self.next_start = time.monotonic() + min(0.2 * 2 ** (self.crashes - 1), 10)
        self.restarts += 1
        self.tell("backoff")

    def sweep(self, first=signal.SIGTERM):
        """End everything of this run that is left, politely first."""
        for pid in marked(self.spec["run_id"]):
            kill(pid, first)
        deadline = time.monotonic() + self.spec["grace"]
        while time.monotonic() < deadline:
            self.collect()
            if not marked(self.spec["run_id"]):
                return
            time.sleep(0.02)
        for pid in marked(self.spec["run_id"]):
            kill(pid, signal.SIGKILL)
        while marked(self.spec["run_id"]) and time.monotonic() < deadline + 5:
            self.collect()
            time.sleep(0.02)

    def abandoned(self):
        """Whether the lock file is gone or another one: somebody removed `.dev/`, and nobody could reach us again."""
        try:
            return os.stat(self.spec["lock"]).st_ino != os.fstat(self.lock).st_ino
        except OSError:
            return True

    def collect(self):
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

    def end_child(self):
        """Ask the leader's group to end, wait, end whoever is left."""
        if not self.child:
            return
        kill(self.child.pid, self.spec["stop_signal"], group=True)
        deadline = time.monotonic() + self.spec["grace"]
        while time.monotonic() < deadline and self.child.returncode is None:
            self.collect()
            time.sleep(0.01)
        if self.child.returncode is None:
            self.log.say("did not end in time and was killed")
            kill(self.child.pid, signal.SIGKILL, group=True)
        self.sweep()
        if self.child.stdout and not self.child.stdout.closed:
            self.pump_all(self.child.stdout)
        self.child = None

    def quit(self):
        self.sweep()
        os.write(self.guard, b"q")
        os._exit(0)

    def run(self):
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        received = []
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, lambda n, _: received.append(n))
        self.selector.register(wake, selectors.EVENT_READ, None)
        self.guard = guard(self.spec["run_id"], self.spec["grace"])
        self.began_wall = time.time()
        self.start()
        while True:
            if self.abandoned():
                self.end_child()
                self.quit()
            wait = max(0.0, self.next_start - time.monotonic()) if not self.child else LOOK
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
                number = received.pop(0)
                if number in (signal.SIGTERM, signal.SIGINT):
                    self.ending = True
                    self.end_child()
                    self.reason = None
                    self.tell("stopped")
                    self.quit()
                elif number == signal.SIGHUP:
                    self.end_child()
                    self.crashes = 0
                    self.restarts += 1
                    self.start()
                else:
                    self.reap()
            if not self.child and time.monotonic() >= self.next_start:
                self.start()


def main():
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
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: escaped grandchildren come back to us
    Shim(spec, lock).run()


if __name__ == "__main__":
    main()
