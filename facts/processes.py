"""Which processes there are, and which of them belong to a component: by descent, by session, and by the mark last.

The shim, which runs without site packages, imports this module too: standard library only, and little of it.
"""

# without `annotations` of __future__, for NamedTuple would compile the text of each field: 1.5 ms of each command
import os
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from facts import regular

MARK = "DEV_RUN_ID"
"""Environment variable that every process we start carries; its value says for which component of which instance."""
BY_IDE, BY_MIGRATION, BY_READY = "ide", "migrate", "ready"
"""Ends of the marks of processes that no shim keeps: an engineer's own, a migration, and a `ready.exec`."""
RECORD = "processes.json"
"""In the directory of a component: what its shim wrote down of its run."""
MAX_DEPTH = 1000
"""Ancestors that are asked for at most: a table that was read while processes ended may hold a circle."""
LINUX = sys.platform == "linux"


class Identity(NamedTuple):
    """One process for good: its number may be given to another process later, but not with the same start time."""

    pid: int
    start: int
    """Clock ticks since boot (proc(5), field 22 of stat); on macOS seconds since 1970."""


class Process(NamedTuple):
    """One process as seen at one moment. Ask its last three facts of the `Table`, which may not have read them."""

    pid: int
    start: int
    parent: int
    session: int
    state: str = "S"
    """One letter of proc(5): Z is a zombie, T is stopped by a signal."""
    uid: int = -1
    mark: str = ""
    """Value of `MARK` in its environment; empty where it has none, has erased it, or may not be read by us."""
    elsewhere: bool = False

    @property
    def identity(self) -> Identity:
        """Number and start time."""
        return Identity(self.pid, self.start)

    @property
    def lives(self) -> bool:
        """Whether it is more than the exit code that its parent has not asked for yet."""
        return self.state not in "ZX"


class Run(NamedTuple):
    """By what the processes of one component are known."""

    mark: str
    """With what their mark begins."""
    uids: frozenset[int]
    """Users that they may be of, where only the session or the mark speaks for them."""
    keepers: frozenset[Identity] = frozenset()
    """The shim and its guard: all that descends from them belongs to the run, they themselves do not."""
    known: frozenset[Identity] = frozenset()
    """Processes that the shim once saw below itself."""
    sessions: frozenset[Identity] = frozenset()
    """Sessions of those: the leader's number and start time, or the start of the eldest member if it had ended."""


class Table:
    """The processes of one moment; here those that were given, for tests and for macOS."""

    def __init__(self, rows: Iterable[Process] = ()) -> None:
        self.rows: dict[int, Process | None] = {row.pid: row for row in rows}

    def get(self, pid: int) -> Process | None:
        """The process of that number; None where there is none."""
        return self.rows.get(pid)

    def all(self) -> Iterator[Process]:
        """Every process."""
        return (row for row in list(self.rows.values()) if row)

    def uid(self, process: Process) -> int:
        """Whose it is (the real uid); -1 if that cannot be read."""
        return process.uid

    def mark(self, process: Process) -> str:
        """Its mark."""
        return process.mark

    def elsewhere(self, process: Process) -> bool:
        """Whether it has process numbers of its own: it runs in a container."""
        return process.elsewhere


