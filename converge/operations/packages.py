"""System packages, each wanted for a command it brings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.packages
from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

BY_HAND = {
    "apt": "sudo apt-get install -y --no-install-recommends {}",
    "dnf": "sudo dnf install -y {}",
    "pacman": "sudo pacman -S --noconfirm {}",
    "brew": "brew install {}",
}
"""Package manager -> what a person would type."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """The package manager, and one look per package."""
    looks = [
        facts.packages.probe(name, tuple(package.command.split("|")))
        for name, package in context.desired.packages.items()
    ]
    return [facts.packages.manager(), *looks] if looks else []


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each package: ok where one of its commands is on PATH."""
    for name, package in context.desired.packages.items():
        key, source, command = f"packages.{name}", context.loaded.source(f"packages.{name}"), package.command
        found, manager = observation[key], observation["packages.manager"]
        if isinstance(found, Unknown) or isinstance(manager, Unknown):
            unknown = found if isinstance(found, Unknown) else manager
            yield Item(key, "packages", "unknown", "?", command, unknown.because, source=source)
        elif found:
            yield Item(key, "packages", "ok", found, command, source=source)
        elif package.needed_for == "test" and context.purpose != "test":
            yield Item(key, "packages", "skipped", "absent", command, "only ./dev test needs it", source=source)
        elif manager is None or getattr(package, manager) is None:
            because = (
                f"no package name for {manager} is declared"
                if manager
                else "the package manager of this system is not supported"
            )
            if package.needed_for == "test":  # the tests that use it say so and are skipped
                yield Item(key, "packages", "skipped", "absent", command, because, source=source)
                continue
            hint = f"install {name} yourself so that {command} is on PATH"
            yield Item(key, "packages", "manual", "absent", command, because, hint, source, "package-missing")
        else:
            real = getattr(package, manager)
            step = Step(
                key, "packages", f"install the package {real} with {manager}", f"{command} is not on PATH", "system",
                args={"manager": manager, "package": real, "sudo": manager != "brew"},
                by_hand=BY_HAND[manager].format(real),
            )  # fmt: skip
            yield Item(
                key, "packages", "drift", "absent", command, "it is not on PATH", source=source,
                code="package-missing", step=step,
            )  # fmt: skip


def apply(step: Step, machine: Machine) -> None:
    """Install it by the system's own package manager."""
    manager, package = step.args["manager"], step.args["package"]
    machine.say(f"{manager} installs {package}")
    more = {"apt": {"update": True, "cache_time": 3600, "no_recommends": True}, "brew": {}}.get(manager, {})
    machine.pyinfra(f"{manager}.packages", packages=[package], **more)
