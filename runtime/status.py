"""What runs, as looked up now; nothing is stored, so each run can continue the work of an earlier one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from converge import own_files, threads
from converge.instance import Instance
from facts import processes
from facts.ports import HOME, owners
from facts.value import dataclass, field, replace
from runtime import health, placements
from runtime.component import Component
from runtime.handoff import record
from runtime.health import served
from runtime.placements.seen import Seen
from runtime.platform import Platform
from runtime.provision import notes

State = Literal[
    "ready", "starting", "compiling", "migrating", "unhealthy", "paused", "waiting", "restarting", "failed", "stopped",
    "unknown",
]  # fmt: skip
"""`unhealthy`: it was ready in this run of it, or something it needs is not ready; until then it is `starting`.
`waiting`: it is handed off, and no process of an IDE listens yet. `restarting`: it ended, and is started again."""


@dataclass(frozen=True)
class Status:
    """One component, as looked up now."""

    name: str
    kind: Literal["infra", "service"]
    placement: Literal["native", "docker", "ide", "none"]
    state: State
    port: int | None
    pid: int | None = None
    uptime_s: float | None = None
    restarts: int = 0
    reason: str = ""
    """Why it is not ready, and which of its needs are not; for a ready component further information."""
    debugger: int | None = None
    """Port of the debugger under which it runs."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Its named ports in this instance."""

    def document(self) -> dict[str, Any]:
        """Its entry in `./dev status --json`."""
        address = f"127.0.0.1:{self.port}" if self.port else None
        return {
            "name": self.name, "kind": self.kind, "placement": self.placement, "state": self.state,
            "address": address, "port": self.port, "pid": self.pid, "uptime_s": self.uptime_s,
            "restarts": self.restarts, "reason": self.reason or None,
            "debugger": f"127.0.0.1:{self.debugger}" if self.debugger else None, "ports": dict(self.ports),
        }  # fmt: skip


def status(platform: Platform) -> tuple[Status, ...]:
    """Every declared component."""
    components = list(platform.components.values())
    hosts = _hosts(platform.instance, components)
    ports = [component.port for component in components if component.port]
    listening = {(port, hosts.get(port, HOME)): found for port, found in owners(ports, hosts).items()}
    found: dict[str, Status] = {}

    def one(component: Component) -> None:
        found[component.name] = alone(platform, component, listening)

    threads.each(components, one)
    return tuple(among(component, found[component.name], found.__getitem__) for component in components)


def gateway(platform: Platform) -> Status | None:
    """The proxy in front of services in containers and of handed-off ones; None where no service needs it."""
    instance = platform.instance
    if not (instance.owner_map.exists() and instance.engine_record.exists()):
        return None
    from runtime.routes import gateway as proxy  # saves 30 ms of a status without an owner map
    from runtime.routes import owner_map  # saves 30 ms with the line above

    seen = placements.of("docker").look(proxy.component(instance))
    if seen.state == "absent" and "docker" not in owner_map.owners(instance).values():
        return None
    answers = seen.state == "running" and proxy.lives(instance)
    found = judge(proxy.component(instance), seen, "" if answers else "it does not answer on its socket")
    reason = found.reason if seen.lives else "; ".join(filter(None, (found.reason, "./dev start brings it back")))
    return replace(found, port=None, reason=reason)


def look(platform: Platform, component: Component, timeout: float = 1.0) -> Status:
    """One component; if it is not ready, with the state of its needs."""
    others = platform.components
    return among(component, alone(platform, component, timeout=timeout), lambda name: alone(platform, others[name]))


def alone(
    platform: Platform, component: Component, listening: health.Listening = health.UNSEEN, timeout: float = 1.0
) -> Status:
    """One component without its needs: whether a shim or an engine runs it, their report, whether it answers."""
    seen, verdict = placements.look(component), health.Verdict("ready")
    if seen.lives and seen.state == "running" and not component.once:
        verdict = health.judge(platform, component, seen, listening, timeout)
    missing = "" if verdict.state == "ready" else verdict.reason
    found = judge(
        component, seen, missing, served.ever(component, seen), _migrating(component), notes.trouble(component)
    )
    if found.state in ("starting", "unhealthy") and verdict.state in ("compiling", "failed", "unknown"):
        return replace(found, state=verdict.state, reason=verdict.reason)
    if found.state == "ready" and (more := verdict.reason or _outdated(component, seen)):
        found = replace(found, reason="; ".join(filter(None, (found.reason, more))))
    if found.state == "ready" and seen.lives:
        served.remember(component, seen)
    return found


def judge(
    component: Component, seen: Seen, missing: str = "", before: bool = False, migrates: float | None = None,
    trouble: str = "",
) -> Status:  # fmt: skip
    """The status that follows from the arguments. `missing` says why it is not ready, `before` whether it was ready
    earlier in this run of it, `migrates` for how many seconds its migration has been running, `trouble` why its
    provisioning or its migration failed."""
    kind: Literal["infra", "service"] = "service" if component.is_service else "infra"
    status = Status(
        component.name, kind, seen.placement, "stopped", component.port, restarts=seen.restarts, ports=component.ports
    )  # fmt: skip
    if migrates is not None:
        return replace(status, state="migrating", reason=f"its migration has run for {migrates:.0f} s")
    if not seen.lives:
        found = _ended(status, seen)
        return replace(found, state="failed", reason=trouble) if trouble and found.state != "unknown" else found
    status = replace(status, pid=seen.pid, uptime_s=_age(seen), debugger=seen.debug)
    if trouble:
        return replace(status, state="failed", reason=trouble)
    return _alive(status, component, seen, missing, before)


