"""Pub/Sub: our small program on Google's pstest; topics are made anew at every start."""

from __future__ import annotations

from collections.abc import Mapping

from converge import tools
from converge.errors import DevError
from runtime.component import InfraComponent, Launch
from runtime.infra import plain
from runtime.platform import Platform

keeps_data = False
greets = False
ready_timeout = plain.ready_timeout
copied_by_sql = False
prepare = plain.no_data


def launch(platform: Platform, component: InfraComponent) -> Launch:
    """The declared topics with their subscriptions are part of its command line."""
    program = tools.executable(platform.loaded, "pubsub-emulator")
    if program is None:
        raise DevError("command-missing", "there is no Pub/Sub emulator", hint="run ./dev doctor --fix")
    argv = [str(program), "--address", f"127.0.0.1:{component.port}", "--project", component.instance.project]
    for topic, subscriptions in component.wants.topics.items():
        argv += ["--topic", f"{topic}={','.join(subscriptions)}"]
    return Launch(tuple(argv), component.instance.checkout)


no_fallback = plain.can_fall_back  # it is the same program


def variables(platform: Platform, component: InfraComponent) -> Mapping[str, str]:
    """Project and topics."""
    topics = " ".join(f"{topic}={','.join(names)}" for topic, names in component.wants.topics.items())
    return {"PROJECT_ID": component.instance.project, "TOPICS": topics}


check_volume = plain.any_volume
addresses = plain.http_addresses  # PUBSUB_EMULATOR_HOST wants the address without a scheme
why_not = plain.port_says_it  # it listens only after its topics are made


def provision(platform: Platform, component: InfraComponent) -> None:
    """Done by its command line."""
