"""A scratch worktree in which `bench/mutants.py` runs tests on a changed module, and can harm nothing else."""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import TOOL
from bench.mutations import changes
from converge.instance import store

ISOLATED = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c")


@dataclass
class Scratch:
    """A worktree of what is committed, in which one mutant at a time is applied."""

    path: Path
    number: int
    mutants: int = 0
    process: subprocess.Popen[bytes] | None = None
    ended: bool = False

    def run(self, tests: Sequence[str], limit: float, workers: int = 1) -> tuple[int | None, str]:
        """Exit code of pytest, None at the time limit, and the test that failed."""
        argv = [sys.executable, "-m", "pytest", "-x", "-q", "-n0", "-p", "no:cacheprovider", *tests]
        if isolation():
            quoted = [f"mount --bind '{at}' '{at}' && mount -o remount,ro,bind '{at}'" for at in read_only()]
            # the shell stays as process 1: it reaps what the tests leave
            argv = [*ISOLATED, " && ".join([*quoted, '"$@"']) + "; exit $?", "sh", *argv]
        env = {**os.environ, "TMPDIR": str(self.path.parent)}
        if workers > 1:  # tests draw their ports by these two
            env |= {"PYTEST_XDIST_WORKER": f"gw{self.number}", "PYTEST_XDIST_WORKER_COUNT": str(workers)}
        with (self.path.parent / "said").open("w+") as said:
            self.process = subprocess.Popen(
                argv, cwd=self.path, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
            code: int | None = None
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(limit)
            with contextlib.suppress(ProcessLookupError):  # what the tests left in their group, too
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            if self.ended:
                raise KeyboardInterrupt
            said.seek(0)
            found = re.search(r"^(?:FAILED|ERROR) (\S+)", said.read(), re.MULTILINE)
        return code, found[1] if found else ""

    def mutate(self, path: str, number: int, mark: Path) -> None:
        """Apply a change of a module, by its number; `mark` is the file that tells that it was reached."""
        module = ast.parse((self.path / path).read_text("utf-8"))
        changes(module)[number].apply(str(mark))
        (self.path / path).write_text(ast.unparse(module), "utf-8")
        self.mutants += 1  # bytecode is told from stale one by size and by second
        os.utime(self.path / path, (1e9 + self.mutants, 1e9 + self.mutants))

    def end(self) -> None:
        """Kill the tests that run here, whose result is then not used."""
        self.ended = True
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    def restore(self) -> None:
        git("reset", "-q", "--hard", at=self.path)
        git("clean", "-fdq", at=self.path)


@functools.cache
def isolation() -> bool:
    """Whether this machine gives the tests namespaces of their own."""
    if not shutil.which("unshare"):
        return False
    return not subprocess.run([*ISOLATED, "mount --bind /tmp /tmp"], capture_output=True).returncode


def read_only() -> list[Path]:
    """What no mutant may write to: this checkout, the environments and the store of tools."""
    return [path for path in (TOOL, Path(sys.prefix).parent, store()) if path.exists()]


def git(*argv: str, at: Path = TOOL) -> str:
    return subprocess.run(["git", "-C", str(at), *argv], check=True, capture_output=True, text=True).stdout


@contextlib.contextmanager
def scratch(number: int) -> Iterator[Scratch]:
    """A worktree in a directory of its own, which is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="dev-mutants-", ignore_cleanup_errors=True) as place:
        path = Path(place) / "tree"
        git("worktree", "add", "--detach", str(path), "HEAD")
        try:
            (path / ".dev").mkdir()
            if (venv := Path(sys.prefix).parent / "venv").exists():  # for tests that run ./dev
                (path / ".dev/venv").symlink_to(venv)
            yield Scratch(path, number)
        finally:
            git("worktree", "remove", "--force", "--force", str(path))
