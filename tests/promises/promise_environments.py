"""What the caller's shell has set changes nothing of what is installed, built and made."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from converge.installers.place import NAME
from tests.conftest import NO_ENGINE, TOOL
from tests.promises import oracle, worlds
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Untried, Verdict
from tests.promises.worlds import World

COMMANDS = (("start",), ("lock", "--images"), ("test", "suite"), ("doctor",), ("stop",))
UNLIKE = ("/cache", "compile-cache", "__pycache__", ".lock", "/lock", "journal", "/values", ".programs", "instances",
          "uv_cache.json", "RECORD", "locks/", "desired_state.toml", "/.git/")  # fmt: skip
"""Parts of paths of files that no two runs make alike: times, random values, and what a program keeps for itself."""
Made = dict[str, tuple[str, int, str]]
"""Path -> kind, mode and content."""
CLEAN: Made = {}
"""What a clean environment makes; found once in each process."""


@dataclass(frozen=True)
class Environments:
    name: str = "environments"
    promised: str = "start, lock and test give the same trees in any shell: variables, umask, locale, limits, signals"
    category: Category = Category.CONDITION
    sample: int = 3
    seconds: float = 120.0

    def cases(self, seed: int) -> Sequence[Case]:
        return [Case(name, world) for name, world in worlds.WORLDS.items()]

    def try_one(self, case: Case, place: Place) -> Verdict:
        if lacking := worlds.lacking():
            return Untried(lacking)
        if not CLEAN:
            made, problem = _made(place, "clean", World())
            if problem:
                return Untried(f"it fails in a clean environment, too: {problem}")
            CLEAN.update(made)
        found, problem = _made(place, "other", case.value)
        if problem:
            return Broken(problem)
        wrong = [
            f"{name}: {CLEAN.get(name)} became {found.get(name)}"
            for name in sorted(CLEAN.keys() | found.keys())
            if CLEAN.get(name) != found.get(name)
        ]
        return Broken("\n".join(wrong[:20])) if wrong else Held()


def _made(place: Place, name: str, world: World) -> tuple[Made, str]:
    """What the commands make in this world, and which of them failed."""
    base = place.base / name
    checkout = worlds.specimen(base, place.port if name == "clean" else place.port + 1)
    env = {**worlds.clean(base), "DEV_STORE": str(base / "store"), "DOCKER_HOST": NO_ENGINE}
    given = {name: value for name, value in {**env, **world.variables(base)}.items() if value is not None}
    for command in COMMANDS:
        argv = ["/bin/sh", "-c", f'{world.shell or ":"}\nexec "$@"', "sh", str(TOOL / "dev"), "-C", str(checkout)]
        ran = subprocess.run(
            [*argv, *command], env=given, cwd=base, capture_output=True, text=True, errors="replace",
            timeout=place.left, preexec_fn=world.prepare,
        )  # fmt: skip
        if ran.returncode or "Traceback" in ran.stderr:
            return {}, f"./dev {' '.join(command)} ended with {ran.returncode}: {ran.stdout[-500:]}{ran.stderr[-1500:]}"
    if os.path.lexists(evil := worlds.EVIL.format(junk=base / "junk")):
        return {}, f"something was put into {evil}"
    made: Made = {}
    for room, root in (("checkout", checkout), ("store", base / "store")):
        for path, entry in oracle.tree(root, lambda path: any(part in f"/{path}" for part in UNLIKE)).items():
            content = _hash(root / path, base) if entry.kind == "file" else entry.content.replace(str(base), "@")
            made[f"{room}/{path}"] = (entry.kind, entry.mode, content)
    return made, ""


def _hash(file: Path, base: Path) -> str:
    """Of its content, in which the place of this case is `@`; without what each installation has alone."""
    content = file.read_bytes().replace(os.fsencode(base), b"@")
    if file.name == NAME:
        content = b"".join(content.splitlines()[:2])
    return hashlib.sha256(content).hexdigest()[:16]


PROMISE = Environments()
