"""compose.yaml: infrastructure by its image; services stay processes of this machine.

Source: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

from typing import Any

from cli.exporting import text
from cli.exporting.model import Entry, Plain, asked

IN_CONTAINERS = True
FILE = "compose.yaml"


def render(plain: Plain) -> str:
    """The file. What it has no service for is named in a comment."""
    images = {entry.name: entry for entry in plain.entries if entry.image}
    left = (*plain.left_out, *(f"{each.name}: it has no image" for each in plain.entries if not each.image))
    services = {name: _service(entry, images) for name, entry in images.items()}
    return text.comments(left) + text.yaml({"name": plain.name, "services": services})


def _service(entry: Entry, known: dict[str, Entry]) -> dict[str, Any]:
    made: dict[str, Any] = {"image": entry.image}
    if entry.port:
        made["ports"] = [f"127.0.0.1:{entry.port}:{entry.inside}"]
    if entry.env:
        made["environment"] = {name: asked(value) for name, value in entry.env.items()}
    if needs := [name for name in entry.needs if name in known]:
        made["depends_on"] = needs
    return made
