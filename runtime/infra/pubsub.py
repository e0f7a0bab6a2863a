"""Pub/Sub: our small program on Google's pstest; it keeps nothing, so it makes its topics whenever it begins."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from converge import tools
from converge.desired import Infra, Loaded
from converge.errors import DevError
from runtime import placements, record
from runtime.component import Component, Launch
from runtime.infra import plain_addresses

keeps_data = False


def prepare(loaded: Loaded, component: Component) -> None:
    """Write down the topics that it begins with."""
    write_topics(component)


def launch(loaded: Loaded, component: Component) -> Launch:
    """It reads the declared topics when it begins, so that another topic is no reason to restart it."""
    program = tools.executable(loaded, "pubsub-emulator")
    if program is None:
        raise DevError("command-missing", "there is no Pub/Sub emulator", hint="run ./dev doctor --fix")
    read = 'topics=$1; shift; exec "$@" $(/bin/cat "$topics")'
    argv = ["/bin/sh", "-fc", read, "pubsub", str(_topics(component)), str(program)]
    argv += ["--address", f"127.0.0.1:{component.port}", "--project", component.instance.project]
    return Launch(tuple(argv), component.instance.checkout)


def write_topics(component: Component) -> None:
    """Have a native emulator that begins again have the topics that are declared now."""
    wants = component.wants
    assert isinstance(wants, Infra)
    words = [f"--topic {topic}={','.join(names)}\n" for topic, names in wants.topics.items()]
    record.write(_topics(component), "".join(words))


def no_fallback(loaded: Loaded, component: Component) -> str:
    """It is the same program."""
    return ""


def variables(loaded: Loaded, component: Component) -> Mapping[str, str]:
    """Project and topics: of a container that runs, those that it began with, or Compose would make it again."""
    assert isinstance(component.wants, Infra)
    topics = " ".join(f"{topic}={','.join(names)}" for topic, names in component.wants.topics.items())
    note = component.instance.engine_record.with_name(f"{component.name}.topics")
    try:
        before = note.read_text()
    except OSError:
        before = ""
    if before and before != topics and placements.look(component).placement == "docker" and placements.lives(component):
        topics = before
    elif before != topics:
        record.write(note, topics)
    return {"PROJECT_ID": component.instance.project, "TOPICS": topics}


def check_volume(component: Component) -> None:
    """Whatever a volume holds fits."""


def addresses(loaded: Loaded, component: Component, host: str) -> Mapping[str, str]:
    """For PUBSUB_EMULATOR_HOST: the address without a scheme."""
    return plain_addresses(component, host)


def why_not(component: Component, timeout: float) -> str:
    """It listens only after its topics are made."""
    return ""


def _topics(component: Component) -> Path:
    return component.directory / "topics"