def _hosts(instance: Instance, components: list[Component]) -> dict[int, str]:
    """Port -> address on which its process listens, where the edge listens on 127.0.0.1."""
    if not instance.owner_map.exists():
        return {}
    from runtime.routes import owner_map  # saves 30 ms of a status without an owner map

    native = {name: route.host for name, route in owner_map.routes(instance).items() if route.owner == "native"}
    return {each.port: native[each.name] for each in components if each.port and each.name in native}


def _outdated(component: Component, seen: Seen) -> str:
    """That the container of a service runs an image of older sources."""
    if not seen.image or not component.is_service:
        return ""
    from runtime.docker import sources  # saves 2 ms of a status without services in Docker

    return sources.CHANGED if sources.changed(component, seen.image) else ""


def _migrating(component: Component) -> float | None:
    """For how many seconds its migration has been running; None if it does not run."""
    try:
        noted = own_files.document(component.directory / "migrating.json")
        pid, start, began = int(noted["pid"]), int(noted["start"]), float(noted["began"])
    except (OSError, ValueError, TypeError, KeyError, OverflowError):
        return None
    process = processes.read(pid)
    runs = process is not None and process.lives and process.start == start  # the number may be another's by now
    return max(0.0, time.time() - began) if runs else None


def _ended(status: Status, seen: Seen) -> Status:
    """The status of a component that does not run."""
    if seen.state == "lost":
        return replace(status, state="unknown", reason=seen.reason)
    if seen.state == "done":
        return replace(status, state="ready", reason=seen.reason)
    killed = "it was killed together with its shim" if seen.state in ("running", "backoff") else ""
    state: State = "failed" if seen.state == "failed" else "stopped"
    return replace(status, placement="none", state=state, reason=seen.reason or killed)


def _alive(status: Status, component: Component, seen: Seen, missing: str, before: bool) -> Status:
    """The status of a component that runs, or that its shim or its engine starts again."""
    if seen.state == "backoff":
        return replace(status, state="restarting", reason=seen.reason or "it will be started again shortly")
    if seen.state == "paused":
        return replace(status, state="paused", reason=f"{seen.reason}; docker unpause resumes it")
    if component.once or seen.state != "running":
        return replace(status, state="starting", reason=seen.reason or "it has not ended yet")
    if seen.placement == "ide":
        return replace(status, state="waiting" if missing else "ready", reason=_handed_off(component, missing))
    words = (seen.reason, _debugged(component, seen, missing) if seen.debug else missing)
    reason = "; ".join(filter(None, words))
    if not missing:
        return replace(status, state="ready", reason=reason)
    broke = before and not seen.debug  # at a breakpoint it does not answer, which is not a failure
    return replace(status, state="unhealthy" if broke else "starting", reason=reason)


def _age(seen: Seen) -> float:
    """Seconds since its process began."""
    return round(seen.age or 0.0, 1)


def among(component: Component, own: Status, look_at: Callable[[str], Status]) -> Status:
    """Its status with the needed and used components that are not ready, which are often the cause."""
    if own.state not in ("starting", "unhealthy") or component.once:
        return own
    needs = [found for name in component.wants.needs if (found := look_at(name)).state != "ready"]
    uses = [found for name in component.uses if (found := look_at(name)).state != "ready"]
    causes = [f"needs {found.name}, which is {found.state}" for found in needs]
    causes += [f"uses {found.name}, which is {found.state}" for found in uses]
    state: State = "unhealthy" if needs else own.state
    return replace(own, state=state, reason="; ".join([own.reason, *causes]))


def _debugged(component: Component, seen: Seen, missing: str) -> str:
    """The reason that is shown for a service under its debugger."""
    from runtime.services import debugging  # saves 21 ms of a status without a debugger

    other = component.debug_port and debugging.other_there(component)
    where = f"under its debugger, but {other}" if other else f"under its debugger on {HOME}:{seen.debug}"
    if not missing:
        return where
    if debugging.ended(component, seen):
        return f"{where}, where its program has ended: ./dev debug {component.name} starts it again"
    return f"{where}; does not answer, as at a breakpoint: {missing}"


def _handed_off(component: Component, missing: str) -> str:
    """The reason that is shown for a service that is handed off."""
    entry = record.record(component.instance, component.name)
    until = f", until {record.clock(entry.until)}" if entry and entry.until else ""
    where = f"{entry.host if entry else HOME}:{component.port}"
    state = f"waits for your process on {where}: {missing}" if missing else "your process has it"
    return f"handed off since {record.clock(entry.since if entry else 0)}{until}; {state}"
