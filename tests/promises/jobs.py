"""Many cases, some at the same time: each worker is a process of its own, so that no case can end the run."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.conftest import TOOL
from tests.promises.keep import Keep
from tests.promises.place import sweep
from tests.promises.promise import Case, Promise
from tests.promises.trial import Result, attempt

GRACE = 60.0
"""Seconds beyond a case's own limit after which its worker is ended."""
Todo = tuple[str, str, float]
"""Promise, case, and what it may take in seconds."""


def run(promises: Mapping[str, Promise], cases: Mapping[str, Sequence[Case]], keep: Keep, jobs: int, seed: int) -> None:
    """Try what is not kept yet; one line for each broken case."""
    todo: queue.SimpleQueue[Todo] = queue.SimpleQueue()
    for name, some in cases.items():
        for case in some:
            if (name, case.id) not in keep.results:
                todo.put((name, case.id, max(promises[name].seconds, case.seconds)))
    print(f"{todo.qsize()} cases to try, {jobs} at the same time", file=sys.stderr)
    base = Path(tempfile.mkdtemp(prefix="promises-"))
    lock = threading.Lock()

    def serve(number: int) -> None:
        worker = Worker(base / str(number), seed, number, jobs)
        while True:
            try:
                name, case, seconds = todo.get_nowait()
            except queue.Empty:
                break
            result = worker.ask(name, case, seconds)
            with lock:
                keep.add(result)
                _tell(result, todo.qsize())
        worker.end()

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shutil.rmtree(base, ignore_errors=True)


def _tell(result: Result, left: int) -> None:
    if result.verdict != "held":
        print(f"{result.verdict}: {result.promise} {result.case}: {result.why}", file=sys.stderr)
    if left % 25 == 0:
        print(f"{left} left", file=sys.stderr)


class Worker:
    """A process that tries one case after the other; started again after it was ended."""

    def __init__(self, base: Path, seed: int, number: int, jobs: int) -> None:
        self.base, self.seed = base, seed
        # ports of its own: `ports` of tests/conftest.py divides them among workers of pytest-xdist
        self.env = {**os.environ, "PYTEST_XDIST_WORKER": f"gw{number}", "PYTEST_XDIST_WORKER_COUNT": str(jobs)}
        self.process: subprocess.Popen[str] | None = None

    def ask(self, name: str, case: str, seconds: float) -> Result:
        """What became of the case; a worker that ends or takes too long has broken it."""
        if self.process is None or self.process.poll() is not None:
            self.process = self._start()
        process = self.process
        assert process.stdin and process.stdout
        watch = threading.Timer(seconds + GRACE, process.kill)
        watch.start()
        try:
            process.stdin.write(json.dumps([name, case]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watch.cancel()
        if line:
            return Result(**json.loads(line))
        process.wait()
        self._sweep()
        return Result(name, case, "broken", f"its worker ended with {process.returncode}", seconds)

    def end(self) -> None:
        """End it; it has nothing to do."""
        if self.process and self.process.stdin:
            self.process.stdin.close()
            self.process.wait()

    def _start(self) -> subprocess.Popen[str]:
        self.base.mkdir(parents=True, exist_ok=True)
        argv = [sys.executable, "-m", "tests.promises", "--worker", str(self.base), "--seed", str(self.seed)]
        return subprocess.Popen(
            argv, cwd=TOOL, env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def _sweep(self) -> None:
        """End and remove what a worker left when it was ended."""
        for left in list(self.base.iterdir()):
            sweep(left)
            shutil.rmtree(left, ignore_errors=True)


def work(base: Path, promises: Mapping[str, Promise], seed: int) -> int:
    """Be a worker: a case a line from standard input, its result a line to standard output."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run is told, and ends it
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a case prints is no answer
    known = {name: {case.id: case for case in each.cases(seed)} for name, each in promises.items()}
    for line in sys.stdin:
        name, case = json.loads(line)
        answers.write(json.dumps(asdict(attempt(promises[name], known[name][case], base))) + "\n")
        answers.flush()
    return 0
