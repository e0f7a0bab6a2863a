"""What the machine itself must offer: disk, memory, limits, and a checkout where file watching works."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import facts.machine
from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

KEYS = {
    "disk_free": "free space on the disk of the checkout: docs/how-to/disk.md",
    "memory": "close programs that use much of it, or use a larger machine",
    "open_files": "raise it: `ulimit -n` for this shell, /etc/security/limits.conf permanently",
    "inotify_watches": "raise it permanently: fs.inotify.max_user_watches in /etc/sysctl.d",
}
"""Key of [machine] -> what helps where it falls short."""
WATCHES, INSTANCES = "fs.inotify.max_user_watches", "fs.inotify.max_user_instances"
UNITS = {"": 1, "B": 1} | {
    unit + suffix: base**power
    for power, unit in enumerate("KMGT", start=1)
    for suffix, base in (("B", 1000), ("iB", 1024))
}
OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, "==": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """What is declared, and the kind of disk that the checkout is on."""
    wanted = {f"machine.{key}" for key in KEYS if getattr(context.desired.machine, key)} | {"machine.surroundings"}
    wanted |= {"machine.inotify_instances"} if context.desired.services else set()
    return [probe for probe in facts.machine.probes(str(context.instance.checkout)) if probe.name in wanted]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each declared requirement, and on WSL the disk of the checkout."""
    for key, hint in KEYS.items():
        want = getattr(context.desired.machine, key)
        if want is None:
            continue
        found, source = observation[f"machine.{key}"], context.loaded.source(f"machine.{key}")
        name = f"machine.{key}"
        if isinstance(found, Unknown):
            yield Item(name, "machine", "unknown", "?", want, found.because, source=source)
        elif found is None or satisfies(found, want):
            yield Item(name, "machine", "ok", shown(found, want), want, source=source)
        else:
            yield _short(name, key, found, want, hint, source)
    instances = observation.get("machine.inotify_instances")
    if isinstance(instances, facts.machine.Instances) and instances.used_up:
        yield _used_up(instances.limit)
    surroundings = observation["machine.surroundings"]
    if not isinstance(surroundings, Unknown) and "wsl" in surroundings:
        drive = re.match(r"/mnt/[a-z](/|$)", str(context.instance.checkout))
        yield Item(
            "machine.checkout", "machine", "manual" if drive else "ok",
            "a Windows drive" if drive else "the Linux file system", "the Linux file system",
            "file watching does not work there, and every access is slow" if drive else "",
            "clone it again below your Linux home directory" if drive else "", code="wsl-drive" if drive else "",
        )  # fmt: skip


def _used_up(limit: int) -> Item:
    """Only said where it is so: what watches files then ends, or sees no change any more."""
    name, fresh = "machine.inotify_instances", max(1024, 2 * limit)
    because = "other programs of this user have all of them, and a reloader sees no change of a file without one"
    by_hand = f"sudo sysctl -w {INSTANCES}={fresh}"
    step = Step(
        name, "machine", f"set {INSTANCES} to {fresh}", because, "system",
        args={"value": fresh, "key": INSTANCES}, by_hand=by_hand,
    )  # fmt: skip
    hint = f"end editors and watchers that you do not need, or {by_hand}"
    return Item(name, "machine", "drift", f"all {limit} used", "one free", because, hint, "", "machine-short", step)


def _short(name: str, key: str, found: int, want: str, hint: str, source: str) -> Item:
    because = "the machine has less"
    step = None
    if key == "inotify_watches" and want.strip().startswith(">"):
        value = int(amount(want)[1])
        by_hand = f"sudo sysctl -w {WATCHES}={value}"
        step = Step(
            name, "machine", f"set {WATCHES} to {value}", because, "system", args={"value": value}, by_hand=by_hand
        )
    text = shown(found, want)
    if step:
        return Item(name, "machine", "drift", text, want, because, hint, source, "machine-short", step)
    return Item(name, "machine", "manual", text, want, because, hint, source, "machine-short")


def amount(want: str) -> tuple[str, float]:
    """Operator and number of a comparison, units multiplied out."""
    sign, number, unit = re.fullmatch(r"\s*(>=|<=|==|>|<)\s*([\d.]+)\s*(\w*)\s*", want).groups()  # type: ignore[union-attr]
    return sign, float(number) * UNITS.get(unit, 1)


def satisfies(found: float, want: str) -> bool:
    """Whether the number is what the comparison asks for."""
    sign, number = amount(want)
    return OPERATORS[sign](found, number)


def shown(found: int | None, want: str) -> str:
    """The number in the unit of the comparison."""
    unit = re.sub(r"[^A-Za-z]", "", want)
    if found is None:
        return "unlimited"
    return f"{found / UNITS[unit]:.1f} {unit}" if unit in UNITS and unit else str(found)


def apply(step: Step, machine: Machine) -> None:
    """Raise the limit now and for the next boot."""
    machine.pyinfra("server.sysctl", key=step.args.get("key", WATCHES), value=step.args["value"], persist=True)
