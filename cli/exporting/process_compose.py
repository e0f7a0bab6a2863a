"""process-compose.yaml: every component as a process, with its order and when it is ready.

Source: https://f1bonacc1.github.io/process-compose/
"""

from __future__ import annotations

import shlex
from typing import Any

from cli.exporting import text
from cli.exporting.model import Entry, Plain, asked

IN_CONTAINERS = False
FILE = "process-compose.yaml"


def render(plain: Plain) -> str:
    """The file; infrastructure that is known by its image is run by `docker run`."""
    known = {entry.name: entry for entry in plain.entries if _command(entry)}
    body: dict[str, Any] = {"version": "0.5"}
    if plain.env:
        body["environment"] = [f"{name}={asked(value)}" for name, value in plain.env.items()]
    body["processes"] = {name: _process(entry, known) for name, entry in known.items()}
    return text.comments(plain.left_out) + text.yaml(body)


def _command(entry: Entry) -> str:
    if entry.command or not entry.image:
        return entry.command
    words = ["docker", "run", "--rm", "-p", f"127.0.0.1:{entry.port}:{entry.inside}"]
    for name in entry.env:
        words += ["-e", name]
    return shlex.join([*words, entry.image])


def _process(entry: Entry, known: dict[str, Entry]) -> dict[str, Any]:
    made: dict[str, Any] = {"command": asked(_command(entry))}
    if entry.path != ".":
        made["working_dir"] = entry.path
    if entry.env:
        made["environment"] = [f"{name}={asked(value)}" for name, value in entry.env.items()]
    needs = {name: {"condition": _condition(known[name])} for name in entry.needs if name in known}
    if needs:
        made["depends_on"] = needs
    if entry.port:
        get = {"host": "127.0.0.1", "port": entry.port, "path": entry.http}
        command = {"command": f"nc -z 127.0.0.1 {entry.port}"}
        made["readiness_probe"] = {"http_get": get} if entry.http else {"exec": command}
    return made


def _condition(entry: Entry) -> str:
    if entry.once:
        return "process_completed_successfully"
    return "process_healthy" if entry.port else "process_started"
