"""Programs that restart a service when its source changes: which one runs, and whether its program has ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import PurePath
from typing import Literal

from facts import family
from facts.family import Member
from facts.value import dataclass

CONFIRM = 1.0
"""Seconds for which a reloader must be without its program: at each restart it is so for a moment."""
PAUSE = 0.2
"""Seconds between two looks while that is confirmed."""
BEGINS = 10.0
"""Age in seconds from which a reloader without a program is assumed to have had one, if the system does not say."""


@dataclass(frozen=True)
class Reloader:
    """A program that keeps running when the program that it started ends."""

    name: str
    """Its usual name."""
    program: str
    """The name of its file, without a suffix of a language."""
    words: tuple[str, ...] = ()
    """It reloads if it has one of these arguments; if empty, always."""
    chatter: str = ""
    """Regular expression of its own lines, as opposed to those of a compiler or of its program."""
    broken: str = ""
    """Regular expression of its line that reports a failed build."""
    good: str = ""
    """Regular expression of its line that reports the start of its program."""
    crashed: str = ""
    """Regular expression of its line that reports that its program did not end well; empty: it has none."""
    begins: float = 3.0
    """Seconds in which its program may not run yet, although it has run another one, for example ps or git."""


RELOADERS = (
    Reloader(
        "Air", "air", (), r"^(building|running|watching|!exclude|mkdir|cleaning|see you|failed to build|Process Exit)"
        r"|has changed$|built with Go|^[ _/|\\,.v\d-]*$", begins=5.0,
    ),
    Reloader(
        "./dev's rebuild", "rebuild", ("--build",),
        r"^(\./dev itself watches|the build failed|built|running$|the program)", r"^the build failed; waiting",
        r"^built, running", r"^the program ended with", begins=0.0,
    ),
    Reloader("uvicorn --reload", "uvicorn", ("--reload",), r"^INFO: |detected changes in|^(WARNING):"),
    Reloader("nodemon", "nodemon", (), r"^\[nodemon\]", crashed=r"^\[nodemon\] app crashed"),
    Reloader(
        "node --watch", "node", ("--watch", "--watch-path"), r"^(Failed running|Restarting|Completed running)",
        crashed=r"^Failed running",
    ),
    Reloader("tsx watch", "tsx", ("watch",), r"^\[tsx\]"),
    Reloader("ts-node-dev", "ts-node-dev", (), r"^\[(INFO|ERROR)\]"),
    Reloader("ts-node-dev", "tsnd", (), r"^\[(INFO|ERROR)\]"),
    Reloader("next dev", "next", ("dev",), begins=15.0),
    Reloader("cargo watch", "cargo-watch", (), r"^\[(Running|Finished running)"),
    Reloader("watchexec", "watchexec", (), r"^\[(Running|Command)"),
    Reloader("watchfiles", "watchfiles", (), r"^\[\d\d:\d\d:\d\d\]"),
    Reloader("watchmedo auto-restart", "watchmedo", ("auto-restart",)),
    Reloader("entr", "entr"),
    Reloader("reflex", "reflex", (), r"^\[\d\d\] "),
    Reloader("CompileDaemon", "CompileDaemon"),
    Reloader("gow", "gow", (), r"^\[gow\]"),
    Reloader("modd", "modd"),
)  # fmt: skip
"""The known reloaders; the command line tells which one runs."""
INTERPRETERS = ("node", "nodejs", "bun", "deno", "ruby", "perl", "sh", "bash", "dash", "env")
"""Programs that run the file of their first argument; so does Python, under many names."""
COMPILERS = {
    "go": ("build", "install"), "cargo": ("build", "run", "check", "b", "r"),
    "compile": (), "link": (), "asm": (), "cgo": (), "rustc": (), "cc1": (), "cc1plus": (), "collect2": (), "ld": (),
    "gcc": (), "g++": (), "cc": (), "clang": (), "javac": (), "kotlinc": (), "swiftc": (), "ghc": (), "zig": ("build",),
}  # fmt: skip
"""Program that compiles and then ends -> its commands that compile; if empty, it always compiles.

