"""Any other infrastructure: the command its entry names, with a data directory of its own."""

from __future__ import annotations

from collections.abc import Mapping

from converge.desired import Infra, Loaded
from converge.errors import DevError, Exit
from runtime.component import Component, Launch
from runtime.infra import plain_addresses

keeps_data = True


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
    text = fill(component.wants.run, loaded, component, data=True)
    return Launch(("/bin/sh", "-c", text), component.instance.checkout, of_component(loaded, component))


def no_fallback(loaded: Loaded, component: Component) -> str:
    """Without a command it has no native placement."""
    assert isinstance(component.wants, Infra)
    return "" if component.wants.run else "its entry has no `run` for a native placement"


def variables(loaded: Loaded, component: Component) -> Mapping[str, str]:
    """Nothing is known about its inside."""
    return {}


def check_volume(component: Component) -> None:
    """Whatever a volume holds fits."""


def addresses(loaded: Loaded, component: Component, host: str) -> Mapping[str, str]:
    """On its one port."""
    return plain_addresses(component, host)


def why_not(component: Component, timeout: float) -> str:
    """Its port says it."""
    return ""


def provision(loaded: Loaded, component: Component) -> None:
    """Nothing is known about its inside."""
