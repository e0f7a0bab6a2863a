"""Start components in parallel, each as soon as its needs are ready; a failure affects only what needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future

from converge import identity
from converge.errors import DevError
from runtime import placements
from runtime.component import Component
from runtime.docker import compose, subnet
from runtime.placements import docker
from runtime.placements.choice import Asked, Choices, choose, elsewhere
from runtime.platform import Platform
from runtime.routes import owner_map
from runtime.start import home
from runtime.start.run import Run
from runtime.start.side_by_side import SideBySide, Tell
from runtime.stop import undeclared

Listener = Callable[[str, str, float], None]
"""Called with a component's name, what happened to it, and the seconds since the start began; from any thread."""


def bring_up(
    platform: Platform, names: list[str] | None, on_event: Listener, asked: Asked,
    obstacles: Mapping[str, DevError], installing: Mapping[str, Future[DevError | None]],
) -> dict[str, DevError]:  # fmt: skip
    """Start the named components with all they need; gives which failed and why.

    What a killed engine left over is deleted once, then the start is tried again. `obstacles` maps components to the
    known reason why they cannot start.
    """
    failed = _attempt(platform, names, on_event, asked, obstacles, installing)
    for forget in (
        _containers_of,
        _network_of,
    ):  # the first keeps what runs; some ports are freed only with their network
        stumbled = [name for name, problem in failed.items() if problem.code == "engine-left-over"]
        if not stumbled:
            break
        forget(platform, stumbled)
        failed = _attempt(platform, names, on_event, asked, obstacles, installing)
    return failed


def _attempt(
    platform: Platform, names: list[str] | None, on_event: Listener, asked: Asked,
    obstacles: Mapping[str, DevError], installing: Mapping[str, Future[DevError | None]],
) -> dict[str, DevError]:  # fmt: skip
    wanted = {name: platform.components[name] for name in names or ()} if asked.alone else platform.chosen(names)
    began = time.monotonic()

    def tell(name: str, text: str) -> None:
        on_event(name, text, time.monotonic() - began)

    _settle(platform, tell)
    obstacles = {**obstacles, **elsewhere(platform, wanted, asked)}
    # its image may run although its native dependencies are missing
    certain = [name for name, each in obstacles.items() if each.code != "dependencies-failed"]
    choices = choose(platform, without(wanted, certain), asked, tell)
    home.ask(wanted, asked)
    _announce(wanted, choices, asked, tell)
    for left in undeclared(platform):
        placements.stop(left)
        tell(left.name, "no longer declared, stopped")
    side_by_side = SideBySide(Run(platform, choices, wanted, asked, obstacles, installing), tell)
    try:
        side_by_side.bring_up()
    finally:
        if platform.instance.routes.exists():
            owner_map.release(platform)
    if platform.instance.routes.exists():
        owner_map.settle(platform)
    return side_by_side.failed


def _settle(platform: Platform, tell: Tell) -> None:
    """Keep the id of a checkout that was moved, by which its data are found; a copy begins with none of these."""
    instance = platform.instance
    where = instance.checkout, instance.name, instance.state
    if original := identity.copied_from(*where):
        tell("checkout", f"a copy of {original}: what is outside of {instance.dev} stays with that one")
        for component in platform.infra.values():
            note = instance.data_note(component.name)
            if note.exists() and not (instance.data / component.name).exists():
                note.unlink()
    if former := identity.settle(*where):
        tell("checkout", f"moved from {former}, with its data")


def without(wanted: Mapping[str, Component], failed: Collection[str]) -> dict[str, Component]:
    """All components except `failed` and what needs them: nothing is downloaded or built for them."""
    found: dict[str, Component] = {}
    for name, component in wanted.items():  # needs come first
        if name not in failed and all(need in found or need not in wanted for need in component.wants.needs):
            found[name] = component
    return found


def _announce(wanted: Mapping[str, Component], choices: Choices, asked: Asked, tell: Tell) -> None:
    """Print in one line which services a plain start moves out of their containers."""
    leaving = [
        name
        for name, component in wanted.items()
        if component.is_service and choices.placements.get(name) == "native" and name not in asked.stay
        if component.instance.engine_record.exists() and docker.look(component).lives
    ]
    if leaving:
        tell(leaving[0], f"leaving Docker: {', '.join(leaving)} run natively again (./dev start --docker keeps them)")


def _containers_of(platform: Platform, names: list[str]) -> None:
    """Delete containers: this frees what an interrupted task of the engine left."""
    for name in names:
        placements.stop(platform.components[name])


def _network_of(platform: Platform, names: list[str]) -> None:
    """Delete the network: this often frees a port that a killed engine left taken."""
    project = compose.find(platform)
    if not isinstance(project, str):
        subnet.give_up(project)