`cargo run` becomes the program that it has compiled, so as long as there is a cargo it compiles.
"""
HELPERS = ("multiprocessing.resource_tracker", "esbuild", "fsevents")
"""Words in the command line of helper processes, which outlive the program."""
State = Literal["", "compiling", "ended"]


@dataclass(frozen=True)
class Work:
    """What the processes of a component do. Empty: no known reloader or compiler."""

    state: State = ""
    reloader: Reloader | None = None
    seconds: float = 0.0
    """Seconds for which it has been compiling."""
    runs: bool = False
    """Whether another program runs while it compiles: that of the build before."""


def look(pid: int) -> Work:
    """What the child processes do; a reloader's program has ended if that stays so for CONFIRM seconds."""
    work = judge(family.of(pid))
    until = time.monotonic() + CONFIRM
    while work.state == "ended" and time.monotonic() < until:
        time.sleep(PAUSE)  # a restart is not announced: only a program that stays away has ended
        work = judge(family.of(pid))
    return work


def judge(tree: Sequence[Member]) -> Work:
    """The same at one moment. A tree with an unknown process has no ended program."""
    alive = [member for member in tree if not member.ended]
    found = [(member, reloader) for member in alive if (reloader := of(member.argv))]
    compilers = [member.age for member in alive if _compiles(member)]
    if compilers:
        return Work("compiling", found[-1][1] if found else None, max(compilers), _runs(alive))
    if not found:
        return Work()
    inner, by = found[-1]
    return Work("ended" if _is_alone(inner, by, tree) else "", by)


def _is_alone(inner: Member, by: Reloader, tree: Sequence[Member]) -> bool:
    """Whether only the reloader, its parents and its helpers run, although it has run a program."""
    if inner.age < by.begins:
        return False
    had = inner.had_children or inner.age > BEGINS or any(each.ended and each.parent == inner.pid for each in tree)
    known = {inner.pid, *_above(inner, tree)}
    return had and all(each.ended or each.pid in known or _helps(each) for each in tree)


def _runs(alive: Sequence[Member]) -> bool:
    """Whether there is a program besides reloaders and compilers, what these have started, and what started them."""
    busy, below = set[int](), set[int]()
    for member in alive:  # parents come first
        if _compiles(member) or member.parent in below:
            below.add(member.pid)
            busy |= {member.pid, *_above(member, alive)}
        elif of(member.argv):
            busy |= {member.pid, *_above(member, alive)}
    return any(member.pid not in busy and not _helps(member) for member in alive)


def of(argv: Sequence[str]) -> Reloader | None:
    """The reloader with this command line; None if it is not a known one."""
    name, rest = _program(argv)
    for reloader in RELOADERS:
        if reloader.program == name and (not reloader.words or any(_is(word, rest) for word in reloader.words)):
            return reloader
    return None


def _is(word: str, arguments: Sequence[str]) -> bool:
    return any(argument == word or argument.startswith(word + "=") for argument in arguments)


def _program(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Its name, past an interpreter, and its arguments."""
    if not argv:
        return "", ()
    name = _name(argv[0])
    if name not in INTERPRETERS and not name.startswith(("python", "pypy")):
        return name, argv[1:]
    for at, word in enumerate(argv[1:], 1):
        if word == "-m":
            return (_name(argv[at + 1]), argv[at + 2 :]) if at + 1 < len(argv) else ("", ())
        if word in ("-c", "-e"):
            return "", ()
        if name.startswith("node") and word.startswith("--watch"):
            return name, argv[1:]
        if not word.startswith("-"):
            return _name(word), argv[at + 1 :]
    return name, argv[1:]


def _name(path: str) -> str:
    pure = PurePath(path)
    return pure.stem if pure.suffix in (".js", ".mjs", ".cjs", ".py", ".rb", ".exe") else pure.name


def _compiles(member: Member) -> bool:
    name, rest = _program(member.argv)
    if name == "tsc":
        return not any(word in ("-w", "--watch") for word in rest)
    commands = COMPILERS.get(name)
    if commands is None:
        return False
    return not commands or (bool(rest) and next((word for word in rest if word[0:1] not in "-+"), "") in commands)


def _above(member: Member, tree: Sequence[Member]) -> set[int]:
    parents = {each.pid: each.parent for each in tree}
    found: set[int] = set()
    at = member.pid
    while (at := parents.get(at, 0)) in parents and at not in found:
        found.add(at)
    return found


def _helps(member: Member) -> bool:
    return any(word in argument for argument in member.argv for word in HELPERS)
