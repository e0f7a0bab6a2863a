"""G8: whatever has become of the journal, a repair goes on, and says at most once that it leaves no notes."""

from __future__ import annotations

import json
import subprocess
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.promises.damage import DAMAGE, DoesNotFit
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Untried, Verdict

STATE = "schema = 1\n[project]\nname = 'noted'\n[files]\n'a/b' = { content = 'one' }\n'c' = { content = 'two' }\n"
SAID = "the journal was not written"


def line(**record: object) -> bytes:
    """A line of a journal, whole."""
    body = json.dumps(record).encode()
    return b"%08x %s\n" % (zlib.crc32(body), body)


OPEN = line(kind="intent", id="files.c", change="make c", at=1.5, pid=1)
"""What an interrupted run leaves."""
BEFORE = {
    "an ended run": OPEN + line(kind="done", id="files.c", status="changed", at=2.5, pid=1),
    "an interrupted run": OPEN,
}
CONTENT: dict[str, bytes] = {
    "a torn last line": OPEN + OPEN[:20],
    "a torn first line": OPEN[20:] + OPEN,
    "a line with another sum": OPEN.replace(b"make", b"MAKE"),
    "no line feed at the end": OPEN[:-1],
    "only line feeds": b"\n" * 5000,
    "only zeros": bytes(300_000),
    "lines of a later version": line(kind="begin", version=9, steps=[{"id": "files.c"}]) * 10,
    "records of other types": line(kind=7, id=["files.c"], change=None) + line(kind="intent", id=None, change={}),
    "an intent of an unknown step": line(kind="intent", id="nothing.at.all", change="x"),
    "an intent without a change": line(kind="intent", id="files.c"),
    "an intent with escapes": line(kind="intent", id="files.c", change="\x1b[2J\u202e", at=-1e300),
    "a list": b"00000000 []\n",
    "deep brackets": b"0 " + b"[" * 300_000 + b"\n",
    "a long line": line(kind="intent", id="files.c", change="x" * 2_000_000),
    "many ended runs": BEFORE["an ended run"] * 20_000,
    "many interrupted runs": b"".join(line(kind="intent", id=f"files.{n}", change="x") for n in range(20_000)),
    "carriage returns": OPEN.replace(b"\n", b"\r\n"),
    "a byte order mark": b"\xef\xbb\xbf" + OPEN,
}


def _nothing(path: Path) -> None:
    """Its content is the damage."""


def _full(path: Path) -> None:
    """The journal's directory on a file system without space."""
    mount(path.parent, "size=64k")
    with open(path.parent / "filler", "wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass


def mount(place: Path, options: str) -> None:
    """A small file system in memory there; DoesNotFit where that is not allowed."""
    argv = ["mount", "-t", "tmpfs", "-o", f"{options},mode=700", "tmpfs", str(place)]
    if subprocess.run(argv, capture_output=True).returncode:
        raise DoesNotFit


def _append_only(path: Path) -> None:
    if subprocess.run(["chattr", "+a", str(path)], capture_output=True).returncode:
        raise DoesNotFit


OTHERS: dict[str, Callable[[Path], object]] = {
    "a link to a full device": lambda path: (path.unlink(), path.symlink_to("/dev/full")),
    "a link to a file of somebody": lambda path: (path.unlink(), path.symlink_to("../../theirs")),
    "a link to a directory": lambda path: (path.unlink(), path.symlink_to("..")),
    "append-only": _append_only,
    "a full disk": _full,
    "a directory with something in it": lambda path: (path.unlink(), (path / "below").mkdir(parents=True)),
}


@dataclass(frozen=True)
class JournalDamage:
    name: str = "G8"
    promised: str = "Whatever became of the journal, a repair goes on and says so once at most"
    category: Category = Category.DEPENDENCY
    sample: int = 4
    seconds: float = 60.0

    def cases(self, seed: int) -> Sequence[Case]:
        found = [Case(f"{before}, then {how}", (BEFORE[before], DAMAGE[how])) for before in BEFORE for how in DAMAGE]
        found += [Case(what, (content, _nothing)) for what, content in CONTENT.items()]
        return found + [Case(what, (OPEN, act)) for what, act in OTHERS.items()]

    def try_one(self, case: Case, place: Place) -> Verdict:
        (content, act), checkout, journal = case.value, place.checkout, place.checkout.path / ".dev/journal"
        checkout.write("desired_state.toml", STATE)
        checkout.write(".dev/journal", "").write_bytes(content)
        theirs = place.base / "theirs"
        theirs.write_text("kept")
        try:
            act(journal)
            return judge(place, theirs)
        except DoesNotFit:
            return Untried("not possible on this file system")
        finally:
            for undo in (["chattr", "-i", "-a", str(journal)], ["umount", str(journal.parent)]):
                subprocess.run(undo, capture_output=True)


def judge(place: Place, theirs: Path) -> Verdict:
    """Two repairs, with something to do for both."""
    root = place.checkout.path
    journal = root / ".dev/journal"
    for _ in range(2):
        before = state(journal)
        ran = place.dev("doctor", "--fix")
        said = (ran.out + ran.err).count(SAID)
        contents = [(root / name).read_text() if (root / name).is_file() else "" for name in ("a/b", "c")]
        fine = ran.code == 0 or (ran.code == 4 and "✗ journal " in ran.out)  # what a person has to move away is named
        if not fine or contents != ["one", "two"]:
            return Broken(f"ends with {ran.code}, and has written {contents}\n{ran.out}{ran.err}")
        noted = state(journal) != before
        if said != (0 if noted else 1):
            return Broken(
                f"{'noted' if noted else 'not noted'}, and said {said} times that it was not\n{ran.out}{ran.err}"
            )
        if theirs.read_text() != "kept":
            return Broken("it wrote into a file of somebody else")
        (root / "c").unlink()
    return Held()


def state(path: Path) -> tuple[int, ...] | None:
    """What changes with each note in the file; None where there is none, or an empty one."""
    try:
        about = path.lstat()
    except FileNotFoundError:
        return None
    return (about.st_ino, about.st_size, about.st_mtime_ns) if about.st_size else None


PROMISE = JournalDamage()
