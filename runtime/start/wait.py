"""Wait until a component is ready; say why it is not: its shim's or engine's reason, its last log lines, its needs."""

from __future__ import annotations

import re
import time

from converge.errors import DevError
from facts import users
from facts.ports import HOME
from facts.value import dataclass
from runtime import health, infra, logs, placements, services, status
from runtime.component import Component
from runtime.health import served
from runtime.placements import native
from runtime.placements.seen import Seen as Found
from runtime.services import debugging
from runtime.start import ports
from runtime.start.run import Run, Task

LOG_AFTER = 4.0
"""Seconds of a start after which a component's last log line is shown."""
LOOK_TIMEOUT = 10.0
"""The longest that one look at a component may last, in seconds; the first may last one second."""
ENGINE_TIMEOUT = 10.0
"""Seconds after which an engine that does not answer makes the start of its component fail."""
PROXY_TIMEOUT = 0.3
"""Seconds after which a connection that is still open through Docker's proxy or the gateway has reached the
container."""
ALONE = re.compile(r"ended with 0\b|not a (tty|terminal|typewriter)|inappropriate ioctl|\bstdin\b", re.IGNORECASE)
"""How programs end that continue in the background, or that want a terminal or standard input."""


@dataclass
class _Timeouts:
    """How long the next look may last, and when the shim or the engine last answered."""

    look: float
    heard: float


def wait(run: Run, task: Task) -> None:
    """Return when it is ready, or when a task has ended with success; DevError `not-ready` otherwise."""
    component, place = task.component, str(task.wanted.placement)
    timeout = (component.ready and component.ready.timeout) or _ready_timeout(component)
    compile_timeout = component.wants.compile_timeout if component.is_service else timeout
    budget = health.Budget(timeout, compile_timeout)
    told_at = time.monotonic()
    pause, missing = 0.03, ""
    timeouts = _Timeouts(1.0, told_at)
    while budget.left() > 0:
        run.check()
        missing = _missing(run, task, timeouts, budget)
        if not missing:
            return
        if time.monotonic() > told_at + LOG_AFTER:
            told_at = time.monotonic()
            compiles = missing.startswith("compiling")
            task.say(missing if compiles else f"starting: {logs.last(component, place) or missing}")
        time.sleep(pause)
        pause = min(pause * 1.3, 0.5)
    raise _failure(run, component, place, f"it was not ready after {timeout:g} s: {missing}")


def _ready_timeout(component: Component) -> float:
    """Seconds that its kind gives it to become ready."""
    kind = services.kind(component) if component.is_service else infra.kind(component)
    return kind.ready_timeout


def _missing(run: Run, task: Task, timeouts: _Timeouts, budget: health.Budget) -> str:
    """Why it is not ready yet; empty if it is. DevError if it cannot become ready by waiting."""
    component, place, now = task.component, str(task.wanted.placement), time.monotonic()
    seen = placements.of(place).look(component)
    state, reason = seen.state, seen.reason
    if state == "done":
        return ""
    timeouts.heard = now if state != "lost" else timeouts.heard
    if state == "failed" or not (seen.lives or state == "lost") or now > timeouts.heard + ENGINE_TIMEOUT:
        raise _failure(run, component, place, reason or "its shim ended")
    if state != "running":
        return reason or f"it is {state}"
    if component.once:
        return "it has not ended"
    missing = _unready(run, task, seen, timeouts, budget)
    if not missing:
        served.remember(component, seen)
    return missing


def _unready(run: Run, task: Task, seen: Found, timeouts: _Timeouts, budget: health.Budget) -> str:
    """Why a running component does not serve yet; the timeout of each look grows while answers are slow."""
    component, place, now = task.component, str(task.wanted.placement), time.monotonic()
    within = max(1.0, min(timeouts.look, budget.left()))
    verdict = health.judge(run.platform, component, seen, timeout=within, hang_up=PROXY_TIMEOUT)
    over = budget.note(verdict.state == "compiling")
    if over or verdict.state == "failed":
        raise _failure(run, component, place, over or verdict.reason)
    missing = "" if verdict.state == "ready" else verdict.reason
    if time.monotonic() - now >= timeouts.look:
        timeouts.look = min(2 * timeouts.look, LOOK_TIMEOUT)
    if not task.asked.debug:
        return missing
    if missing and debugging.ended(component, seen):
        raise _failure(run, component, place, "it ended under its debugger")
    return missing or debugging.why_not(component)


def _failure(run: Run, component: Component, place: str, because: str) -> DevError:
    words = "; ".join([because, *_troubled(run, component)])
    said = logs.tail(component, placement=place)
    hint = f"./dev logs {component.name}"
    if place == "native":
        hint += ports.lingering(component.port, native.host(component), said)
    if place == "native" and component.is_service and not component.wants.tty and ALONE.search(f"{because} {said}"):
        hint += "; it must stay in the foreground; set tty = true if it wants a terminal or standard input"
    own = component.is_service or component.wants.run  # an embedded kind listens where it is told
    if place == "native" and own and users.shared() and (host := native.host(component)) != HOME:
        other = "its entry needs `host`" if component.is_service else "remove {host} or $HOST from its `run`"
        hint += f"; other people use this machine, so it must listen on {host} (HOST), or {other}"
    return DevError("not-ready", f"{component.name} is not ready", because=words + said, hint=hint)


def _troubled(run: Run, component: Component) -> list[str]:
    """Components that it needs or uses and that are not ready, which is often the reason."""
    declared, words = run.platform.components, []
    for word, names in (("needs", component.wants.needs), ("uses", component.uses)):
        states = {name: status.alone(run.platform, declared[name]).state for name in names}
        words += [f"{word} {name}, which is {state}" for name, state in states.items() if state != "ready"]
    return words
