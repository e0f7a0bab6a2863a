"""Any other infrastructure: the command its entry names, with a data directory of its own."""

from __future__ import annotations

from collections.abc import Mapping

from converge.desired import Infra, Loaded
from converge.errors import DevError, Exit
from runtime.component import Component, Launch
from runtime.infra import plain_addresses


def prepare(loaded: Loaded, component: Component) -> None:
    """Make the data directory."""
    (component.instance.data / component.name).mkdir(parents=True, exist_ok=True)


def launch(loaded: Loaded, component: Component) -> Launch:
    """By sh, so that the command reads as one would type it."""
    from runtime.environment import fill, of_component

    assert isinstance(component.wants, Infra)
    if not component.wants.run:
        raise DevError(
            "no-native", f"{component.name} cannot run natively", because="its entry has no `run`",
            source=loaded.source(f"infra.{component.name}"), exit=Exit.BAD_STATE,
        )  # fmt: skip
    run = component.wants.run.replace("{data}", str(component.instance.data / component.name))
    text = fill(run, loaded, component)
    return Launch(("/bin/sh", "-c", text), component.instance.checkout, of_component(loaded, component))


def addresses(loaded: Loaded, component: Component) -> Mapping[str, str]:
    """On its one port."""
    return plain_addresses(component)


def ready_command(loaded: Loaded, component: Component) -> tuple[str, ...]:
    """Its port says it."""
    return ()


def provision(loaded: Loaded, component: Component) -> None:
    """Nothing is known about its inside."""
