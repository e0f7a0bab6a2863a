"""Runs looking commands of ./dev, each in a child process of one Python that has imported them: no start-up to pay.

Reads jobs as JSON from stdin, and prints as JSON what became of each command.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

TOOL = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOOL))
PATIENCE = 60.0
"""Seconds after which a command hangs; a look gives up on a program after ten."""
LOOKS = ("status", "doctor", "logs", "facts", "env", "stop")


class Adapters:
    """In place of pydantic's `TypeAdapter`: each is made once, and not again in every child process."""

    def __init__(self, real: Any) -> None:
        self.real, self.made = real, dict[Any, Any]()

    def __call__(self, kind: Any) -> Any:
        if kind not in self.made:
            self.made[kind] = self.real(kind)
        return self.made[kind]

    def __getitem__(self, kind: Any) -> Any:
        return self.real[kind]


def child(job: dict[str, Any], argv: list[str], out: Path, err: Path) -> None:
    """The command as the launcher would run it there; does not return."""
    code = 99
    try:
        os.setsid()
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.environ.clear()
        os.environ.update(job["env"])
        os.chdir(job["cwd"])
        sys.argv = ["./dev", *argv]
        code = importlib.import_module("cli.main").main(argv)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def wait(pid: int) -> int | None:
    """Its exit code; None if it did not end in time."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def main() -> None:
    """Every command of every job, one after the other."""
    for name in LOOKS:
        importlib.import_module(f"cli.{name}")
    for name in ("converge.confined", "cli.gate", "cli.trust", "runtime.docker.compose", "runtime.routes.owner_map"):
        importlib.import_module(name)
    for modules in (importlib.import_module("converge.operations").OPERATIONS, sys.modules["runtime.provision"].NOUNS):
        for name in modules.values():
            importlib.import_module(name)
    pydantic = importlib.import_module("pydantic")
    vars(pydantic)["TypeAdapter"] = Adapters(pydantic.TypeAdapter)
    schema = importlib.import_module("converge.schema")
    schema.parse((TOOL / "desired_state.toml").read_bytes())  # what a first reading imports
    directory, jobs = Path(sys.argv[1]), json.load(sys.stdin)
    found = []
    gc.freeze()
    for job in jobs:
        for argv in job["commands"]:
            out, err = directory / "out", directory / "err"
            pid = os.fork()
            if not pid:
                child(job, argv, out, err)
            code = wait(pid)
            said = {path.name: path.read_text("utf-8", "backslashreplace") for path in (out, err)}
            found.append({"name": job["name"], "argv": argv, "code": code, **said})
    print(json.dumps(found))


if __name__ == "__main__":
    main()
