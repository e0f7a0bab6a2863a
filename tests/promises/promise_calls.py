"""G4: whatever a program, the Docker engine or a package index does once, the tool says it, and the next run heals."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import artefacts
from tests.promises import faults
from tests.promises.commands import World, compare
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Untried, Verdict
from tests.promises.small import NO_REDIS, Small, small

PROGRAMS = ("git", "ls", "sha256sum", "cat", "redis-server", "cmp", "python3", "id", "uname", "df")
"""Programs that some command of the small platform runs by name, found by `strace -f -e trace=execve`."""
HOWS = ("fails", "hangs", "garbage", "killed")
COMMANDS = ("start", "doctor --fix", "doctor", "status", "stop")
CALLS = 2
"""How many calls of a program are tried, one after the other, in a case of its own each."""
REPAIRS = {"git": 2, "ls": 2, "sha256sum": 2, "cmp": 1}
CALLED = {
    "start": {"git": 2, "ls": 2, "sha256sum": 2, "redis-server": 1, "python3": 2, "uname": 2},
    "doctor --fix": REPAIRS, "doctor": REPAIRS, "status": {"cmp": 1}, "stop": {"cmp": 1},
}  # fmt: skip
"""Command -> how many of these calls it makes for certain; the sample has no others."""
NOT_TRIED = {("cmp", "hangs"), ("cmp", "garbage")}
"""Not tried: the launcher asks `cmp -s` whether two local files are equal, which says nothing and ends."""
WORKS = ("status", "stop", "doctor")
"""Commands given to a platform that runs."""
CODES = {0, 2, 3, 4, 5, 75}
TOOL = '[tools]\nhello = "1.0"\n'


@dataclass(frozen=True)
class Calls:
    """Each call of a program, each answer of an engine, each answer of an index."""

    name: str = "G4"
    promised: str = (
        "A program, engine or index that fails, hangs or answers garbage once is named, and the next run heals"
    )
    category: Category = Category.DEPENDENCY
    sample: int = 3
    seconds: float = 2100.0
    """A download that trickles is given up after half an hour."""

    def cases(self, seed: int) -> Sequence[Case]:
        programs = [
            Case(f"{argv}, {name} {how}, call {number}", ("program", argv, name, how, number),
                 slow=how == "hangs" or number >= CALLED[argv].get(name, 0))
            for argv in COMMANDS for name in PROGRAMS for how in HOWS for number in range(CALLS)
            if (name, how) not in NOT_TRIED
        ]  # fmt: skip
        slow = ("never answers", "answers slowly")
        engines = [
            Case(f"{argv}, engine: {how}", ("engine", argv, how), how in slow)
            for argv in COMMANDS for how in faults.SERVERS
        ]  # fmt: skip
        indexes = [Case(f"start, index: {how}", ("index", "start", how), True) for how in faults.SERVERS]
        return [*programs, *engines, *indexes]

    def try_one(self, case: Case, place: Place) -> Verdict:
        if NO_REDIS:
            return Untried(NO_REDIS)
        kind, argv, *rest = case.value
        it = small(place, redis=True)
        env = place.checkout.env
        if argv in WORKS:
            place.dev("start")
        with ExitStack() as stack:
            if kind == "program":
                if not (directory := faults.shim(place.base / "shim", *rest)):
                    return Untried(f"there is no {rest[0]}")
                place.checkout.env = {**env, "PATH": f"{directory}:{os.environ['PATH']}"}
            elif kind == "engine":
                place.checkout.env = {**env, "DOCKER_HOST": stack.enter_context(self._engine(rest[0]))}
            else:
                self._wants_a_tool(it)
                address = stack.enter_context(faults.tcp(faults.SERVERS[rest[0]]))
                place.checkout.env = {**env, **self._index(place, address)}
            ran = place.dev(*argv.split())
            if kind == "program" and faults.called(place.base / "shim") <= rest[2]:
                return Untried("it is not called so often")
            wrong = self._first(it, argv, ran.code, ran.err, ran.out)
        place.checkout.env = env
        return self._healed(it, kind, wrong)

    def _first(self, it: Small, argv: str, code: int, err: str, report: str) -> list[str]:
        """What the command said while something went wrong, beside what is so."""
        wrong = [] if code in CODES else [f"it ended with {code}: {err}"]
        if code == 0 and argv == "start":
            wrong += compare(it, World(frozenset(it.components), True, None))
        if code == 0 and argv == "stop":
            wrong += [f"stop left {each}" for each in it.place.processes()]
        if code == 0 and argv.startswith("doctor"):
            wrong += it.made()
        if code not in (0, 2) and "because" not in err + report:
            wrong.append(f"it ended with {code} and without a word")
        return wrong

    def _healed(self, it: Small, kind: str, wrong: list[str]) -> Verdict:
        place = it.place
        if kind == "index":
            artefacts.wheel(place.base / "index")
            with artefacts.index(place.base / "index") as address:
                place.checkout.env.update(self._index(place, address))
                again = place.dev("start")
        else:
            again = place.dev("start")
        wrong += [f"the next start ended with {again.code}: {again.err}"] if again.code else []
        wrong += compare(it, World(frozenset(it.components), True, None))
        return Broken("\n".join(wrong)) if wrong else Held()

    @contextmanager
    def _engine(self, how: str) -> Iterator[str]:
        """Its socket is in a short directory of its own: such a path has at most 107 bytes."""
        with tempfile.TemporaryDirectory(prefix="promises-") as directory, faults.unix(
            Path(directory) / "docker.sock", faults.SERVERS[how]
        ) as address:  # fmt: skip
            yield address

    def _wants_a_tool(self, it: Small) -> None:
        directory = it.place.base / "index"
        directory.mkdir()
        (it.path / "desired_state.lock").write_text(artefacts.lock(artefacts.wheel(directory)))
        state = it.path / "desired_state.toml"
        state.write_text(state.read_text() + TOOL)

    def _index(self, place: Place, address: str) -> dict[str, str]:
        return {
            "PIP_INDEX_URL": f"{address}/simple/", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1",
            "PIP_RETRIES": "0", "PIP_TIMEOUT": "3", "NO_PROXY": "127.0.0.1", "DEV_STORE": str(place.base / "store"),
        }  # fmt: skip


PROMISE = Calls()
