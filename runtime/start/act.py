"""One table from each action of a transition to the function that does it; errors are DevError or EngineError."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converge.errors import DevError
from facts.ports import HOME, owner
from runtime import editors, infra, placements
from runtime.component import Component
from runtime.environment import make_private
from runtime.placements import choice, docker, native
from runtime.placements.seen import lost
from runtime.provision import flow as provision
from runtime.routes import owner_map, switch
from runtime.secrets import keys
from runtime.services import debugging
from runtime.start import actions, ports
from runtime.start.look import fingerprint_of, launch_of
from runtime.start.run import Run, Task
from runtime.start.wait import wait


def act(run: Run, task: Task, action: actions.Action) -> None:
    """Do the action; DevError `interrupted` if the start was cancelled before."""
    run.check()
    DO[type(action)](run, task, action)


def _keep(run: Run, task: Task, action: actions.Keep) -> None:
    """Nothing."""


def _refuse(run: Run, task: Task, action: actions.Refuse) -> None:
    name, what = task.component.name, f"{task.component.name} was not started"
    for problem in (run.obstacles.get(name), None if task.unready else run.packages(name)):
        if problem and problem.code == action.code:
            raise problem
    if action.code == "engine-lost":
        raise lost(what, task.reason)
    need, problem = next(iter(task.unready.items()))
    if problem is None or problem.code == "need-failed":
        raise DevError("need-failed", what, because=f"{need} is not ready")
    words = (problem.because or problem.what).splitlines()[0]
    raise DevError("need-failed", what, because=f"{need} is not ready: {words}", hint=problem.hint)


def _refresh(run: Run, task: Task, action: actions.Refresh) -> None:
    if task.component.is_service:
        editors.refresh(run.platform, task.component)


def _compile(run: Run, task: Task, action: actions.Compile) -> None:
    """Compile what the debugger runs, and check that no other process has its port."""
    component = task.component
    if not component.is_service:
        return
    number = debugging.port(component)
    if (found := owner(number)) and not component.owns(found):
        raise ports.taken(run.platform, component, number, "debug_port", found)
    env = debugging.launch(run.platform, component).env  # refused where there is no debugger
    if command := debugging.build(component):
        task.say("compiling for the debugger")
        code, last = run.command(list(command), env, component, "build")
        if code:
            raise DevError(
                "compile-failed", f"{component.name} could not be compiled for its debugger",
                because=" / ".join(last), hint="correct it, then run this again; the component that ran keeps running",
            )  # fmt: skip


def _hold(run: Run, task: Task, action: actions.Hold) -> None:
    owner_map.hold(run.platform, task.component.name)


def _stop(run: Run, task: Task, action: actions.Stop) -> None:
    placements.of(action.placement).halt(task.component)


def _resume(run: Run, task: Task, action: actions.Resume) -> None:
    task.say("paused, resuming")
    docker.resume(task.component)


def _clear(run: Run, task: Task, action: actions.Clear) -> None:
    """Check the port first: the next steps may take long, or change data."""
    platform, component = run.platform, task.component
    if action.placement == "native":
        for key, number in ports.declared(component):
            ports.clear(platform, component, number, task.host, key)
        if task.asked.debug:
            ports.clear(platform, component, component.debug_port, HOME, "debug_port")
        if not component.is_service:
            infra.kind(component).prepare(platform, component)
        return
    if not component.is_service:
        owner_map.own(platform, component.name, "none")  # its container publishes the port itself
    serves = component.instance.handed(component.name).exists() or native.lives(component)
    if not serves:  # a process that serves keeps the port until the container is ready
        ports.clear(platform, component, component.port, spared=owner_map.edge(component.instance))
    if not component.is_service:
        infra.kind(component).check_volume(component)


def _migrate(run: Run, task: Task, action: actions.Migrate) -> None:
    """Run its migration in the placement of the service itself."""
    if task.component.is_service:
        where = "docker" if task.wanted.placement == "docker" else "native"
        place = provision.Place(where, run.choices.project, run.choices.images)
        provision.migrate(run.platform, task.component, place, task.say, run.check)


def _launch(run: Run, task: Task, action: actions.Launch) -> None:
    component = task.component
    if action.placement == "native":
        launch = launch_of(run, component, task.host, task.asked.debug)
        make_private(component)
    keys.keep(run.platform, component)
    task.say("starting")
    run.spawned.append(component)
    if component.is_service:
        provision.begins(run.platform, component)
    _note(run, component, action.placement)
    if action.placement == "native":
        native.spawn(component, launch, fingerprint_of(component, launch))
        if launch.user and task.wanted.routed:
            owner_map.refresh(run.platform)  # now the edge can know of which user its process is
    else:
        docker.spawn(component, task.container)


def _note(run: Run, component: Component, place: actions.Place) -> None:
    """Record in which placement its data are, before any exist."""
    if not component.is_service and infra.kind(component).keeps_data and component.name != run.asked.moving:
        choice.keep(component, "docker" if place == "docker" else "native")


def _wait(run: Run, task: Task, action: actions.Wait) -> None:
    try:
        wait(run, task)
    except DevError:
        if action.otherwise:
            placements.of(action.otherwise.placement).halt(
                task.component
            )  # its callers still use the earlier placement
        raise


def _switch(run: Run, task: Task, action: actions.Switch) -> None:
    if action.to == "docker":
        switch.arrive(run.platform, task.component)
    else:
        switch.leave(run.platform, task.component, action.to, task.host)


def _provision(run: Run, task: Task, action: actions.Provision) -> None:
    if not task.component.is_service:
        provision.provision(run.platform, task.component, task.say)


DO: dict[type[actions.Action], Callable[[Run, Task, Any], None]] = {
    actions.Keep: _keep, actions.Refuse: _refuse, actions.Refresh: _refresh, actions.Compile: _compile,
    actions.Hold: _hold, actions.Stop: _stop, actions.Resume: _resume, actions.Clear: _clear,
    actions.Migrate: _migrate, actions.Launch: _launch, actions.Wait: _wait, actions.Switch: _switch,
    actions.Provision: _provision,
}  # fmt: skip
"""Action -> the function that does it."""
