"""G6: a command that is killed at any system call of its own leaves nothing half done; it is given again, which heals.

Incomplete files that were never to be seen are taken away by the next repair.

strace kills: when a thread of the command makes a call of that kind for the K-th time, before the kernel does it.
`python -m tests.promises.promise_crash_points` counts the calls and prints COUNTS.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from tests.conftest import wait_until
from tests.promises import oracle
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Untried, Verdict
from tests.promises.specimen import CONTENT, HANG, Ran, Specimen, specimen

CALLS = {
    "rename": "rename,renameat,renameat2", "fsync": "fsync,fdatasync", "mkdir": "mkdir,mkdirat",
    "unlink": "unlink,unlinkat,rmdir", "link": "link,linkat,symlink,symlinkat", "truncate": "truncate,ftruncate",
    "process": "clone,clone3,fork,vfork", "execve": "execve", "write": "write,pwrite64",
    "mode": "chmod,fchmod,fchmodat",
}  # fmt: skip
"""Kind of crash point -> its system calls, which are counted together for each thread."""
KILLED = "+++ killed by SIGKILL +++"
"""What strace writes of a process that it has killed."""
SLOW = 50.0
"""Seconds after which a rerun seems to wait for a lock that a killed process left."""


@dataclass(frozen=True)
class Command:
    """A command that changes something: what goes before it, and what is true after it."""

    words: str
    before: tuple[str, ...] = ()
    runs: bool = False
    """Whether services run afterwards."""
    fresh: bool = False
    """It begins without `.dev`, managed files and store."""


COMMANDS = {
    "doctor --fix": Command("doctor --fix", fresh=True),
    "first start": Command("start", fresh=True, runs=True),
    "start": Command("start", runs=True),
    "start again": Command("start", ("start",), runs=True),
    "restart": Command("restart", ("start",), runs=True),
    "stop": Command("stop", ("start",)),
    "handoff": Command("handoff one", ("start",)),
    "handoff back": Command("handoff one --back", ("start", "handoff one"), runs=True),
    "debug": Command("debug one", ("start",), runs=True),
    "debug --off": Command("debug one --off", ("start", "debug one"), runs=True),
    "secrets rotate": Command("secrets rotate TOKEN", ("start",), runs=True),
    "trust": Command("trust"),
    "trust --revoke": Command("trust --revoke"),
    "clean": Command("clean --force", ("start",)),
    "lock": Command("lock"),
}
COUNTS: dict[str, dict[str, int]] = {
    "doctor --fix": {
        "rename": 1, "fsync": 8, "mkdir": 10, "unlink": 6, "truncate": 1, "process": 11,
        "execve": 11, "write": 22, "mode": 11,
    },
    "first start": {
        "rename": 3, "fsync": 8, "mkdir": 10, "unlink": 6, "truncate": 1, "process": 10,
        "execve": 13, "write": 21, "mode": 11,
    },
    "start": {"rename": 3, "mkdir": 3, "unlink": 3, "truncate": 1, "process": 5, "execve": 13, "write": 15},
    "start again": {"mkdir": 2, "truncate": 1, "process": 5, "execve": 2, "write": 15},
    "restart": {"rename": 3, "mkdir": 3, "unlink": 4, "truncate": 1, "process": 4, "execve": 13, "write": 3},
    "stop": {"mkdir": 2, "unlink": 2, "truncate": 1, "process": 6, "execve": 2, "write": 2},
    "handoff": {
        "rename": 9, "fsync": 8, "mkdir": 16, "unlink": 6, "truncate": 1, "process": 5,
        "execve": 11, "write": 12, "mode": 3,
    },
    "handoff back": {
        "rename": 3, "fsync": 3, "mkdir": 6, "unlink": 6, "truncate": 1, "process": 3, "execve": 2, "write": 5,
    },
    "debug": {"rename": 3, "mkdir": 4, "unlink": 4, "truncate": 1, "process": 6, "execve": 11, "write": 15},
    "debug --off": {"rename": 3, "mkdir": 3, "unlink": 4, "truncate": 1, "process": 3, "execve": 2, "write": 3},
    "secrets rotate": {
        "rename": 10, "fsync": 20, "mkdir": 12, "unlink": 10, "truncate": 1, "process": 8,
        "execve": 13, "write": 15, "mode": 10,
    },
    "trust": {"rename": 1, "mkdir": 2, "process": 2, "execve": 2, "write": 2},
    "trust --revoke": {"unlink": 1, "process": 2, "execve": 2, "write": 1},
    "clean": {"mkdir": 2, "unlink": 22, "truncate": 1, "process": 6, "execve": 2, "write": 3},
    "lock": {"rename": 1, "fsync": 2, "mkdir": 3, "unlink": 1, "process": 2, "execve": 2, "write": 2, "mode": 1},
}  # fmt: skip
"""Command -> kind -> the most calls that one thread of it makes."""


@dataclass(frozen=True)
class CrashPoints:
    name: str = "G6"
    promised: str = "A command that is killed at any system call leaves nothing half done; a rerun and a repair heal"
    category: Category = Category.IDEMPOTENCY
    sample: int = 5
    seconds: float = 240.0

    def cases(self, seed: int) -> Sequence[Case]:
        return [
            Case(f"{name}, {kind} {number}", (name, kind, number), slow=name == "secrets rotate")
            for name, kinds in COUNTS.items() for kind, most in kinds.items() for number in range(1, most + 1)
        ]  # fmt: skip

    def try_one(self, case: Case, place: Place) -> Verdict:
        if why := missing():
            return Untried(why)
        made, (name, kind, number) = specimen(os.geteuid()), case.value
        try:
            return judge(made, name, kind, number)
        finally:
            made.reset()


@cache
def missing() -> str:
    """Why there are no crash points here; empty if there are."""
    if not shutil.which("strace"):
        return "strace is not installed"
    ran = subprocess.run(["strace", "-D", "-f", "-qq", "-e", "trace=none", "true"], capture_output=True, text=True)
    return f"strace cannot trace here: {ran.stderr.strip()[:80]}" if ran.returncode else ""


def judge(made: Specimen, name: str, kind: str, number: int) -> Verdict:
    """What is bad after a kill there."""
    command, after = COMMANDS[name], undisturbed(name)
    prepare(made, command)
    ran = traced(made, command.words, ["-e", f"trace={CALLS[kind]}", "-e",
                                       f"inject={CALLS[kind]}:signal=KILL:when={number}"])  # fmt: skip
    if ran.code is None:
        return Broken(f"hangs\n{ran.text}")
    if ran.code != -signal.SIGKILL and KILLED not in (made.base / "trace").read_text("utf-8", "replace"):
        return Untried(f"nothing was killed: {command.words} makes fewer calls here")
    bad = [f"half a file: {each}" for each in half(made)]
    began = time.monotonic()
    again = made.run(*command.words.split())
    if again.code != 0:
        bad.append(f"a rerun ends with {again.code}\n{again.text}")
    if time.monotonic() - began > SLOW:
        bad.append(f"a rerun takes {time.monotonic() - began:.0f} s\n{again.text}")
    if files(made) - after:
        made.run("doctor", "--fix")  # a repair takes away incomplete files
    if more := sorted(files(made) - after):
        bad.append(f"left behind: {', '.join(more)}")
    if command.runs and (why := made.answers()):
        bad.append(f"after a rerun {why}\n{again.text}")
    stopped = made.run("stop")
    if stopped.code != 0 and "not trusted" not in stopped.text:
        bad.append(f"stop ends with {stopped.code}\n{stopped.text}")
    if left := oracle.processes(made.live):
        bad.append(f"after a stop there are {left}")
    return Broken("\n".join(bad)) if bad else Held()


def prepare(made: Specimen, command: Command) -> None:
    """Everything that goes before the command."""
    made.reset()
    if command.fresh:
        for name in ("checkout/.dev", "checkout/conf", "store"):
            shutil.rmtree(made.live / name)
    for words in command.before:
        ran = made.run(*words.split())
        assert ran.code == 0, ran


@cache
def undisturbed(name: str) -> set[str]:
    """The files after the command if it is not killed."""
    made = specimen(os.geteuid())
    prepare(made, COMMANDS[name])
    ran = made.run(*COMMANDS[name].words.split())
    assert ran.code == 0, ran
    return files(made)


def files(made: Specimen) -> set[str]:
    """The names of all files and directories, but for caches and what a program may write at any time."""
    found = (str(path.relative_to(made.live)) for path in made.live.rglob("*"))
    return {name for name in found if "/.dev/cache" not in name and not name.endswith("/processes.json")}


def half(made: Specimen) -> Iterator[str]:
    """Files of ours that are neither old nor new: they do not parse, or miss what they always have."""
    for path in made.live.rglob("*"):
        if path.name.startswith(".") or not path.is_file():
            continue
        text, name = path.read_text("utf-8", "replace"), str(path.relative_to(made.live))
        fine = True
        if path.suffix == ".json":
            fine = _parses(text)
        elif name == "checkout/.dev/values":
            fine = bool(re.search(r"^TOKEN=\S{32,}$", text, re.MULTILINE))
        elif name == "checkout/conf/app.ini":
            fine = text == CONTENT
        elif name == "checkout/desired_state.lock":
            fine = "schema" in text and text.endswith("\n")
        if not fine:
            yield f"{name}: {text[:80]!r}"


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def traced(made: Specimen, words: str, options: list[str]) -> Ran:
    """The command below strace, which goes away when the command has ended."""
    log, out = made.base / "trace", made.base / "out"
    log.unlink(missing_ok=True)
    with open(out, "w") as file:
        process = subprocess.Popen(
            ["strace", "-D", "-f", "-qq", "-o", str(log), *options, *made.argv(*words.split())], stdout=file,
            stderr=file, stdin=subprocess.DEVNULL, env=made.environment(), cwd="/", start_new_session=True,
        )  # fmt: skip
        try:
            code: int | None = process.wait(HANG)
        except subprocess.TimeoutExpired:
            process.kill()
            code = None
    for each in oracle.processes(log):
        if each.command.startswith("strace "):  # else it stays with the shims, and goes on to count and to kill
            os.kill(each.pid, signal.SIGKILL)
            wait_until(lambda each=each: each not in oracle.processes(log))  # type: ignore[misc]
    return Ran(tuple(words.split()), code, out.read_text("utf-8", "replace"))


def counted(made: Specimen, command: Command) -> dict[str, int]:
    """Kind -> the most calls of one process of the command, where it makes any."""
    prepare(made, command)
    ran = traced(made, command.words, ["-e", f"trace={','.join(CALLS.values())}"])
    assert ran.code == 0, ran
    counts: Counter[tuple[str, str]] = Counter()
    kinds = {name: kind for kind, names in CALLS.items() for name in names.split(",")}
    for line in (made.base / "trace").read_text("utf-8", "replace").splitlines():
        if found := re.match(r"(\d+) +(\w+)\(", line):
            counts[found[1], kinds[found[2]]] += 1
    most = {kind: max((n for (_, each), n in counts.items() if each == kind), default=0) for kind in CALLS}
    return {kind: count for kind, count in most.items() if count}


PROMISE = CrashPoints()

if __name__ == "__main__":
    for name in sys.argv[1:] or COMMANDS:
        print(f"    {json.dumps(name)}: {json.dumps(counted(specimen(os.geteuid()), COMMANDS[name]))},", flush=True)
