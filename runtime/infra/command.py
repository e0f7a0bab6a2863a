"""Any other infrastructure: the `run` of its entry, with its own data directory."""

from __future__ import annotations

from converge.errors import DevError, Exit
from runtime.component import InfraComponent, Launch
from runtime.environment import fill, of_component
from runtime.infra import plain
from runtime.platform import Platform

keeps_data = True
greets = False
ready_timeout = plain.ready_timeout
copied_by_sql = False
prepare = plain.data_directory


def launch(platform: Platform, component: InfraComponent, host: str) -> Launch:
    """Run by sh, so that the entry can use shell syntax."""
    if not component.wants.run:
        raise DevError(
            "no-native", f"{component.name} cannot run natively", because="its entry has no `run`",
            source=platform.source(component), exit=Exit.BAD_STATE,
        )  # fmt: skip
    text = fill(component.wants.run, platform, component, host=host, data=True)
    env = of_component(platform, component, host=host)
    return Launch(("/bin/sh", "-c", text), component.instance.checkout, env)


def no_fallback(platform: Platform, component: InfraComponent) -> str:
    """Without a command it has no native placement."""
    return "" if component.wants.run else "its entry has no `run` for a native placement"


variables = plain.no_variables
check_volume = plain.any_volume
addresses = plain.http_addresses
why_not = plain.port_says_it
