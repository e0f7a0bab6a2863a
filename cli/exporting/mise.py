"""mise.toml: tools, variables, and a task for each service.

Source: https://mise.jdx.dev/configuration.html
"""

from __future__ import annotations

from cli.exporting import text
from cli.exporting.model import ASKED, Plain
from converge import toml_text

IN_CONTAINERS = False
FILE = "mise.toml"


def render(plain: Plain) -> str:
    """The file. A variable without an exported value is in a comment."""
    lines = [
        "[tools]",
        *(f"{toml_text.key(name)} = {toml_text.text(version)}" for name, version in plain.tools.items()),
    ]
    lines += ["", "[env]", *(_variable(name, value) for name, value in plain.env.items())]
    for entry in plain.entries:
        if entry.command:
            lines += ["", f"[tasks.{toml_text.key(entry.name)}]", f"dir = {toml_text.text(entry.path)}"]
            command = ASKED.sub(r"${\1}", entry.command)
            lines += [f"run = {toml_text.text(command)}", f"[tasks.{toml_text.key(entry.name)}.env]"]
            lines += [_variable(name, value) for name, value in entry.env.items()]
    return text.comments(plain.left_out) + "\n".join(lines) + "\n"


def _variable(name: str, value: str) -> str:
    if ASKED.fullmatch(value):
        return f"# {name} ="
    filled = ASKED.sub(r"{{env.\1}}", value.replace("{{", "{{ '{{' }}"))
    return f"{toml_text.key(name)} = {toml_text.text(filled)}"
