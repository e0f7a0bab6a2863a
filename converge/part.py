"""The part of a desired state that some components need: what is prepared when they alone are started."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from converge import kinds
from converge.desired import EnvVar, Infra, Loaded, Ready, Service
from converge.installers import choice
from converge.installers.rows import ROWS
from facts.value import replace

BUILDERS = {"air": "go", "delve": "go", "pubsub-emulator": "go"}
"""Tool that is built on this machine -> the tool that builds it."""


def of(loaded: Loaded, names: Collection[str]) -> Loaded:
    """The same desired state without the other components, their tools, and the values that only they get."""
    desired = loaded.desired
    infra = {name: each for name, each in desired.infra.items() if name in names}
    services = {name: each for name, each in desired.services.items() if name in names}
    env = {name: variable for name, variable in desired.env.items() if not _only_others(variable, names)}
    kept = _tools(desired.tools, infra, services)
    reduced = replace(desired, infra=infra, services=services, env=env, tools=kept)
    declared = {f"{section}.{name}" for section, names in (("infra", infra), ("services", services)) for name in names}
    overrides = tuple(key for key in loaded.overrides if _applies(key, declared))
    return replace(loaded, desired=reduced, overrides=overrides)


def _applies(key: str, declared: Collection[str]) -> bool:
    """Whether an override is not of a component that was left out."""
    section, *rest = key.split(".")
    return section not in ("infra", "services") or ".".join((section, *rest[:1])) in declared


def _only_others(variable: EnvVar, names: Collection[str]) -> bool:
    """Whether a person has to give the value, and no component of these gets it."""
    asked_for = variable.required and variable.value is None and variable.generate is None
    return asked_for and bool(variable.only) and not set(variable.only) & set(names)


def _tools(tools: Mapping[str, str], infra: Mapping[str, Infra], services: Mapping[str, Service]) -> dict[str, str]:
    """Without tools that are known to serve other kinds only; a command of one's own may use any."""
    if any(map(_commands, infra.values())) or any(map(_commands, services.values())):
        return dict(tools)
    needed = {tool for service in services.values() for tool in _of_service(service)}
    needed |= {kinds.INFRA[kinds.of_infra(name, each.kind, each.run)].tool for name, each in infra.items()}
    needed |= {BUILDERS[tool] for tool in needed & BUILDERS.keys()}
    known = {tool for row in ROWS for tool in row.tools}
    known |= {kind.reloader for kind in kinds.SERVICES.values()}
    return {tool: version for tool, version in tools.items() if tool in needed or tool not in known}


def _of_service(service: Service) -> tuple[str, ...]:
    return (*choice.tools(service), kinds.SERVICES[service.kind].reloader)


def _commands(wants: Infra | Service) -> tuple[str, ...]:
    """What its entry says is to be run."""
    own = (wants.run,) if isinstance(wants, Infra) else (wants.dev, wants.debug, wants.migrate)
    return tuple(filter(None, (*own, (wants.ready or Ready()).exec)))
