"""Pinned tools: one version each in the per-user store, or a matching one that is on PATH already."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from converge import tools
from converge.context import ConvergeContext
from converge.machine import Machine
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation, Probe
from facts.value import Unknown

ASK = {"go": "go version", "air": "air -v", "python": "python3 --version", "postgres": ":", "pubsub-emulator": ":"}
"""How a tool on PATH tells its version; others answer to --version."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """One look per tool: the store's marker, else what is on PATH."""
    return [_probe(tool, version) for tool, version in tools.wanted(context.desired).items()]


def _probe(tool: str, version: str) -> Probe:
    marker = tools.home(tool, version) / tools.COMPLETE
    ask = ASK.get(tool, f"{shlex.quote(tool)} --version")
    if tool == "python":
        ask = f"command -v python{version} >/dev/null && python{version} --version || python3 --version"
    sh = f"if [ -f {shlex.quote(str(marker))} ]; then echo store {version}; else {ask}; fi"
    return Probe(f"tools.{tool}", sh, _version, slow=True)


def _version(text: str) -> str | None:
    """`1.26.8`, prefixed by `store ` where it is ours; None where there is none."""
    if text.startswith("store "):
        return text.strip()
    found = re.search(r"\d+(?:\.\d+)+", text)
    return found.group() if found else None


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each tool: ok where the store has it or PATH's version satisfies the pin."""
    from converge.supply import matches

    for tool, version in tools.wanted(context.desired).items():
        name, source, found = f"tools.{tool}", context.loaded.source(f"tools.{tool}"), observation[f"tools.{tool}"]
        if isinstance(found, Unknown):
            yield Item(name, "tools", "unknown", "?", version, because=found.because, source=source)
        elif found and found.startswith("store "):
            yield Item(name, "tools", "ok", version, version, source=source)
        elif found and matches(found, version):
            yield Item(name, "tools", "ok", f"{found} on PATH", version, source=source)
        else:
            because = f"PATH has {found}" if found else "it is neither in the store nor on PATH"
            after = ("tools.go",) if tool in ("air", "pubsub-emulator") else ()
            step = Step(
                name, "tools", f"install {tool} {version} into the store", because, after=after,
                args={"tool": tool, "version": version},
            )  # fmt: skip
            yield Item(name, "tools", "drift", found or "absent", version, because, source=source, step=step)


def apply(step: Step, machine: Machine) -> None:
    """Download, check, unpack."""
    from converge import supply

    supply.install(step.args["tool"], step.args["version"], machine)