class Live(Table):
    """The processes of this machine by /proc: each fact is read when it is first asked for; marks are remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.marks: dict[Identity, str] = {}

    def get(self, pid: int) -> Process | None:
        """The process of that number; None where there is none."""
        if pid not in self.rows:
            self.rows[pid] = _stat(pid)
        return self.rows[pid]

    def all(self) -> Iterator[Process]:
        """Every process."""
        for name in os.listdir("/proc"):
            if name.isdigit() and (found := self.get(int(name))):
                yield found

    def uid(self, process: Process) -> int:
        """The real uid: the owner of /proc/PID is root for whatever changed its user."""
        for line in _bytes(process.pid, "status").splitlines():
            if line.startswith(b"Uid:"):
                return int(line.split()[1])
        return -1

    def mark(self, process: Process) -> str:
        """Value of `MARK` in its environment."""
        if process.identity not in self.marks:
            self.marks[process.identity] = mark(process.pid)
        return self.marks[process.identity]

    def elsewhere(self, process: Process) -> bool:
        """Whether its namespace of process numbers is another one than ours."""
        try:
            return os.readlink(f"/proc/{process.pid}/ns/pid") != os.readlink("/proc/self/ns/pid")
        except OSError:
            return False


def table() -> Table:
    """What runs now."""
    if LINUX:
        return Live()
    import subprocess  # saves 2 ms of every looking command on Linux

    argv = ["ps", "-axo", "pid=,ppid=,pgid=,uid=,stat=,lstart="]
    done = subprocess.run(argv, capture_output=True, text=True, env={"LC_ALL": "C", "PATH": os.defpath})
    return Table(of_ps(done.stdout))


def read(pid: int) -> Process | None:
    """The process of that number; None where there is none."""
    return table().get(pid)


def those(identities: Iterable[Identity], among: Table | None = None) -> list[Process]:
    """The very processes that still exist; one that only was given the number of another is left out."""
    among = among or table()
    return [process for each in identities if (process := among.get(each.pid)) and process.start == each.start]


def belongs(process: Process, run: Run, among: Table) -> bool:
    """Whether a living process is of the run.

    It is if it descends from the run's shim or guard, whichever user it became (only they can have made it), or if it
    is of a user of the run and in a session that was seen below the shim, or (last, as anybody can copy it) carries the
    mark on this machine, not in a container. Whatever carries another mark, or descends from what does, is not: a
    `./dev` that a component started has shims of its own.
    """
    if process.identity in run.keepers or not process.lives:
        return False
    if way := _way_up(process, run, among):
        return not any(_apart(among.mark(each), run) for each in way)
    carried = among.mark(process)
    if _apart(carried, run) or not (carried or run.sessions):
        return False
    said = _in_session(process, run, among) or (bool(carried) and not among.elsewhere(process))
    return said and among.uid(process) in run.uids


def members(run: Run, among: Table | None = None) -> list[Process]:
    """Every living process of the run."""
    among = among or table()
    return [process for process in among.all() if belongs(process, run, among)]


def below(run: Run) -> list[Process]:
    """Living processes that descend from the run's keepers: cheaper than `members`, as only the tree is read."""
    if not LINUX or not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):  # CONFIG_PROC_CHILDREN is off
        return members(run)
    among, found = table(), []
    seen = {keeper.pid for keeper in those(run.keepers, among)}
    left = [pid for keeper in seen for pid in _children(keeper)]
    while left:
        process = among.get(pid := left.pop())
        if process and pid not in seen and not _apart(among.mark(process), run):
            seen.add(pid)
            left += _children(pid)
            if process.lives:
                found.append(process)
    return found


def _way_up(process: Process, run: Run, among: Table) -> list[Process]:
    """The process and its ancestors up to the first that is of the run for certain; empty if there is none."""
    way: list[Process] = []
    each: Process | None = process
    while each:
        if each.identity in run.keepers:
            return way
        way.append(each)
        if each.identity in run.known:
            return way
        above = among.get(each.parent) if each.parent != each.pid else None
        each = above if above and above.start <= each.start and len(way) < MAX_DEPTH else None
    return []


def _apart(mark: str, run: Run) -> bool:
    """Whether a mark says that its process is of something else."""
    return bool(mark) and not mark.startswith(run.mark)


def _in_session(process: Process, run: Run, among: Table) -> bool:
    """Whether its session is one of the run's, and not a later one that was given the same number."""
    leader = among.get(process.session)
    return any(
        number == process.session and (leader.start == start if leader else start <= process.start)
        for number, start in run.sessions
    )


def session_of(process: Process, among: Table) -> Identity:
    """The session that it is in, to be noted in `Run.sessions`."""
    leader = among.get(process.session)
    return leader.identity if leader else Identity(process.session, process.start)


def moment() -> str:
    """Changes when numbers and start times begin again: with the boot, or with the container that we are in."""
    first = read(1) if LINUX else None
    try:
        with open("/proc/sys/kernel/random/boot_id") as file:
            return f"{file.read().strip()}:{first.start if first else 0}"
    except OSError:
        return ""


def holds(process: Identity, path: str | os.PathLike[str]) -> bool:
    """Whether that very process lives and holds the lock (flock) on the file; without /proc, whether it lives."""
    now = read(process.pid)
    if now is None or now.start != process.start or not now.lives:
        return False
    return not LINUX or _has_lock(process.pid, path)


def holders(path: str | os.PathLike[str]) -> list[Process]:
    """Processes that hold the lock (flock) on the file, found by its inode; empty where /proc does not tell.

    Two may share one lock: descriptors are inherited. Those of other users are seen by root alone.
    """
    return [process for process in table().all() if _has_lock(process.pid, path)] if LINUX else []


