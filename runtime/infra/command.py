"""Any other infrastructure: the command its entry names, with a data directory of its own."""

from __future__ import annotations

from collections.abc import Mapping

from converge.errors import DevError, Exit
from runtime.component import InfraComponent, Launch
from runtime.infra import plain_addresses
from runtime.platform import Platform

keeps_data = True


def prepare(platform: Platform, component: InfraComponent) -> None:
    """Make the data directory."""
    (component.instance.data / component.name).mkdir(parents=True, exist_ok=True)


def launch(platform: Platform, component: InfraComponent) -> Launch:
    """By sh, so that the command reads as one would type it."""
    from runtime.environment import fill, of_component

    if not component.wants.run:
        raise DevError(
            "no-native", f"{component.name} cannot run natively", because="its entry has no `run`",
            source=platform.source(component), exit=Exit.BAD_STATE,
        )  # fmt: skip
    run = component.wants.run.replace("{data}", str(component.instance.data / component.name))
    text = fill(run, platform, component)
    return Launch(("/bin/sh", "-c", text), component.instance.checkout, of_component(platform, component))


def no_fallback(platform: Platform, component: InfraComponent) -> str:
    """Without a command it has no native placement."""
    return "" if component.wants.run else "its entry has no `run` for a native placement"


def variables(platform: Platform, component: InfraComponent) -> Mapping[str, str]:
    """Nothing is known about its inside."""
    return {}


def check_volume(component: InfraComponent) -> None:
    """Whatever a volume holds fits."""


def addresses(platform: Platform, component: InfraComponent, host: str) -> Mapping[str, str]:
    """On its one port."""
    return plain_addresses(component, host)


def why_not(component: InfraComponent, timeout: float) -> str:
    """Its port says it."""
    return ""


def provision(platform: Platform, component: InfraComponent) -> None:
    """Nothing is known about its inside."""
