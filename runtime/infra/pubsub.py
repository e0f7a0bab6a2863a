"""Pub/Sub: our small program on Google's pstest; topics are made anew at every start."""

from __future__ import annotations

from collections.abc import Mapping

from converge import tools
from converge.errors import DevError
from runtime.component import InfraComponent, Launch
from runtime.infra import plain_addresses
from runtime.platform import Platform

keeps_data = False


def prepare(platform: Platform, component: InfraComponent) -> None:
    """It keeps nothing."""


def launch(platform: Platform, component: InfraComponent) -> Launch:
    """The declared topics with their subscriptions are part of its command line."""
    program = tools.executable(platform.loaded, "pubsub-emulator")
    if program is None:
        raise DevError("command-missing", "there is no Pub/Sub emulator", hint="run ./dev doctor --fix")
    argv = [str(program), "--address", f"127.0.0.1:{component.port}", "--project", component.instance.project]
    for topic, subscriptions in component.wants.topics.items():
        argv += ["--topic", f"{topic}={','.join(subscriptions)}"]
    return Launch(tuple(argv), component.instance.checkout)


def no_fallback(platform: Platform, component: InfraComponent) -> str:
    """It is the same program."""
    return ""


def variables(platform: Platform, component: InfraComponent) -> Mapping[str, str]:
    """Project and topics."""
    topics = " ".join(f"{topic}={','.join(names)}" for topic, names in component.wants.topics.items())
    return {"PROJECT_ID": component.instance.project, "TOPICS": topics}


def check_volume(component: InfraComponent) -> None:
    """Whatever a volume holds fits."""


def addresses(platform: Platform, component: InfraComponent, host: str) -> Mapping[str, str]:
    """For PUBSUB_EMULATOR_HOST: the address without a scheme."""
    return plain_addresses(component, host)


def why_not(component: InfraComponent, timeout: float) -> str:
    """It listens only after its topics are made."""
    return ""


def provision(platform: Platform, component: InfraComponent) -> None:
    """Done by its command line."""
