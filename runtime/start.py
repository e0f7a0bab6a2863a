"""Start a platform: choose placements, then bring components up side by side, each as soon as its needs are ready."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from converge.errors import DevError
from facts.engine import EngineError
from facts.ports import HOME, MARK, Owner, ends, owner
from runtime import debugger, editors, gateway, health, infra, logs, placements, routing, served, services, switch
from runtime.component import BESIDE, Component, Launch, ServiceComponent
from runtime.environment import make_private, of_component
from runtime.logs.lines import Stream
from runtime.logs.recording import Recording
from runtime.placements import native
from runtime.placements.choice import Asked, Choices, choose, keep
from runtime.placements.seen import lost
from runtime.platform import Platform
from runtime.services import launch as native_services
from runtime.stop import undeclared

QUIET = 4.0
"""Seconds of a start after which a component's own last words are shown."""
LONGEST = 10.0
"""Seconds that one look at a component may last at most; it begins with one."""
SILENT = 10.0
"""Seconds after which an engine that does not answer ends the start of what it has."""
THROUGH = 0.3
"""Seconds after which a connection through Docker's proxy or the gateway counts as held by the container."""
Listener = Callable[[str, str, float], None]
"""Called with a component's name, what happened to it, and the seconds since the start began; from any thread."""


def start(
    platform: Platform, names: list[str] | None, on_event: Listener, asked: Asked | None = None
) -> dict[str, DevError]:
    """Start what is named with all it needs, independent components side by side; gives what failed and why.

    What runs and is no longer declared is ended first. Interrupted, it ends what it had begun to start.
    """
    failed = _attempt(platform, names, on_event, asked)
    for forget in (_containers_of, _network_of):  # the first leaves alone what runs; ports go only with their network
        stumbled = [name for name, problem in failed.items() if problem.code == "engine-left-over"]
        if not stumbled:
            break
        forget(platform, stumbled)
        failed = _attempt(platform, names, on_event, asked)
    return failed


def restart(platform: Platform, names: list[str] | None, on_event: Listener) -> dict[str, DevError]:
    """End and start again in the same placement; without names all services, not the infrastructure."""
    everyone = platform.components
    wanted = names or [name for name, component in everyone.items() if component.is_service]
    stay = {
        name: seen.placement for name, c in platform.chosen(wanted).items() if (seen := placements.certain(c)).lives
    }
    return start(platform, wanted, on_event, Asked(stay=stay, anew=frozenset(wanted)))


def debug(platform: Platform, name: str, on_event: Listener) -> dict[str, DevError]:
    """Start it natively under its debugger, from wherever it runs; everyone else stays where he is.

    It is compiled and its debugger's port looked at first, so that what cannot be debugged goes on as it was.
    """
    stay = {n: seen.placement for n, c in platform.chosen([name]).items() if (seen := placements.certain(c)).lives}
    asked = Asked(stay=stay | {name: "native"}, anew=frozenset({name}), debug=frozenset({name}))
    return start(platform, [name], on_event, asked)


def _attempt(
    platform: Platform, names: list[str] | None, on_event: Listener, asked: Asked | None
) -> dict[str, DevError]:
    from concurrent.futures import Future, ThreadPoolExecutor, wait

    everyone = platform.components
    alone = asked is not None and asked.alone
    wanted = {name: everyone[name] for name in names or ()} if alone else platform.chosen(names)
    began = time.monotonic()

    def tell(name: str, text: str) -> None:
        on_event(name, text, time.monotonic() - began)

    choices = choose(platform, wanted, asked or Asked(), tell)
    for left in undeclared(platform):
        placements.stop(left)
        tell(left.name, "no longer declared, stopped")
    run = _Start(platform, choices, wanted, asked or Asked())
    futures: dict[str, Future[None]] = {}
    failed: dict[str, DevError] = {}

    def one(component: Component) -> None:
        for need in component.wants.needs if not alone else ():
            try:
                futures[need].result()
            except DevError:
                problem = DevError("need-failed", f"{component.name} was not started", because=f"{need} is not ready")
                failed[component.name] = problem
                raise problem from None
        try:
            word = run.bring_up(component, lambda text: tell(component.name, text))
        except (DevError, EngineError) as trouble:
            problem = trouble if isinstance(trouble, DevError) else _lost(component, trouble)
            failed[component.name] = problem
            tell(component.name, "failed")
            raise problem from trouble
        tell(component.name, word)

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
            for component in run.spawned:
                tell(component.name, "interrupted, stopped")
            raise
    for future in futures.values():
        problem = future.exception()
        if problem and not isinstance(problem, DevError):
            for name, known in failed.items():
                tell(name, f"failed: {known.because or known}")
            raise problem
    if platform.instance.routes.exists():
        routing.settle(platform)
    return failed


