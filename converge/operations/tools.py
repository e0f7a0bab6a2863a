"""Pinned tools: one version each in the per-user store, or a matching one that is on PATH already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.tools
from converge import tools
from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

UNASKED = ("postgres", "pubsub-emulator")
"""Never taken from PATH: the embedded ones are those of the store."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """One look per tool: the store's marker, else what is on PATH."""
    versions = facts.tools.Versions(context.instance.dev / "cache" / "versions.json")
    return [
        facts.tools.probe(tool, version, tools.home(tool, version) / tools.COMPLETE, _command(tool, version), versions)
        for tool, version in tools.wanted(context.desired).items()
    ]


def _command(tool: str, version: str) -> str:
    if tool in UNASKED:
        return ""
    return tools.on_path(tool, version) or tool


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each tool: ok where the store has it or PATH's version satisfies the pin."""
    for tool, version in tools.wanted(context.desired).items():
        name, source, found = f"tools.{tool}", context.loaded.source(f"tools.{tool}"), observation[f"tools.{tool}"]
        if isinstance(found, Unknown):
            yield Item(name, "tools", "unknown", "?", version, because=found.because, source=source)
        elif found.provider or (found.version and tools.matches(found.version, version)):
            where = f" ({found.path})" if found.path else ""
            yield Item(name, "tools", "ok", found.version + where, version, source=source)
        else:
            because = f"PATH has {found.version}" if found.version else "it is neither in the store nor on PATH"
            after = ("tools.go",) if tool in ("air", "pubsub-emulator") else ()
            step = Step(
                name, "tools", f"install {tool} {version} into the store", because, after=after,
                args={"tool": tool, "version": version},
            )  # fmt: skip
            yield Item(name, "tools", "drift", found.version or "absent", version, because, source=source, step=step)


def apply(step: Step, machine: Machine) -> None:
    """Download, check, unpack."""
    from converge import supply

    supply.install(step.args["tool"], step.args["version"], machine)
