"""devcontainer.json: ports and variables of the platform.

Source: https://containers.dev/implementors/json_reference/
"""

from __future__ import annotations

import json

from cli.exporting import text
from cli.exporting.model import ASKED, Plain

IN_CONTAINERS = False
FILE = ".devcontainer/devcontainer.json"
IMAGE = "debian:12"


def render(plain: Plain) -> str:
    """The file; secrets come from the variables of the machine on which the editor runs."""
    ports = {entry.port: entry.name for entry in plain.entries if entry.port}
    env = {name: ASKED.sub(r"${localEnv:\1}", value) for name, value in plain.env.items()}
    body = {
        "name": plain.name, "image": IMAGE, "forwardPorts": list(ports),
        "portsAttributes": {str(port): {"label": name} for port, name in ports.items()}, "containerEnv": env,
    }  # fmt: skip
    tools = tuple(f"{name} {version}: install it in the image" for name, version in plain.tools.items())
    return text.comments((*plain.left_out, *tools), "//") + json.dumps(body, indent=2, ensure_ascii=False) + "\n"