@dataclass
class _Start:
    """One start: what it spawned, and whether it was told to give up."""

    platform: Platform
    choices: Choices
    wanted: Mapping[str, Component]
    asked: Asked
    cancelled: threading.Event = field(default_factory=threading.Event)
    spawned: list[Component] = field(default_factory=list)
    _boxes: dict[str, str] | None = None
    _held: list[str] = field(default_factory=list)
    _boxing: threading.Lock = field(default_factory=threading.Lock)
    _routed: bool = False
    _routing: threading.Lock = field(default_factory=threading.Lock)

    def bring_up(self, component: Component, say: Callable[[str], None]) -> str:
        """Make it run where it was decided and wait until it is ready; the word for how that went."""
        self._check()
        placement = self.choices.placements[component.name]
        if component.is_service and placement == "ide":
            editors.refresh(self.platform, component)
            return "ready already, in your IDE" if placements.look(component).pid else "handed off to your IDE"
        if component.is_service and component.name in self.asked.debug:
            self._compile(component, say)
        seen = placements.look(component)
        gated = self.choices.project is not None and self.choices.project.routed
        routed = component.is_service and component.port is not None and (gated or routing.is_open(component.instance))
        if routed and not gated and component.name not in routing.routes(component.instance):
            routing.prepare(self.platform)  # it is declared since the last one
        moves = seen.lives and seen.placement != placement
        host = self._host(component) if routed and placement == "native" else HOME
        later = moves and host != HOME
        if host != HOME and gated:
            self._containers(say)
            self._route()
        if moves or (seen.lives and component.name in self.asked.anew):
            say(f"moving to placement {placement}" if moves else "restarting")
            if not moves and routed:
                routing.hold(self.platform, component.name)
            if not moves or not routed:
                placements.halt(component)
        if placement == "native" and routed and not later:
            switch.leave(self.platform, component, "native", host)
        begun = self._docker(component, say) if placement == "docker" else self._native(component, say, host)
        try:
            if begun:
                self._wait(component, say)
        except DevError:
            if later:
                native.stop(component)  # its callers are where they were
            raise
        if routed and placement == "docker":
            switch.arrive(self.platform, component)
        elif later:
            switch.leave(self.platform, component, "native", host)
        if not begun:
            return "under its debugger, left alone" if debugger.under(component) else "ready already"
        if not component.is_service:
            infra.kind(component).provision(self.platform, component)
        where = " in Docker" if placement == "docker" else ""
        where = " under its debugger" if component.name in self.asked.debug else where
        return ("done" if component.once else "ready") + where

    def _host(self, component: Component) -> str:
        """Where its process shall listen: beside 127.0.0.1 as long as the gateway stands there for some container."""
        chosen_now = {name: self.choices.placements[name] for name, each in self.wanted.items() if each.is_service}
        keeps = native.lives(component) and component.name not in self.asked.anew
        if keeps and debugger.under(component):
            return native.host(component)
        if not component.movable or "docker" not in (routing.owners(component.instance) | chosen_now).values():
            return HOME
        return native.host(component) if keeps else BESIDE["native"]

    def _compile(self, component: ServiceComponent, say: Callable[[str], None]) -> None:
        """Make what the debugger runs, and see that nobody else has its port."""
        number = debugger.port(component)
        if (found := owner(number)) and not found.mark.startswith(component.mark):
            raise _taken(self.platform, component, number, "debug_port", found)
        env = debugger.launch(self.platform, component).env  # refused where there is no debugger
        if command := debugger.build(component):
            say("compiling for the debugger")
            code, last = self._run(list(command), env, component, "build")
            if code:
                raise DevError(
                    "compile-failed", f"{component.name} could not be compiled for its debugger",
                    because=" / ".join(last), hint="correct it, then again; what ran goes on running",
                )  # fmt: skip

    def _native(self, component: Component, say: Callable[[str], None], host: str) -> bool:
        """Spawn its shim; False if nothing is to be done."""
        platform, seen = self.platform, native.look(component)
        debugged = component.is_service and component.name in self.asked.debug
        if seen.lives and seen.debug and not debugged:
            return False
        if not component.is_service and not seen.lives:
            infra.kind(component).prepare(platform, component)
        if component.is_service and debugged:
            launch = debugger.launch(platform, component, host)
        else:
            launch = _launch(platform, component, host)
        digest = placements.spec_hash(launch, _dependencies(component))
        if seen.lives:
            if seen.fingerprint == digest:
                return bool(health.why_not(platform, component, seen))
            say("changed, restarting")
            native.stop(component)
        _free_port(platform, component, component.port, host)
        if debugged:
            _free_port(platform, component, component.debug_port, HOME, "debug_port")
        make_private(component)
        self._migrate(component, say)
        say("starting")
        self.spawned.append(component)
        self._keep(component)
        native.spawn(component, launch, digest)
        return True

    def _docker(self, component: Component, say: Callable[[str], None]) -> bool:
        """Start its container; False if nothing is to be done."""
        from runtime.placements import docker

        container = self._containers(say)[component.name]
        if component.is_service and self.choices.project and self.choices.project.routed:
            self._route()
        seen = docker.look(component)
        if seen.lives:
            return bool(health.why_not(self.platform, component, seen))
        serves = component.instance.handed(component.name).exists() or native.lives(component)
        if not serves:  # until its container is ready
            _free_port(self.platform, component, component.port, spared=routing.edge(component.instance).mark)
        if not component.is_service:
            infra.kind(component).check_volume(component)
        self._migrate(component, say)
        say("starting")
        self.spawned.append(component)
        self._keep(component)
        docker.spawn(component, container)
        return True

    def _containers(self, say: Callable[[str], None]) -> Mapping[str, str]:
        """Component -> container, made by Compose in one go for all of them; who comes first does it."""
        from runtime import boxes

        with self._boxing:
            if self._boxes is None:
                self._check()
                project = self.choices.project
                assert project is not None
                mine = {n: c for n, c in self.wanted.items() if self.choices.placements[n] == "docker"}
                try:
                    self._boxes = boxes.make(project, mine, self.choices.images, say, self._hold)
                except BaseException:
                    for name in self._held:
                        routing.own(self.platform, name, "docker")
                    raise
            return self._boxes

    def _hold(self, names: Iterable[str]) -> None:
        """Have callers of containers wait that Compose may end now."""
        for name in names:
            if name in self.wanted and routing.owners(self.wanted[name].instance).get(name) == "docker":
                self._held.append(name)
                routing.hold(self.platform, name)

    def _route(self) -> None:
        """Have gateway and edge run before the first service in a container does."""
        with self._routing:
            if not self._routed:
                assert self._boxes is not None
                routing.prepare(self.platform)
                routing.run_gateway(self.platform, self._boxes[gateway.NAME])
                self._routed = True

    def _keep(self, component: Component) -> None:
        """Note where its data lie, before there are any."""
        if not component.is_service and infra.kind(component).keeps_data and component.name != self.asked.moving:
            keep(component, "docker" if self.choices.placements[component.name] == "docker" else "native")

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise DevError("interrupted", "the start was interrupted")

    def _migrate(self, component: Component, say: Callable[[str], None]) -> None:
        """Run its migration where it will run itself."""
        command = component.wants.migrate if component.is_service else None
        if not command:
            self._check()
            return
        say("migrating")
        if self.choices.placements[component.name] == "docker":
            from runtime import boxes

            assert self.choices.project is not None
            code, last = self._run(*boxes.one_off(self.choices.project, component, command, self.choices.images))
        else:
            env = {**of_component(self.platform, component), MARK: component.mark + "migrate"}
            code, last = self._run(["/bin/sh", "-c", command], env, component)
        if code:
            raise DevError(
                "migrate-failed", f"the migration of {component.name} failed",
                because=f"`{command}` ended with {code}: " + " / ".join(last),
                hint=f"correct it, then ./dev start {component.name}",
            )  # fmt: skip
        self._check()

    def _run(
        self, argv: list[str], env: Mapping[str, str], component: Component, stream: Stream = "migrate"
    ) -> tuple[int, list[str]]:
        """Run to the end or until the start is given up; exit code and last lines. All of it is in the log."""
        directory = component.path if component.is_service else component.instance.checkout
        with Recording(component.log, stream) as said:
            process = subprocess.Popen(
                argv, cwd=directory, env=dict(env), stdin=subprocess.DEVNULL, stdout=said.pipe,
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
        return process.returncode, said.last(4)

    def _wait(self, component: Component, say: Callable[[str], None]) -> None:
        timeout = (component.ready and component.ready.timeout) or _ready_timeout(component)
        placement = self.choices.placements[component.name]
        deadline, pause, missing, told_at = time.monotonic() + timeout, 0.03, "", time.monotonic()
        patience, heard = 1.0, time.monotonic()
        while (now := time.monotonic()) < deadline:
            self._check()
            seen = placements.of(placement).look(component)
            state, reason = seen.state, seen.reason
            if state == "done":
                return
            heard = now if state != "lost" else heard
            if state == "failed" or not (seen.lives or state == "lost") or now > heard + SILENT:
                raise _failure(component, placement, reason or "its shim ended")
            if state != "running":
                missing = reason or f"it is {state}"
            elif not component.once:
                within = max(1.0, min(patience, deadline - now))
                missing = health.why_not(self.platform, component, seen, timeout=within, hang_up=THROUGH)
                if time.monotonic() - now >= patience:  # it may need longer for an answer
                    patience = min(2 * patience, LONGEST)
                if component.name in self.asked.debug:
                    if missing and debugger.ended(component, seen):
                        raise _failure(component, placement, "it ended under its debugger")
                    missing = missing or debugger.why_not(component)
                if not missing:
                    served.remember(component, seen)
                    return
            if time.monotonic() > told_at + QUIET:
                told_at = time.monotonic()
                say(f"starting: {logs.last(component, placement) or missing}")
            time.sleep(pause)
            pause = min(pause * 1.3, 0.5)
        raise _failure(component, placement, f"it was not ready after {timeout:g} s: {missing or 'it has not ended'}")


def _launch(platform: Platform, component: Component, host: str) -> Launch:
    if component.is_service:
        return native_services.launch(platform, component, host)
    return infra.kind(component).launch(platform, component)


def _ready_timeout(component: Component) -> float:
    """Seconds that its kind gives it to become ready."""
    kind = services.kind(component) if component.is_service else infra.kind(component)
    return kind.ready_timeout


def _dependencies(component: Component) -> str:
    try:
        return (component.instance.dev / "services" / component.name / "dependencies").read_text()
    except OSError:
        return ""


def _free_port(
    platform: Platform, component: Component, port: int | None, host: str = HOME, key: str = "port", spared: str = ""
) -> None:
    """End what an earlier run of this component left on its port; refuse to start beside a stranger.

    A process whose mark begins with `spared` is none.
    """
    if not port:
        return
    deadline = time.monotonic() + 5
    while (found := _listener(port, host)) and found.mark.startswith(component.mark) and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGKILL if time.monotonic() > deadline - 2 else signal.SIGTERM)
        time.sleep(0.05)
    if found and _orphan(component, found.pid):
        while owner(port, host) and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                os.kill(found.pid, signal.SIGTERM)
            time.sleep(0.05)
        found = owner(port, host)
    if found and not (spared and found.mark.startswith(spared)):
        raise _taken(platform, component, port, key, found)


