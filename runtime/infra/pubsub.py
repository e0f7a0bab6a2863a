"""Pub/Sub: our small program on Google's pstest; topics are made anew at every start."""

from __future__ import annotations

from collections.abc import Mapping

from converge import tools
from converge.desired import Infra, Loaded
from converge.errors import DevError
from runtime.component import Component, Launch
from runtime.infra import plain_addresses

keeps_data = False


def prepare(loaded: Loaded, component: Component) -> None:
    """It keeps nothing."""


def launch(loaded: Loaded, component: Component) -> Launch:
    """The declared topics with their subscriptions are part of its command line."""
    program = tools.executable(loaded, "pubsub-emulator")
    if program is None:
        raise DevError("command-missing", "there is no Pub/Sub emulator", hint="run ./dev doctor --fix")
    assert isinstance(component.wants, Infra)
    argv = [str(program), "--address", f"127.0.0.1:{component.port}", "--project", component.instance.project]
    for topic, subscriptions in component.wants.topics.items():
        argv += ["--topic", f"{topic}={','.join(subscriptions)}"]
    return Launch(tuple(argv), component.instance.checkout)


def no_fallback(loaded: Loaded, component: Component) -> str:
    """It is the same program."""
    return ""


def variables(loaded: Loaded, component: Component) -> Mapping[str, str]:
    """Project and topics."""
    assert isinstance(component.wants, Infra)
    topics = " ".join(f"{topic}={','.join(names)}" for topic, names in component.wants.topics.items())
    return {"PROJECT_ID": component.instance.project, "TOPICS": topics}


def check_volume(component: Component) -> None:
    """Whatever a volume holds fits."""


def addresses(loaded: Loaded, component: Component, host: str) -> Mapping[str, str]:
    """For PUBSUB_EMULATOR_HOST: the address without a scheme."""
    return plain_addresses(component, host)


def why_not(component: Component, timeout: float) -> str:
    """It listens only after its topics are made."""
    return ""


def provision(loaded: Loaded, component: Component) -> None:
    """Done by its command line."""
