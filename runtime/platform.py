"""Look at, stop and restart a whole platform; stateless, so any run can go on where another ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from converge import leftovers
from converge.desired import Loaded, Service
from converge.errors import DevError
from converge.instance import EDGE, Instance
from facts.ports import HOME, owners
from runtime import health, placements
from runtime.component import Component, components, known


@dataclass(frozen=True)
class State:
    """One component, as looked up now."""

    name: str
    kind: str
    placement: str
    state: str
    port: int | None
    pid: int | None = None
    uptime_s: float | None = None
    restarts: int = 0
    reason: str | None = None
    debugger: int | None = None
    """Port of the debugger it is under."""

    def document(self) -> dict[str, Any]:
        """Its entry in `./dev status --json`."""
        address = f"127.0.0.1:{self.port}" if self.port else None
        return {
            "name": self.name, "kind": self.kind, "placement": self.placement, "state": self.state,
            "address": address, "port": self.port, "pid": self.pid, "uptime_s": self.uptime_s,
            "restarts": self.restarts, "reason": self.reason,
            "debugger": f"127.0.0.1:{self.debugger}" if self.debugger else None,
        }  # fmt: skip


def status(loaded: Loaded, instance: Instance) -> tuple[State, ...]:
    """Every declared component."""
    everyone = list(components(loaded, instance).values())
    hosts = _hosts(instance, everyone)
    listening = {(port, hosts.get(port, HOME)): found for port, found in owners(
        [component.port for component in everyone if component.port], hosts
    ).items()}  # fmt: skip
    found: dict[str, State] = {}
    problems: list[Exception] = []

    def one(component: Component) -> None:
        try:
            found[component.name] = look(loaded, component, listening)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=one, args=(component,)) for component in everyone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return tuple(found[component.name] for component in everyone)


def _hosts(instance: Instance, everyone: list[Component]) -> dict[int, str]:
    """Port -> where its process listens, for those that leave 127.0.0.1 to the edge."""
    if not instance.owner_map.exists():
        return {}
    from runtime import routing

    native = {name: route.host for name, route in routing.routes(instance).items() if route.owner == "native"}
    return {each.port: native[each.name] for each in everyone if each.port and each.name in native}


def look(
    loaded: Loaded, component: Component, listening: health.Listening = health.UNSEEN, timeout: float = 1.0
) -> State:
    """One component: who holds its lock, what its shim says, whether it is ready."""
    kind = "service" if component.is_service else "infra"
    seen = placements.look(component)
    told = seen.told
    reason, restarts = told.get("reason"), told.get("restarts", 0)
    if not seen.lives:
        state = "ready" if told.get("state") == "done" else "failed" if told.get("state") == "failed" else "stopped"
        if told.get("state") in ("running", "backoff"):
            reason = "it was killed together with its shim"
            if left := leftovers.of(component.instance, component.name):
                reason = f"its shim was killed; left over: {leftovers.described(left)}; ./dev stop ends them"
        state = "unknown" if told.get("state") == "lost" else state
        placement = seen.placement if state in ("ready", "unknown") else "none"
        return State(component.name, kind, placement, state, component.port, None, None, restarts, reason)
    missing = (
        health.why_not(loaded, component, seen, listening, timeout)
        if told.get("state") == "running" and not component.once
        else "starting"
    )
    uptime = round(time.time() - told.get("began", time.time()), 1)
    state = "starting" if missing else "ready"
    if seen.placement == "ide":
        state, missing = ("waiting" if missing else "ready"), _lent(component, missing)
    debugged = told.get("debug")
    if debugged:
        reason = "; ".join(filter(None, (reason, _debugged(component, told, missing))))
    return State(
        component.name, kind, seen.placement, state, component.port, told.get("pid"), uptime, restarts,
        reason or missing or None, debugged,
    )  # fmt: skip


def _debugged(component: Component, told: Mapping[str, Any], missing: str) -> str:
    """What a person wants to know of a service that is under its debugger."""
    from runtime import debugger

    where = f"under its debugger on 127.0.0.1:{told['debug']}"
    if not missing or told.get("state") != "running":
        return where
    if debugger.ended(component, told):
        return f"{where}, where its program has ended: ./dev debug {component.name} begins it again"
    return f"{where}; does not answer, as at a breakpoint: {missing}"


def _lent(component: Component, missing: str) -> str:
    """What a person wants to know of a service that is handed off."""
    from runtime import journal

    entry = journal.record(component.instance, component.name)
    until = f", until {journal.clock(entry.until)}" if entry and entry.until else ""
    where = f"{entry.host if entry else HOME}:{component.port}"
    who = f"waits for your process on {where}: {missing}" if missing else "your process has it"
    return f"handed off since {journal.clock(entry.since if entry else 0)}{until}; {who}"


def stop(loaded: Loaded, instance: Instance, names: list[str] | None) -> list[str]:
    """End the named components (without names: all, services before infrastructure); gives those that ran.

    One that cannot be ended keeps no other from it: its DevError is raised when all others are ended.
    """
    from concurrent.futures import ThreadPoolExecutor

    everyone = components(loaded, instance)
    wanted = [known(everyone, name) for name in names] if names else list(everyone.values())
    if not names:
        wanted = [*undeclared(everyone, instance), *wanted]
    ended: list[str] = []
    problems: list[DevError] = []

    def one(component: Component) -> None:
        try:
            lent = placements.of("ide").stop(component)
            ran = placements.stop(component)
            if leftovers.sweep(instance, component.name, component.wants.stop_grace) or ran or lent:
                ended.append(component.name)
            if component.is_service and names and instance.routes.exists():
                from runtime import routing

                routing.own(loaded, instance, component.name, "none")
        except DevError as problem:
            problems.append(problem)

    for group in ([c for c in wanted if c.is_service], [c for c in wanted if not c.is_service]):
        with ThreadPoolExecutor(max_workers=len(group) or 1) as pool:
            list(pool.map(one, group))
    if instance.routes.exists():
        from runtime import routing

        try:
            routing.settle(loaded, instance) if names else routing.close(instance)
        except DevError as problem:
            problems.append(problem)
    names = [component.name for component in wanted if component.name in ended]
    if problems:
        problems[0].hint += f"; stopped were {', '.join(names)}" if names else ""
        raise problems[0]
    return names


def undeclared(everyone: Mapping[str, Component], instance: Instance) -> list[Component]:
    """Components that live and that the desired state does not name any more, after a `git switch` for example."""
    try:
        names = {entry.name for entry in (instance.state / "run").iterdir()}
    except OSError:
        names = set()
    left = [Component(name, Service(kind="command"), instance) for name in sorted(names - everyone.keys() - {EDGE})]
    if instance.engine_record.exists():
        from runtime import boxes

        left += boxes.undeclared(everyone, instance)
    over = leftovers.everywhere(instance, ())
    return [component for component in left if component.name in over or placements.lives(component)]
