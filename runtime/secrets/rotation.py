"""Gives a shared secret a new value while services run: each step leaves a state in which every call is accepted.

1. All services accept the new value and the old one, and send the old one. 2. All services send the new one and accept
both. 3. All services forget the old one. The env file records the present step, in the same write as the values.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping

from converge import envfile
from converge.desired import EnvVar
from converge.errors import DevError, Exit
from converge.instance import Instance, is_name
from facts import locks
from facts.value import dataclass, replace
from runtime import placements
from runtime.component import Component
from runtime.environment import of_component
from runtime.placements.choice import Asked
from runtime.platform import Platform
from runtime.services import debugging
from runtime.start import Listener, start

STEPS = ("services learn the new value", "services send the new value", "services forget the old value")

Write = Callable[[str], None]
"""Replaces the env file as a whole."""


@dataclass(frozen=True)
class Secret:
    """A secret of [env], never its value."""

    name: str
    generated: bool
    set: bool
    previous: str | None
    """The variable of the second accepted value, if it is declared."""
    step: int
    """The step of an interrupted rotation; 0 without one."""


def listed(platform: Platform) -> tuple[Secret, ...]:
    """Every secret of [env], without the variables of second values."""
    env, text = platform.desired.env, envfile.text(platform.instance)
    stored = envfile.values(platform.instance)
    secret = {name: variable for name, variable in env.items() if variable.secret or variable.generate}
    return tuple(
        Secret(name, variable.generate is not None, bool(stored.get(name)),
               _previous(name) if _second(env, name) else None, _step(text, name))
        for name, variable in secret.items()
        if name.removesuffix("_PREVIOUS") not in secret or not name.endswith("_PREVIOUS")
    )  # fmt: skip


def rotate(
    platform: Platform, name: str, write: Write, say: Callable[[str], None],
    on_event: Listener,
) -> list[str]:  # fmt: skip
    """Do the three steps, or those that an interrupted run left; gives what was restarted.

    DevError if a component is not ready after its restart: the others still work, and the next run continues there.
    """
    instance = platform.instance
    variable = _checked(platform, name)
    step = _step(envfile.text(instance), name)
    if step:
        say(f"an earlier run was interrupted in step {step} of {len(STEPS)}; continuing there")
    else:
        fresh = variable.prefix + secrets.token_urlsafe(variable.bytes)
        write(_at(envfile.text(instance), name, 1, {_previous(name): fresh}))
        step = 1
    restarted: list[str] = []
    while True:
        say(f"step {step} of {len(STEPS)}: {STEPS[step - 1]}")
        restarted += _walk(platform, name, step, write, on_event)
        values = envfile.values(instance)
        step += 1
        if step == 2:
            swapped = {name: values[_previous(name)], _previous(name): values[name]}
            write(_at(envfile.text(instance), name, 2, swapped))
        elif step == 3:
            write(_at(envfile.text(instance), name, 3, {_previous(name): None}))
        else:
            write(_at(envfile.text(instance), name, 0, {}))
            return restarted


def _checked(platform: Platform, name: str) -> EnvVar:
    instance = platform.instance
    env, at, stored = platform.desired.env, platform.loaded.source(f"env.{name}"), envfile.values(instance)
    variable = env.get(name)
    if variable is None or not (variable.secret or variable.generate):
        raise DevError(
            "secret-unknown", f"there is no secret {name}", because="[env] declares none of that name",
            hint="./dev secrets list", exit=Exit.USAGE,
        )  # fmt: skip
    if not variable.generate:
        raise DevError(
            "secret-given", f"{name} cannot be rotated", because="its value is given by a person, not generated here",
            hint="write the new value into .dev/values, then ./dev restart", source=at, exit=Exit.NEEDS_HUMAN,
        )  # fmt: skip
    if not _second(env, name):
        raise DevError(
            "secret-previous", f"{name} cannot be rotated while services run",
            because=f"they cannot take a second value: [env] does not declare {_previous(name)}",
            hint=f"let them read it and declare {_previous(name)} = {{ secret = true, required = false }}; or, with "
            f"calls that fail meanwhile: delete the line of {name} in .dev/values, ./dev doctor --fix, ./dev restart",
            source=at, exit=Exit.NEEDS_HUMAN,
        )  # fmt: skip
    if not stored.get(name):
        raise DevError(
            "secret-absent", f"{name} has no value", because="it is not in .dev/values", source=at,
            hint="./dev doctor --fix",
        )  # fmt: skip
    if stored.get(_previous(name)) and not _step(envfile.text(instance), name):
        raise DevError(
            "secret-previous", f"{_previous(name)} has a value", because="a rotation by hand seems to be under way",
            hint="when no service sends that value any more, delete its line in .dev/values", exit=Exit.NEEDS_HUMAN,
        )  # fmt: skip
    for each in _instances(instance):
        if locks.held(each.state / "test.lock"):
            raise DevError("secret-tests", "tests are running", because=f"they use {name}", hint="wait for their end")
    return variable


def _walk(platform: Platform, name: str, step: int, write: Write, on_event: Listener) -> list[str]:
    """Restart what runs with earlier values, one after another; each is ready before the next is restarted."""
    restarted = []
    for component, placement in _holders(platform, name):
        at, own = component.name, component.instance.name
        title = f"{at} ({own})" if own else at
        events: list[str] = []

        def event(_: str, text: str, seconds: float, title: str = title, events: list[str] = events) -> None:
            events.append(text)
            on_event(title, text, seconds)

        # an interruption now leaves it stopped: the next run must know
        write(_at(envfile.text(platform.instance), name, step, {}, f", restarting {placement} {at} {own}".rstrip()))
        debug = frozenset({at} if debugging.under(component) else ())
        there = replace(platform, instance=component.instance)
        failed = start(there, [at], event, Asked(stay={at: placement}, alone=True, debug=debug))
        for problem in failed.values():
            problem.hint = f"{problem.hint}; then ./dev secrets rotate {name} continues".removeprefix("; ")
            raise problem
        if "starting" in events:
            restarted.append(title)
    return restarted


def _holders(platform: Platform, name: str) -> list[tuple[Component, str]]:
    """Running components that get the secret, with placement, in all instances of the checkout: they share an env file.

    Also the component that an interrupted run had stopped.
    """
    found, cut = [], _mark(name).search(envfile.text(platform.instance))
    for each in _instances(platform.instance):
        there = replace(platform, instance=each)
        for component in there.components.values():
            seen = placements.certain(component)
            if cut and (cut[3], cut[4]) == (component.name, each.name) and not seen.lives:
                found.append((component, cut[2]))
            elif seen.lives and not component.once and name in of_component(there, component, seen.placement):
                found.append((component, seen.placement))
    return found


def _instances(instance: Instance) -> list[Instance]:
    directory = instance.dev / "instances"
    names = sorted(path.name for path in directory.iterdir() if is_name(path.name)) if directory.is_dir() else []
    return [replace(instance, name="" if name == "default" else name) for name in names]


def _previous(name: str) -> str:
    return f"{name}_PREVIOUS"


def _second(env: dict[str, EnvVar], name: str) -> bool:
    variable = env.get(_previous(name))
    return variable is not None and variable.value is None and variable.generate is None


def _mark(name: str) -> re.Pattern[str]:
    """Step, placement, component and instance."""
    return re.compile(rf"(?m)^# rotation of {re.escape(name)}: step ([123])(?:, restarting (\S+) (\S+) ?(\S*))?\n")


def _step(text: str, name: str) -> int:
    found = _mark(name).search(text)
    return int(found[1]) if found else 0


def _at(text: str, name: str, step: int, values: Mapping[str, str | None], more: str = "") -> str:
    """The file's text in that step, with these values; all other text is kept."""
    mark = f"# rotation of {name}: step {step}{more}\n" if step else ""
    return mark + envfile.changed(_mark(name).sub("", text), values)
