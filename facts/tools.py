"""Which version of a tool is there: ours in the store by its marker, else the one on PATH by asking it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from facts.probe import Probe

ASK = {"go": "go version", "air": "air -v"}
"""How a tool on PATH tells its version; others answer to --version."""


@dataclass(frozen=True)
class Tool:
    """`version` is empty where there is none; `path` of the one on PATH; `provider` of the one in the store."""

    version: str = ""
    path: str = ""
    provider: str = ""


def probe(tool: str, version: str, marker: Path, command: str | None = None) -> Probe:
    """`tools.TOOL`: the marker of this version in the store, else what `command` on PATH says of itself."""
    command = tool if command is None else command
    at, name = shlex.quote(str(marker)), shlex.quote(command)
    ask = ASK.get(tool, f"{name} --version")
    sh = f"""if [ -f {at} ]; then echo store; echo {shlex.quote(version)}; cat {at}
elif command -v {name}; then {ask} 2>&1; else echo absent; fi"""
    return Probe(f"tools.{tool}", sh, parse, slow=True)


def parse(text: str) -> Tool:
    """First line `store`, `absent` or the path; then the version, however the tool dresses it."""
    first, *rest = text.strip().splitlines() or [""]
    if first == "absent":
        return Tool()
    if first == "store":
        return Tool(rest[0], provider=rest[1] if len(rest) > 1 else "")
    found = re.search(r"\d+(?:\.\d+)+", "\n".join(rest))
    return Tool(found.group() if found else "", first)