def _listener(port: int, host: str) -> Owner | None:
    """Who listens there and goes on to; one who is just ending is waited for, as nobody can say whose he was."""
    began = time.monotonic()
    while (found := owner(port, host)) and not found.mark and time.monotonic() < began + (2 if found.pid else 0.2):
        if found.pid and not ends(found.pid):
            break
        time.sleep(0.05)
    return found


def _taken(platform: Platform, component: Component, port: int, key: str, found: Owner) -> DevError:
    from facts import containers

    at = f"{'services' if component.is_service else 'infra'}.{component.name}.{key}"
    who: containers.Container | Owner = found
    with contextlib.suppress(EngineError):
        who = containers.publishers().get(port) or found
    left = found.mark.startswith(component.mark)
    whose = "belongs to another checkout or instance of ./dev" if found.mark else "is not ours"
    whose = "was left over by an earlier run and does not end" if left else whose
    beside = ", or run this one beside it: ./dev --instance two start" if found.mark else ""
    whom = f"{component.name}'s debugger" if key == "debug_port" else component.name
    return DevError(
        "port-taken", f"port {port} of {whom} is taken", because=f"{who} listens there and {whose}",
        hint=f"stop it, or change {at}{beside}", source=platform.loaded.source(at),
    )  # fmt: skip


def _orphan(component: Component, pid: int) -> bool:
    """Whether it is what a killed engine left of a container of ours: a proxy, and nobody publishes the port."""
    from facts import containers
    from runtime import subnet

    address = containers.proxied(pid)
    if not address or not subnet.ours(component.instance, address):
        return False
    try:
        return component.port not in containers.publishers()
    except EngineError:
        return False


def _containers_of(platform: Platform, names: list[str]) -> None:
    """A task that a kill cut off is forgotten with its container."""
    everyone = platform.components
    for name in names:
        placements.stop(everyone[name])


def _network_of(platform: Platform, names: list[str]) -> None:
    """A port that a kill left taken is often forgotten with the network of its container."""
    from runtime import compose, subnet

    project = compose.find(platform)
    if not isinstance(project, str):
        subnet.give_up(project)


def _lost(component: Component, trouble: EngineError) -> DevError:
    return lost(f"{component.name} was not started", trouble)


def _failure(component: Component, placement: str, because: str) -> DevError:
    return DevError(
        "not-ready", f"{component.name} is not ready", because=because + logs.tail(component, placement=placement),
        hint=f"./dev logs {component.name}",
    )  # fmt: skip