def command(pid: int) -> str:
    """Its command line, else its name; empty where it cannot be read."""
    line = _bytes(pid, "cmdline").decode(errors="replace").replace("\0", " ").strip()
    return line[:120] or _bytes(pid, "comm").decode(errors="replace").strip()


def age(pid: int) -> float | None:
    """Seconds since the process began, by the clock that nobody sets; None where that cannot be read."""
    found = _stat(pid) if LINUX else None
    if found is None:
        return None
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - found.start / os.sysconf("SC_CLK_TCK"))


def ends(pid: int) -> bool:
    """Whether a process is gone, or is about to be: its memory goes before its descriptors."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return not file.read()
    except OSError:
        return LINUX


def executes(program: str) -> bool:
    """Whether any process runs the program of that path, even if its file was replaced since."""
    for process in table().all():
        try:
            if os.readlink(f"/proc/{process.pid}/exe").removesuffix(" (deleted)") == program:
                return True
        except OSError:
            continue
    return False


def of_ps(text: str) -> list[Process]:
    """Rows of `ps -o pid,ppid,pgid,uid,stat,lstart`; the session is asked of the system, else it is the group."""
    rows = []
    for line in text.splitlines():
        words = line.split(None, 5)
        if len(words) == 6 and words[0].isdigit():
            pid, parent, group, uid = (int(word) for word in words[:4])
            start = int(time.mktime(time.strptime(words[5].strip(), "%a %b %d %H:%M:%S %Y")))
            rows.append(Process(pid, start, parent, _session(pid, group), words[4][0], uid))
    return rows


def _session(pid: int, group: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return group


def _bytes(pid: int, name: str) -> bytes:
    try:
        with open(f"/proc/{pid}/{name}", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _stat(pid: int) -> Process | None:
    fields = _bytes(pid, "stat").rpartition(b")")[2].split()
    if len(fields) < 20:
        return None
    return Process(pid, int(fields[19]), int(fields[1]), int(fields[3]), fields[0].decode())


def mark(pid: int) -> str:
    """Value of `MARK` in the process's environment; empty where there is none or it cannot be read."""
    wanted = MARK.encode() + b"="
    for entry in _bytes(pid, "environ").split(b"\0"):
        if entry.startswith(wanted):
            return entry[len(wanted) :].decode(errors="replace")
    return ""


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        found += [int(word) for word in _bytes(pid, f"task/{thread}/children").split()]
    return found


def _has_lock(pid: int, path: str | os.PathLike[str]) -> bool:
    """By its open files: /proc/locks names the process that took the lock, not the one that inherited it."""
    try:
        wanted = os.stat(path)
        numbers = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return False
    for number in numbers:
        try:
            there = os.stat(f"/proc/{pid}/fd/{number}")
        except OSError:
            continue
        same = (there.st_dev, there.st_ino) == (wanted.st_dev, wanted.st_ino)
        if same and b"lock:" in _bytes(pid, f"fdinfo/{number}"):
            return True
    return False


def uids(*more: int | None) -> frozenset[int]:
    """This user, and those that are named."""
    return frozenset({os.getuid(), *(uid for uid in more if uid is not None)})


def identities(value: object) -> frozenset[Identity]:
    """Those of a JSON list of pairs; what is none is left out."""
    rows: Collection[object] = value if isinstance(value, list) else ()
    pairs = [row for row in rows if isinstance(row, list) and len(row) == 2 and all(type(n) is int for n in row)]
    return frozenset(Identity(*pair) for pair in pairs)


def document(run: Run) -> Mapping[str, object]:
    """What the shim writes down of its run, as JSON."""
    fields = {name: sorted(getattr(run, name)) for name in ("uids", "keepers", "known", "sessions")}
    return {"moment": moment(), "mark": run.mark, **fields}


def load(path: str | os.PathLike[str]) -> object:
    """The JSON in a file of ours; None where there is none, or where it is damaged or no regular file."""
    try:
        found: object = regular.document(path)
    except (OSError, ValueError):
        return None
    return found


def of_document(value: object, mark: str) -> Run:
    """The run that a shim wrote down; by the mark alone where that is damaged, or of another boot."""
    run = Run(mark, uids())
    if not isinstance(value, dict) or value.get("moment") != moment():
        return run
    rows = value.get("uids")
    theirs = [uid for uid in rows if type(uid) is int] if isinstance(rows, list) else []
    keepers, known, sessions = (identities(value.get(name)) for name in ("keepers", "known", "sessions"))
    return Run(mark, uids(*theirs), keepers, known, sessions)
