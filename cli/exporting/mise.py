"""mise.toml: tools, variables, and a task for each service.

Source: https://mise.jdx.dev/configuration.html
"""

from __future__ import annotations

import json
import re

from cli.exporting import text
from cli.exporting.model import ASKED, Plain

IN_CONTAINERS = False
FILE = "mise.toml"


def render(plain: Plain) -> str:
    """The file. A variable without an exported value is in a comment."""
    lines = ["[tools]", *(f"{_key(name)} = {_text(version)}" for name, version in plain.tools.items())]
    lines += ["", "[env]", *(_variable(name, value) for name, value in plain.env.items())]
    for entry in plain.entries:
        if entry.command:
            lines += ["", f"[tasks.{_key(entry.name)}]", f"dir = {_text(entry.path)}"]
            command = ASKED.sub(r"${\1}", entry.command)
            lines += [f"run = {_text(command)}", f"[tasks.{_key(entry.name)}.env]"]
            lines += [_variable(name, value) for name, value in entry.env.items()]
    return text.comments(plain.left_out) + "\n".join(lines) + "\n"


def _variable(name: str, value: str) -> str:
    if ASKED.fullmatch(value):
        return f"# {name} ="
    filled = ASKED.sub(r"{{env.\1}}", value.replace("{{", "{{ '{{' }}"))
    return f"{_key(name)} = {_text(filled)}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(value: str) -> str:
    """A basic string of TOML, which has the escapes of JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
