"""Start the components of one start in parallel, each in its own thread that waits for its needs."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from converge import own_files
from converge.errors import DevError
from facts.engine import EngineError
from facts.value import dataclass, field
from runtime import placements
from runtime.component import Component
from runtime.placements.seen import lost
from runtime.start import actions
from runtime.start.act import act
from runtime.start.look import look
from runtime.start.run import Run, Task
from runtime.start.transition import transition

Tell = Callable[[str, str], None]
"""Called with a component's name and a progress message; from any thread."""
MOST_WORDS = 160
"""Characters of a reason that are shown while others still start; the full reason follows at the end."""


@dataclass
class SideBySide:
    """Result of each component so far."""

    run: Run
    tell: Tell
    futures: dict[str, Future[None]] = field(default_factory=dict)
    failed: dict[str, DevError] = field(default_factory=dict)

    def bring_up(self) -> None:
        """Start all components. If interrupted, stop those that were started."""
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
        except (DevError, EngineError, OSError) as trouble:
            problem = _problem(name, trouble)
            self.failed[name] = problem
            self.tell(name, _short(problem))
            raise problem from trouble
        self.tell(name, _word(task, todo))

    def _begin(self, task: Task, todo: tuple[actions.Action, ...]) -> None:
        """Print why a running component is not kept."""
        if not task.seen.placement or not any(isinstance(action, actions.Launch) for action in todo):
            return
        if task.seen.placement != task.wanted.placement:
            task.say(f"moving to placement {task.wanted.placement}")
        else:
            task.say("restarting" if task.asked.again else "changed, restarting")

    def _give_up(self) -> None:
        self.run.cancelled.set()
        wait(self.futures.values())
        with ThreadPoolExecutor(max_workers=8) as enders:
            list(enders.map(placements.stop, self.run.spawned))
        for component in self.run.spawned:
            self.tell(component.name, "interrupted, stopped")


def _problem(name: str, trouble: DevError | EngineError | OSError) -> DevError:
    """Why the component was not started; an OSError that is not about a file of the tool is raised again."""
    if isinstance(trouble, EngineError):
        return lost(f"{name} was not started", trouble)
    if isinstance(trouble, DevError):
        return trouble
    if problem := own_files.trouble(trouble):
        return problem
    raise trouble


def _word(task: Task, todo: tuple[actions.Action, ...]) -> str:
    """The result in a few words."""
    component, last = task.component, todo[-1]
    if last == actions.Keep("in-ide"):
        return "ready already, in your IDE" if placements.look(component).pid else "handed off to your IDE"
    if isinstance(last, actions.Keep):
        return "under its debugger, left alone" if last.why == "debugged" else "ready already"
    where = " in Docker" if task.wanted.placement == "docker" else ""
    where = " under its debugger" if task.asked.debug else where
    return ("done" if component.once else "ready") + where


def _short(problem: DevError) -> str:
    """A failure in one line, shown while others still start."""
    because = (problem.because or problem.what).splitlines()[0][:MOST_WORDS]
    return f"not started: {because}" if problem.code == "need-failed" else f"failed: {because}"
