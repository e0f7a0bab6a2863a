"""Results of a run, kept as one JSON object a line, so that an interrupted run can be continued."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.conftest import TOOL
from tests.promises.trial import Result


@dataclass
class Keep:
    """All results of one commit and one seed."""

    path: Path | None
    seed: int
    commit: str
    results: dict[tuple[str, str], Result] = field(default_factory=dict)
    """By promise and case."""

    @classmethod
    def of(cls, path: Path | None, seed: int) -> Keep:
        """What the file has of this commit and seed; results of others stay in it and are not counted."""
        made = cls(path, seed, commit())
        if path and path.exists():
            for line in path.read_text("utf-8").splitlines():
                entry = json.loads(line)
                if (entry.pop("commit"), entry.pop("seed")) == (made.commit, seed):
                    result = Result(**entry)
                    made.results[result.promise, result.case] = result
        return made

    def add(self, result: Result) -> None:
        """Keep one more."""
        self.results[result.promise, result.case] = result
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"commit": self.commit, "seed": self.seed, **asdict(result)}) + "\n")


def commit() -> str:
    """The commit of the working tree, with a plus if the tool's files differ from it."""
    return _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "-uno", "--", *CODE) else "")


CODE = ("cli", "converge", "facts", "runtime", "tests/promises", "dev")
"""What a verdict depends on."""


def machine() -> str:
    """The machine in some words, without its name."""
    who = "root" if os.geteuid() == 0 else "user"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {who}"


def date() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", TOOL, *words], capture_output=True, text=True, check=True).stdout.strip()
