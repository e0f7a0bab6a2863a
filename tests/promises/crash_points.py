"""G6: a command that is killed at a system call leaves nothing half done, and one more run heals.

`python -m tests.promises.crash_points` kills every command at every call of `CALLS`. strace kills: when a process of
the command makes a call for the K-th time, before the kernel does it.
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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import wait_until
from tests.promises.specimen import HANG, Ran, Specimen, alive

CALLS = {
    "rename": "rename,renameat,renameat2", "fsync": "fsync,fdatasync", "mkdir": "mkdir,mkdirat",
    "unlink": "unlink,unlinkat,rmdir", "link": "link,linkat,symlink,symlinkat", "truncate": "truncate,ftruncate",
    "process": "clone,clone3,fork,vfork", "execve": "execve", "write": "write,pwrite64", "mode": "chmod,fchmod,fchmodat",
    "lock": "flock",
}  # fmt: skip
"""Kind of crash point -> the system calls; those of a kind are counted together... per process."""


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
    "trust": Command("trust"),
    "revoke": Command("trust --revoke"),
    "clean": Command("clean --force", ("start",)),
    "rotate": Command("secrets rotate TOKEN", ("start",), runs=True),
    "debug": Command("debug one", ("start",)),
    "debug off": Command("debug one --off", ("start", "debug one"), runs=True),
    "lock": Command("lock"),
}


def missing() -> str:
    """Why there are no crash points here; empty if there are."""
    if not shutil.which("strace"):
        return "strace is not installed"
    ran = subprocess.run(["strace", "-D", "-f", "-qq", "-e", "trace=none", "true"], capture_output=True, text=True)
    return f"strace cannot trace here: {ran.stderr.strip()[:80]}" if ran.returncode else ""


def traced(specimen: Specimen, words: str, options: list[str]) -> Ran:
    """The command below strace, which ends as the command does."""
    log, out = specimen.base / "trace", specimen.base / "out"
    log.unlink(missing_ok=True)
    with open(out, "w") as file:
        process = subprocess.Popen(
            ["strace", "-D", "-f", "-qq", "-o", str(log), *options, *specimen.argv(*words.split())], stdout=file,
            stderr=file, stdin=subprocess.DEVNULL, env=specimen.environment(), cwd="/", start_new_session=True,
        )  # fmt: skip
        try:
            code: int | None = process.wait(HANG)
        except subprocess.TimeoutExpired:
            process.kill()
            code = None
    for pid in tracers(log):  # it stays with the shims
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda pid=pid: not alive(pid))  # type: ignore[misc]
    return Ran(tuple(words.split()), code, out.read_text("utf-8", "replace"))


def tracers(log: Path) -> list[int]:
    """The processes of strace that write there."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                argv = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if argv[0] == b"strace" and os.fsencode(log) in argv:
                found.append(int(entry.name))
    return found


def prepare(specimen: Specimen, command: Command) -> None:
    specimen.reset()
    if command.fresh:
        for name in ("checkout/.dev", "checkout/conf", "store"):
            shutil.rmtree(specimen.base / "live" / name)
    for words in command.before:
        ran = specimen.run(*words.split())
        assert ran.code == 0, ran


def points(specimen: Specimen, command: Command) -> tuple[list[tuple[str, int]], set[str]]:
    """Kinds and numbers of its calls, the highest of any process; and the files that an undisturbed run leaves."""
    prepare(specimen, command)
    ran = traced(specimen, command.words, ["-e", f"trace={','.join(CALLS.values())}"])
    assert ran.code == 0, ran
    counts: Counter[tuple[str, str]] = Counter()
    kinds = {name: kind for kind, names in CALLS.items() for name in names.split(",")}
    for line in (specimen.base / "trace").read_text("utf-8", "replace").splitlines():
        if found := re.match(r"(\d+) +(\w+)\(", line):
            counts[found[1], kinds[found[2]]] += 1
    most = {kind: max((n for (_, each), n in counts.items() if each == kind), default=0) for kind in CALLS}
    return [(kind, number) for kind in CALLS for number in range(1, most[kind] + 1)], files(specimen)


def files(specimen: Specimen) -> set[str]:
    """The names of all files and directories, relative to `live`."""
    live = specimen.base / "live"
    return {re.sub(r"/[0-9a-f]{24,}|\.log\.\d+", "", str(path.relative_to(live))) for path in live.rglob("*")}


def half(specimen: Specimen) -> Iterator[str]:
    """Files of ours that are neither old nor new: they do not parse, or miss what they always have."""
    live = specimen.base / "live"
    for path in live.rglob("*"):
        if not path.is_file() or path.name.startswith("."):
            continue
        text = path.read_text("utf-8", "replace")
        name = str(path.relative_to(live))
        if path.suffix == ".json" and not _parses(text):
            yield f"{name} is no JSON: {text[:60]!r}"
        if name == "checkout/.dev/values" and not re.search(r"^TOKEN=\S{32,}$", text, re.MULTILINE):
            yield f"{name} has no TOKEN: {text[:60]!r}"
        if name == "checkout/conf/app.ini" and text != "greeting = hello\n":
            yield f"{name} is half: {text!r}"
        if name == "checkout/desired_state.lock" and ("schema" not in text or not text.endswith("\n")):
            yield f"{name} is half: {text[-60:]!r}"


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def judge(specimen: Specimen, command: Command, kind: str, number: int, after: set[str]) -> list[str] | None:
    """What is bad after a kill there; None if the command ended before."""
    prepare(specimen, command)
    calls = CALLS[kind]
    ran = traced(specimen, command.words, ["-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={number}"])
    if ran.code is None:
        return [f"hangs\n{ran.text}"]
    bad = [f"half a file: {each}" for each in half(specimen)]
    began = time.monotonic()
    again = specimen.run(*command.words.split())
    if again.code != 0:
        bad.append(f"a rerun ends with {again.code}\n{again.text}")
    if time.monotonic() - began > 20:
        bad.append(f"a rerun takes {time.monotonic() - began:.0f} s\n{again.text}")
    if more := {each for each in files(specimen) - after if "/cache/" not in each}:
        bad.append(f"left behind: {', '.join(sorted(more))}")
    if command.runs and (why := specimen.answers()):
        bad.append(f"after a rerun {why}\n{again.text}")
    if not command.words.startswith("clean"):
        stopped = specimen.run("stop")
        if stopped.code != 0:
            bad.append(f"stop ends with {stopped.code}\n{stopped.text}")
    if left := specimen.processes():
        bad.append(f"{len(left)} processes live: {[Path(f'/proc/{pid}/cmdline').read_bytes() for pid in left]}")
    return bad


def main(base: Path, port: int, names: list[str], share: int = 1) -> int:
    specimen = Specimen(base, port, debug=True)
    specimen.make()
    tried = held = 0
    for name, command in COMMANDS.items():
        if names and name not in names:
            continue
        found, after = points(specimen, command)
        specimen.run("stop")
        own = good = 0
        for kind, number in found[::share]:
            bad = judge(specimen, command, kind, number, after)
            own, good = own + 1, good + (not bad)
            for each in bad or []:
                print(f"BAD {name}, {kind} {number}: " + each.strip().replace("\n", "\n      | "), flush=True)
        print(f"{name}: tried {own}, held {good}", flush=True)
        tried, held = tried + own, held + good
    specimen.reset()
    print(f"tried {tried}, held {held}", flush=True)
    return int(held != tried)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[4:], int(sys.argv[3])))
