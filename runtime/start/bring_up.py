"""Bring components up side by side, each as soon as what it needs is ready; a failure stops only what needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from converge.errors import DevError
from facts.engine import EngineError
from runtime import compose, placements, routing, subnet
from runtime.component import Component
from runtime.placements import docker
from runtime.placements.choice import Asked, Choices, choose, elsewhere
from runtime.placements.seen import lost
from runtime.platform import Platform
from runtime.start import actions
from runtime.start.act import act
from runtime.start.look import look
from runtime.start.run import Run, Task
from runtime.start.transition import transition
from runtime.stop import undeclared

Listener = Callable[[str, str, float], None]
"""Called with a component's name, what happened to it, and the seconds since the start began; from any thread."""
Tell = Callable[[str, str], None]
MOST_WORDS = 160
"""Characters of a reason that are told while others still start; the whole follows at the end."""


def bring_up(
    platform: Platform, names: list[str] | None, on_event: Listener, asked: Asked,
    obstacles: Mapping[str, DevError],
) -> dict[str, DevError]:  # fmt: skip
    """Start what is named with all it needs; gives what failed and why. What an engine stumbles over is cleared once.

    `obstacles` are components of which is known before that they cannot be started.
    """
    failed = _attempt(platform, names, on_event, asked, obstacles)
    for forget in (_containers_of, _network_of):  # the first leaves alone what runs; ports go only with their network
        stumbled = [name for name, problem in failed.items() if problem.code == "engine-left-over"]
        if not stumbled:
            break
        forget(platform, stumbled)
        failed = _attempt(platform, names, on_event, asked, obstacles)
    return failed


def _attempt(
    platform: Platform, names: list[str] | None, on_event: Listener, asked: Asked,
    obstacles: Mapping[str, DevError],
) -> dict[str, DevError]:  # fmt: skip
    wanted = {name: platform.components[name] for name in names or ()} if asked.alone else platform.chosen(names)
    began = time.monotonic()

    def tell(name: str, text: str) -> None:
        on_event(name, text, time.monotonic() - began)

    obstacles = {**obstacles, **elsewhere(platform, wanted, asked)}
    # without what was installed natively, its image may still run
    certain = [name for name, each in obstacles.items() if each.code != "dependencies-failed"]
    choices = choose(platform, without(wanted, certain), asked, tell)
    _announce(wanted, choices, asked, tell)
    for left in undeclared(platform):
        placements.stop(left)
        tell(left.name, "no longer declared, stopped")
    side_by_side = _SideBySide(Run(platform, choices, wanted, asked, obstacles), tell)
    side_by_side.bring_up()
    if platform.instance.routes.exists():
        routing.settle(platform)
    return side_by_side.failed


def without(wanted: Mapping[str, Component], failed: Collection[str]) -> dict[str, Component]:
    """All but these and what needs them: nothing is downloaded or built for what is not going to run."""
    found: dict[str, Component] = {}
    for name, component in wanted.items():  # needs come first
        if name not in failed and all(need in found or need not in wanted for need in component.wants.needs):
            found[name] = component
    return found


def _announce(wanted: Mapping[str, Component], choices: Choices, asked: Asked, tell: Tell) -> None:
    """Say in one line which services a plain start takes out of their containers."""
    leaving = [
        name
        for name, component in wanted.items()
        if component.is_service and choices.placements.get(name) == "native" and name not in asked.stay
        if component.instance.engine_record.exists() and docker.look(component).lives
    ]
    if leaving:
        tell(leaving[0], f"leaving Docker: {', '.join(leaving)} run natively again (./dev start --docker keeps them)")


@dataclass
class _SideBySide:
    """The components of one start, each in a thread of its own that waits for its needs."""

    run: Run
    tell: Tell
    futures: dict[str, Future[None]] = field(default_factory=dict)
    failed: dict[str, DevError] = field(default_factory=dict)

    def bring_up(self) -> None:
        """Bring all of them up. Interrupted, end what was begun."""
        with ThreadPoolExecutor(max_workers=len(self.run.wanted) or 1) as pool:
            try:
                for name, component in self.run.wanted.items():
                    self.futures[name] = pool.submit(self._one, component)
                wait(self.futures.values())
            except BaseException:
                self._give_up()
                raise
        for future in self.futures.values():
            problem = future.exception()
            if problem and not isinstance(problem, DevError):
                for name, known in self.failed.items():
                    self.tell(name, f"failed: {known.because or known}")
                raise problem

    def _one(self, component: Component) -> None:
        name, needs = component.name, () if self.run.asked.alone else component.wants.needs
        unready = {need: self.failed.get(need) for need in needs if self.futures[need].exception()}
        try:
            self.run.check()
            task = look(self.run, component, lambda text: self.tell(name, text), unready)
            todo = transition(task.seen, task.wanted, task.asked)
            self._begin(task, todo)
            for action in todo:
                act(self.run, task, action)
        except (DevError, EngineError) as trouble:
            problem = trouble if isinstance(trouble, DevError) else lost(f"{name} was not started", trouble)
            self.failed[name] = problem
            self.tell(name, _short(problem))
            raise problem from trouble
        self.tell(name, _word(task, todo))

    def _begin(self, task: Task, todo: tuple[actions.Action, ...]) -> None:
        """Say why something that runs does not simply go on."""
        if not task.seen.placement or not any(isinstance(action, actions.Launch) for action in todo):
            return
        if task.seen.placement != task.wanted.placement:
            task.say(f"moving to placement {task.wanted.placement}")
        else:
            task.say("restarting" if task.asked.anew else "changed, restarting")

    def _give_up(self) -> None:
        self.run.cancelled.set()
        wait(self.futures.values())
        with ThreadPoolExecutor(max_workers=8) as enders:
            list(enders.map(placements.stop, self.run.spawned))
        for component in self.run.spawned:
            self.tell(component.name, "interrupted, stopped")


def _word(task: Task, todo: tuple[actions.Action, ...]) -> str:
    """How it went, in a word or two."""
    component, last = task.component, todo[-1]
    if last == actions.Keep("in-ide"):
        return "ready already, in your IDE" if placements.look(component).pid else "handed off to your IDE"
    if isinstance(last, actions.Keep):
        return "under its debugger, left alone" if last.why == "debugged" else "ready already"
    where = " in Docker" if task.wanted.placement == "docker" else ""
    where = " under its debugger" if task.asked.debug else where
    return ("done" if component.once else "ready") + where


def _short(problem: DevError) -> str:
    """A failure while others still start: what a person needs to know of it now."""
    because = (problem.because or problem.what).splitlines()[0][:MOST_WORDS]
    return f"not started: {because}" if problem.code == "need-failed" else f"failed: {because}"


def _containers_of(platform: Platform, names: list[str]) -> None:
    """A task that a kill cut off is forgotten with its container."""
    for name in names:
        placements.stop(platform.components[name])


def _network_of(platform: Platform, names: list[str]) -> None:
    """A port that a kill left taken is often forgotten with the network of its container."""
    project = compose.find(platform)
    if not isinstance(project, str):
        subnet.give_up(project)
