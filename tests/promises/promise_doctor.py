"""G9: doctor writes nothing, and its plan is exactly what a repair then does."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.conftest import TOOL, removed, wait_until
from tests.promises.commands import NOTES, unchanged
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Verdict
from tests.promises.small import Small, small

Harm = Callable[[Small], object]


def _unset_hooks(it: Small) -> None:
    subprocess.run(["git", "-C", it.path, "config", "--unset", "core.hooksPath"], check=True)


def _no_dev(it: Small) -> None:
    """Without their directory, supervisors end what they supervise, and then themselves."""
    removed(it.path / ".dev")
    wait_until(lambda: not it.place.processes(), 30)


def _declare(text: str) -> Harm:
    def act(it: Small) -> None:
        with (it.path / "desired_state.toml").open("a") as file:
            file.write(text)

    return act


DRIFTS: dict[str, tuple[Harm, tuple[str, ...]]] = {
    "nothing differs": (lambda it: None, ()),
    "a file is gone": (lambda it: (it.path / "conf/app.ini").unlink(), ("conf/app.ini",)),
    "a file is another one": (lambda it: (it.path / "conf/app.ini").write_text("x"), ("conf/app.ini",)),
    "a file is empty": (lambda it: (it.path / "conf/app.ini").write_text(""), ("conf/app.ini",)),
    "a file has another mode": (lambda it: (it.path / "conf/app.ini").chmod(0o666), ("conf/app.ini",)),
    "a directory is gone": (lambda it: (it.path / "conf/spool").rmdir(), ("conf/spool",)),
    "a directory has another mode": (lambda it: (it.path / "conf/spool").chmod(0o777), ("conf/spool",)),
    "both are gone": (lambda it: shutil.rmtree(it.path / "conf"), ("conf", "conf/app.ini", "conf/spool")),
    "values are gone": (lambda it: (it.path / ".dev/values").unlink(), (".dev/values",)),
    "values are empty": (lambda it: (it.path / ".dev/values").write_text(""), (".dev/values",)),
    "others can read the values": (lambda it: (it.path / ".dev/values").chmod(0o644), (".dev/values",)),
    "hooks are not set": (_unset_hooks, ()),
    "all of .dev is gone": (_no_dev, (".dev", ".dev/values")),
    "a file is declared": (_declare('[files."more/b"]\ncontent = "b"\n'), ("more", "more/b")),
    "a value is declared": (_declare('[env.MORE]\ngenerate = "token"\n'), (".dev/values",)),
    "a directory is declared": (_declare('[files."more/c"]\ndirectory = true\n'), ("more", "more/c")),
}
"""Drift -> how it comes about, and the paths that its repair may touch."""
WRITES = re.compile(
    r'(?:openat\([^"]*"(?P<opened>[^"]*)", [A-Z_|]*(?:O_WRONLY|O_RDWR|O_CREAT|O_TRUNC)'
    r'|\b(?:mkdir|rmdir|unlink|rename|chmod|symlink|link|truncate)\w*\([^"]*"(?P<changed>[^"]*)").* = \d'
)
"""A system call that wrote to a path, as strace prints it."""
FREE = ("/dev/", "/proc/", "/tmp/", "/var/tmp/")
"""Where a look may write: what is there is no state."""


@dataclass(frozen=True)
class Doctor:
    """Each drift of a platform that was whole, one that runs and one that does not."""

    name: str = "G9"
    promised: str = "`doctor` writes nothing but its cache, and lists exactly the steps that `doctor --fix` then does"
    category: Category = Category.DATA
    sample: int = 3
    seconds: float = 90.0

    def cases(self, seed: int) -> Sequence[Case]:
        runs = [Case(f"{name}, {how}", (name, how == "runs")) for name in DRIFTS for how in ("runs", "stopped")]
        return [*runs, *[Case(f"system calls of {argv}", argv) for argv in ("doctor", "doctor --json", "status")]]

    def try_one(self, case: Case, place: Place) -> Verdict:
        it = small(place)
        if isinstance(case.value, str):
            return self._traced(it, case.value)
        name, runs = case.value
        harm, paths = DRIFTS[name]
        place.dev("start" if runs else "doctor", *(() if runs else ("--fix",)))
        harm(it)
        before, living = place.tree(), place.processes()
        place.dev("doctor")
        seen = place.dev("doctor", "--json")
        wrong = unchanged(before, place.tree())
        wrong += [f"process {each}" for each in place.processes() ^ living]
        fixed = place.dev("doctor", "--fix", "--json")
        planned = sorted(step["id"] for step in seen.json["plan"])
        done = sorted(item["id"] for item in fixed.json["items"] if item["status"] == "changed")
        wrong += [f"planned {planned}"] if bool(planned) != (name != "nothing differs") else []
        wrong += [f"planned {planned}, did {done}"] if planned != done else []
        wrong += [f"the repair left {fixed.json['plan']}"] if fixed.code or fixed.json["plan"] else []
        touched = {line.rpartition(": ")[2] if line.startswith(("new", "gone")) else line.rpartition(": ")[0]
                   for line in unchanged(before, place.tree())}  # fmt: skip
        allowed = {str((it.path / path).relative_to(place.base)) for path in paths}
        wrong += [f"a repair touched {path}" for path in sorted(touched - allowed) if not _own(path)]
        wrong += it.made()
        return Broken("\n".join(wrong)) if wrong else Held()

    def _traced(self, it: Small, command: str) -> Verdict:
        """What strace sees of a second look; where there is no strace, the tree alone is compared."""
        it.place.dev("start")
        it.place.dev(*command.split())
        before = it.place.tree()
        if not shutil.which("strace"):
            it.place.dev(*command.split())
            wrong = unchanged(before, it.place.tree())
            return Broken("\n".join(wrong)) if wrong else Held()
        log = it.place.base / "trace"
        argv = [
            "strace",
            "-f",
            "-qq",
            "-e",
            "trace=%file",
            "-o",
            str(log),
            str(TOOL / "dev"),
            "-C",
            str(it.path),
            *command.split(),
        ]
        ran = subprocess.run(
            argv, env=it.place.checkout.environment(), cwd=it.path, timeout=it.place.left, capture_output=True
        )
        paths = [match["opened"] or match["changed"] for match in WRITES.finditer(log.read_text(errors="replace"))]
        wrong = [path for path in paths if not path.startswith(FREE) and "/cache/" not in path]
        inside = [path for path in paths if str(it.place.base) in path and not any(note in path for note in NOTES)]
        wrong += inside if ran.returncode == 0 else [f"it ended with {ran.returncode}", *inside]
        return Broken(f"{command} wrote {wrong}") if wrong else Held()


def _own(path: str) -> bool:
    """What a repair writes of its own: its journal, its locks, the cache."""
    return "/.dev/" in path and not path.endswith("/values")


PROMISE = Doctor()
