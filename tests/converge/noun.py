"""A noun for tests: files below the checkout that should exist, with every way to go wrong."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterable, Sequence

import facts.files
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.machine import Machine
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation

WANTED: dict[str, dict[str, object]] = {}
"""File -> how its step behaves: `after`, `reach` and `does`: write, nothing, fail, break, undo:OTHER, kill,
meet, sleep."""
TAKEN: list[str] = []
MET: list[str] = []
"""Steps that do `meet` and ran at the same time as another one."""
MEETING = threading.Barrier(2)
PATIENCE = 30.0
"""Seconds that a step waits for another one to meet."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    return [facts.files.probe(f"x.{name}", context.instance.checkout / name) for name in WANTED]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    for name, how in WANTED.items():
        key = f"x.{name}"
        if observation[key].kind == "file":
            yield Item(key, "x", "ok", "there", "there")
            continue
        step = Step(
            key, "x", f"write {name}", "it is absent", how.get("reach", "project"),  # type: ignore[arg-type]
            tuple(f"x.{other}" for other in how.get("after", ())), {"name": name}, by_hand=f"touch {name}",  # type: ignore[attr-defined]
        )  # fmt: skip
        yield Item(key, "x", "drift", "absent", "there", step=step)


def apply(step: Step, machine: Machine) -> None:
    name = step.args["name"]
    TAKEN.append(name)
    does = str(WANTED[name].get("does", "write"))
    if does == "fail":
        raise DevError("system-refused", f"{name} could not be written", because="it is a test")
    if does == "break":
        raise ZeroDivisionError("a bug")
    if does == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if does == "meet":
        with contextlib.suppress(threading.BrokenBarrierError):
            MEETING.wait(PATIENCE)
            MET.append(name)
    if does == "sleep":
        machine.run(["sleep", "60"])
    if does.startswith("undo:"):
        (machine.context.instance.checkout / does[5:]).unlink(missing_ok=True)
    if does != "nothing":
        machine.write(machine.context.instance.checkout / name, b"x")
