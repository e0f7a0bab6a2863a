"""Pub/Sub: a small program on Google's pstest; it has no data, so it makes its topics at each start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from converge import atomic, tools
from converge.errors import DevError
from runtime import placements
from runtime.component import InfraComponent, Launch
from runtime.infra import plain
from runtime.platform import Platform

keeps_data = False
greets = False
ready_timeout = plain.ready_timeout
copied_by_sql = False


def prepare(platform: Platform, component: InfraComponent) -> None:
    """Write the topics that it makes at its start."""
    write_topics(component)


def launch(platform: Platform, component: InfraComponent, host: str) -> Launch:
    """It reads the declared topics at its start, so that a new topic needs no restart."""
    program = tools.executable(platform.loaded, "pubsub-emulator")
    if program is None:
        raise DevError("command-missing", "there is no Pub/Sub emulator", hint="run ./dev doctor --fix")
    read = 'topics=$1; shift; exec "$@" $(/bin/cat "$topics")'
    argv = ["/bin/sh", "-fc", read, "pubsub", str(_topics(component)), str(program)]
    argv += ["--address", f"{host}:{component.port}", "--project", component.instance.project]
    return Launch(tuple(argv), component.instance.checkout, plain.moved(host))


def write_topics(component: InfraComponent) -> None:
    """Write the declared topics for the next start of a native emulator."""
    words = [f"--topic {topic}={','.join(names)}\n" for topic, names in component.wants.topics.items()]
    atomic.write(_topics(component), "".join(words))


no_fallback = plain.can_fall_back  # it is the same program


def variables(platform: Platform, component: InfraComponent) -> Mapping[str, str]:
    """Project and topics; a running container keeps those of its start, or Compose would make it again."""
    topics = " ".join(f"{topic}={','.join(names)}" for topic, names in component.wants.topics.items())
    note = component.instance.engine_record.with_name(f"{component.name}.topics")
    try:
        before = note.read_text()
    except OSError:
        before = ""
    if before and before != topics and _lives_in_docker(component):
        topics = before
    elif before != topics:
        atomic.write(note, topics)
    return {"PROJECT_ID": component.instance.project, "TOPICS": topics}


check_volume = plain.any_volume
addresses = plain.http_addresses  # PUBSUB_EMULATOR_HOST is an address without a scheme
why_not = plain.port_says_it  # it listens only after its topics are made


def _lives_in_docker(component: InfraComponent) -> bool:
    seen = placements.look(component)
    return seen.lives and seen.placement == "docker"


def _topics(component: InfraComponent) -> Path:
    return component.directory / "topics"
