"""Pinned tools: one version each in the per-user store, or a matching one that is on PATH already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.compose
import facts.docker
import facts.tools
from converge import tools, trust
from converge.context import ConvergeContext
from converge.pins import providers
from converge.steps import Item, Step
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

UNASKED = ("postgres", "pubsub-emulator", "docker-compose", "debugpy")
"""Never taken from PATH: the embedded ones and libraries are those of the store, Compose has places of its own."""
BUILT = ("air", "delve", "pubsub-emulator", "docker-compose")
"""Tools that may have to be built with Go."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """One look per tool: the store's marker, else what is on PATH."""
    wanted = _wanted(context)
    looks = [_probe(context, tool, version) for tool, version in wanted.items()]
    if "docker-compose" in wanted:
        looks += [facts.docker.probe(), facts.compose.probe(tools.versions())]
    return looks


def _probe(context: ConvergeContext, tool: str, version: str) -> AnyProbe:
    """One look; a checkout that is not trusted cannot choose which program of PATH is asked for its version."""
    marker = tools.home(tool, version) / tools.COMPLETE
    versions = facts.tools.Versions(context.instance.dev / "cache" / "versions.json")
    if not os.path.exists(marker) and (copy := tools.managed(tool, version)):
        return LocalProbe(f"tools.{tool}", lambda: facts.tools.Tool(copy[0], str(copy[1])))
    if context.loaded.trusted:
        return facts.tools.probe(
            tool, version, marker, _command(context, tool, version), versions, tools.program(tool)
        )  # fmt: skip
    if tool not in facts.tools.KNOWN and not os.path.exists(marker):
        return LocalProbe(f"tools.{tool}", lambda: Unknown(trust.WHY))
    return facts.tools.probe(tool, version, marker, _command(context, tool, version), program=tools.program(tool))


def _wanted(context: ConvergeContext) -> dict[str, str]:
    """Every tool; for a platform that runs in containers alone only what drives those."""
    wanted = tools.wanted(context.desired)
    return {t: v for t, v in wanted.items() if t == "docker-compose"} if context.purpose == "containers" else wanted


def _command(context: ConvergeContext, tool: str, version: str) -> str:
    if tool in UNASKED or _later(context, tool):
        return ""
    return tools.on_path(tool, version) or tool


def _later(context: ConvergeContext, tool: str) -> bool:
    """Whether it is needed only for debugging."""
    return tool in tools.DEBUGGERS and tool not in context.debuggers


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each tool: ok where the store has it or PATH's version satisfies the pin."""
    for tool, version in _wanted(context).items():
        name, source, found = f"tools.{tool}", context.loaded.source(f"tools.{tool}"), observation[f"tools.{tool}"]
        if tool == "docker-compose":
            yield from _compose(context, observation)
        elif isinstance(found, Unknown):
            yield Item(name, "tools", "unknown", "?", version, found.because, _hint(context), source)
        elif found.provider or (found.version and tools.matches(found.version, version)):
            where = f" ({found.path})" if found.path else ""
            yield Item(name, "tools", "ok", found.version + where, version, source=source)
        elif _later(context, tool):
            because = "./dev debug installs it when it is first needed"
            yield Item(name, "tools", "skipped", "absent", version, because, source=source)
        else:
            because = f"PATH has {found.version}" if found.version else "it is neither in the store nor on PATH"
            because = f"{found.path} does not say its version" if found.path and not found.version else because
            because = f"it is damaged: {found.damage}" if found.damage else because
            have = "damaged" if found.damage else found.version or "absent"
            yield Item(
                name, "tools", "drift", have, version, because, source=source,
                step=_install(tool, version, because, _builder(context, tool)),
            )  # fmt: skip


def _hint(context: ConvergeContext) -> str:
    """How to see more."""
    return "" if context.loaded.trusted else trust.hint(context.instance.checkout)


def _compose(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """The store's Compose: only where the user's plugin will not do, and not before there is an engine to speak to."""
    name, want, source = "tools.docker-compose", tools.compose_want(context.desired), context.loaded.source("docker")
    stored, plugin, engine = observation[name], observation["docker.plugin"], observation["docker"]
    unknown = next((fact for fact in (stored, plugin, engine) if isinstance(fact, Unknown)), None)
    if unknown:
        yield Item(name, "tools", "unknown", "?", want, because=unknown.because, source=source)
    elif plugin.version and tools.satisfies(plugin.version, want):
        return
    elif version := tools.stored_version(context.desired, stored):
        yield Item(name, "tools", "ok", version, want, source=source)
    elif stored.damage:
        because = f"it is damaged: {stored.damage}"
        step = _install("docker-compose", tools.COMPOSE, because)
        yield Item(name, "tools", "drift", "damaged", want, because, source=source, step=step)
    elif engine.state not in ("ready", "denied"):
        yield Item(name, "tools", "skipped", "absent", want, "there is no Docker engine to use it with", source=source)
    else:
        because = (
            f"{plugin.path} is {plugin.version or 'of unknown version'}" if plugin.path else "there is no Compose v2"
        )
        step = _install("docker-compose", tools.COMPOSE, because)
        yield Item(name, "tools", "drift", plugin.version or "absent", want, because, source=source, step=step)


def _builder(context: ConvergeContext, tool: str) -> tuple[str, ...]:
    """The tools without which this one cannot be installed."""
    entry = providers.of(context.desired, tool)
    return {"go": ("tools.go",), "npm": ("tools.node",)}.get(providers.kind(entry), ()) if entry else ()


def _install(tool: str, version: str, because: str, after: tuple[str, ...] = ()) -> Step:
    return Step(
        f"tools.{tool}", "tools", f"install {tool} {version} into the store", because,
        after=("tools.go",) if tool in BUILT else after, args={"tool": tool, "version": version},
    )  # fmt: skip


def apply(step: Step, machine: Machine) -> None:
    """Download, check, unpack."""
    from converge import supply  # saves 4 ms where nothing is installed

    supply.install(step.args["tool"], step.args["version"], machine)
