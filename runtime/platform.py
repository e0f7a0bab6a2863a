"""Start, stop and look at a whole platform; stateless, so any run can go on where another ended."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from converge.desired import Loaded, Service
from converge.errors import DevError
from converge.instance import Instance
from facts.ports import MARK, owner, owners
from runtime import health, infra, kinds, logs, placements
from runtime.component import Component, Launch, chosen, components, known
from runtime.environment import of_component

PATIENCE = {"go": 180.0}
"""Seconds a kind may take to get ready where its entry says nothing; Go compiles first."""
QUIET = 4.0
"""Seconds of a start after which a component's own last words are shown."""
Listener = Callable[[str, str, float], None]
"""Called with a component's name, what happened to it, and the seconds since the start began; from any thread."""


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

    def document(self) -> dict[str, Any]:
        """Its entry in `./dev status --json`."""
        address = f"127.0.0.1:{self.port}" if self.port else None
        return {
            "name": self.name, "kind": self.kind, "placement": self.placement, "state": self.state,
            "address": address, "port": self.port, "pid": self.pid, "uptime_s": self.uptime_s,
            "restarts": self.restarts, "reason": self.reason,
        }  # fmt: skip


def status(loaded: Loaded, instance: Instance) -> tuple[State, ...]:
    """Every declared component."""
    everyone = list(components(loaded, instance).values())
    listening = owners([component.port for component in everyone if component.port])
    found: dict[str, State] = {}

    def one(component: Component) -> None:
        found[component.name] = look(loaded, component, listening)

    threads = [threading.Thread(target=one, args=(component,)) for component in everyone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tuple(found[component.name] for component in everyone)


def look(loaded: Loaded, component: Component, listening: health.Listening | None = None) -> State:
    """One component: who holds its lock, what its shim says, whether it is ready."""
    kind = "service" if component.is_service else "infra"
    told, lives = placements.told(component), placements.lives(component)
    reason, restarts = told.get("reason"), told.get("restarts", 0)
    if not lives:
        state = "ready" if told.get("state") == "done" else "failed" if told.get("state") == "failed" else "stopped"
        if told.get("state") in ("running", "backoff"):
            reason = "it was killed together with its shim"
        placement = placements.where(component) if state == "ready" else "none"
        return State(component.name, kind, placement, state, component.port, None, None, restarts, reason)
    missing = (
        health.why_not(loaded, component, listening)
        if told.get("state") == "running" and not component.once
        else "starting"
    )
    uptime = round(time.time() - told.get("began", time.time()), 1)
    state = "starting" if missing else "ready"
    return State(
        component.name, kind, placements.where(component), state, component.port, told.get("pid"), uptime, restarts,
        reason or missing or None,
    )  # fmt: skip


def start(loaded: Loaded, instance: Instance, names: list[str] | None, on_event: Listener) -> dict[str, DevError]:
    """Start what is named with all it needs, independent components side by side; gives what failed and why.

    What runs and is no longer declared is ended first. Interrupted, it ends what it had begun to start.
    """
    from concurrent.futures import Future, ThreadPoolExecutor, wait

    everyone = components(loaded, instance)
    wanted = chosen(everyone, names)
    for component in wanted.values():
        placements.name_of(loaded, component)
    began = time.monotonic()
    for left in undeclared(everyone, instance):
        placements.stop(left)
        on_event(left.name, "no longer declared, stopped", time.monotonic() - began)
    run = _Start(loaded)
    futures: dict[str, Future[None]] = {}
    failed: dict[str, DevError] = {}

    def one(component: Component) -> None:
        for need in component.wants.needs:
            try:
                futures[need].result()
            except DevError:
                problem = DevError("need-failed", f"{component.name} was not started", because=f"{need} is not ready")
                failed[component.name] = problem
                raise problem from None
        try:
            word = run.bring_up(component, lambda text: on_event(component.name, text, time.monotonic() - began))
        except DevError as problem:
            failed[component.name] = problem
            on_event(component.name, "failed", time.monotonic() - began)
            raise
        on_event(component.name, word, time.monotonic() - began)

    with ThreadPoolExecutor(max_workers=len(wanted) or 1) as pool:
        try:
            for name, component in wanted.items():
                futures[name] = pool.submit(one, component)
            wait(futures.values())
        except BaseException:
            run.cancelled.set()
            wait(futures.values())
            with ThreadPoolExecutor(max_workers=8) as enders:
                list(enders.map(placements.stop, run.spawned))
            raise
    for future in futures.values():
        problem = future.exception()
        if problem and not isinstance(problem, DevError):
            raise problem
    return failed


def undeclared(everyone: Mapping[str, Component], instance: Instance) -> list[Component]:
    """Components that live and that the desired state does not name any more, after a `git switch` for example."""
    try:
        names = sorted(entry.name for entry in (instance.state / "run").iterdir() if entry.name not in everyone)
    except OSError:
        return []
    left = [Component(name, Service(kind="command"), instance) for name in names]
    return [component for component in left if placements.lives(component)]


def _launch(loaded: Loaded, component: Component) -> Launch:
    if component.is_service:
        return kinds.launch(loaded, component)
    return infra.kind(component).launch(loaded, component)


@dataclass
class _Start:
    """One start: what it spawned, and whether it was told to give up."""

    loaded: Loaded
    cancelled: threading.Event = field(default_factory=threading.Event)
    spawned: list[Component] = field(default_factory=list)

    def bring_up(self, component: Component, say: Callable[[str], None]) -> str:
        """Make it run and wait until it is ready; the word for how that went."""
        loaded = self.loaded
        self._check()
        placement = placements.name_of(loaded, component)
        if not component.is_service and not placements.lives(component):
            infra.kind(component).prepare(loaded, component)
        launch = _launch(loaded, component)
        digest = placements.spec_hash(launch, _dependencies(component))
        told = placements.told(component)
        if placements.lives(component):
            if told.get("hash") == digest and not health.why_not(loaded, component):
                return "ready already"
            if told.get("hash") != digest:
                say("changed, restarting")
                placements.stop(component)
        if not placements.lives(component):
            _free_port(loaded, component)
            if isinstance(component.wants, Service) and component.wants.migrate:
                say("migrating")
                self._migrate(component, component.wants.migrate)
            self._check()
            say("starting")
            self.spawned.append(component)
            placements.of(placement).spawn(component, launch, digest)
        self._wait(component, say)
        if not component.is_service:
            infra.kind(component).provision(loaded, component)
        return "done" if component.once else "ready"

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise DevError("interrupted", "the start was interrupted")

    def _migrate(self, component: Component, command: str) -> None:
        directory = component.instance.checkout / getattr(component.wants, "path", ".")
        env = {**of_component(self.loaded, component), MARK: component.mark + "migrate"}
        import tempfile

        with tempfile.TemporaryFile("w+", errors="replace") as said:
            process = subprocess.Popen(
                ["/bin/sh", "-c", command], cwd=directory, env=env, stdin=subprocess.DEVNULL, stdout=said,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                while process.poll() is None:
                    self._check()
                    time.sleep(0.01)
            finally:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            said.seek(0)
            last = [line for line in said.read().splitlines() if line.strip()][-4:]
        if process.returncode:
            raise DevError(
                "migrate-failed", f"the migration of {component.name} failed",
                because=f"`{command}` ended with {process.returncode}: " + " / ".join(last),
                hint=f"correct it, then ./dev start {component.name}",
            )  # fmt: skip

    def _wait(self, component: Component, say: Callable[[str], None]) -> None:
        timeout = (component.ready and component.ready.timeout) or PATIENCE.get(component.kind, 60.0)
        deadline, pause, missing, told_at = time.monotonic() + timeout, 0.03, "", time.monotonic()
        while time.monotonic() < deadline:
            self._check()
            told = placements.told(component)
            if told.get("state") == "done":
                return
            if told.get("state") == "failed" or not placements.lives(component):
                raise _failure(component, str(told.get("reason") or "its shim ended"))
            if not component.once:
                missing = health.why_not(self.loaded, component)
                if not missing:
                    return
            if time.monotonic() > told_at + QUIET:
                told_at = time.monotonic()
                say(f"starting: {logs.last(component) or missing}")
            time.sleep(pause)
            pause = min(pause * 1.3, 0.5)
        raise _failure(component, f"it was not ready after {timeout:g} s: {missing or 'it has not ended'}")


def _dependencies(component: Component) -> str:
    try:
        return (component.instance.dev / "services" / component.name / "dependencies").read_text()
    except OSError:
        return ""


def _free_port(loaded: Loaded, component: Component) -> None:
    """End what an earlier run of this component left on its port; refuse to start beside a stranger."""
    if not component.port:
        return
    deadline = time.monotonic() + 5
    while (found := owner(component.port)) and found.mark.startswith(component.mark):
        os.kill(found.pid, signal.SIGKILL if time.monotonic() > deadline - 2 else signal.SIGTERM)
        time.sleep(0.05)
    if found:
        room = "services" if component.is_service else "infra"
        whose = "belongs to another checkout or instance of ./dev" if found.mark else "is not ours"
        beside = ", or run this one beside it: ./dev --instance two start" if found.mark else ""
        raise DevError(
            "port-taken", f"port {component.port} of {component.name} is taken",
            because=f"{found} listens there and {whose}",
            hint=f"stop it, or change {room}.{component.name}.port{beside}",
            source=loaded.source(f"{room}.{component.name}.port"),
        )  # fmt: skip


def _failure(component: Component, because: str) -> DevError:
    return DevError(
        "not-ready", f"{component.name} is not ready", because=because + logs.tail(component),
        hint=f"./dev logs {component.name}",
    )  # fmt: skip


def stop(loaded: Loaded, instance: Instance, names: list[str] | None) -> list[str]:
    """End the named components (without names: all, services before infrastructure); gives those that ran."""
    from concurrent.futures import ThreadPoolExecutor

    everyone = components(loaded, instance)
    wanted = [known(everyone, name) for name in names] if names else list(everyone.values())
    if not names:
        wanted = [*undeclared(everyone, instance), *wanted]
    ended: list[str] = []
    for group in ([c for c in wanted if c.is_service], [c for c in wanted if not c.is_service]):
        with ThreadPoolExecutor(max_workers=len(group) or 1) as pool:
            ended += [c.name for c, ran in zip(group, pool.map(placements.stop, group), strict=True) if ran]
    return ended


def restart(loaded: Loaded, instance: Instance, names: list[str] | None, on_event: Listener) -> dict[str, DevError]:
    """Stop, then start; without names all services, not the infrastructure."""
    everyone = components(loaded, instance)
    wanted = names or [name for name, component in everyone.items() if component.is_service]
    stop(loaded, instance, wanted)
    return start(loaded, instance, wanted, on_event)
