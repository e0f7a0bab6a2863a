"""Which version of a tool is there: ours in the store by its marker, else the one on PATH by asking it."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

from facts import regular, surroundings, unpacked
from facts.probe import AnyProbe, LocalProbe, Probe
from facts.value import dataclass

ASK = {"go": "go version", "air": "air -v", "delve": "dlv version"}
"""How a tool on PATH tells its version; others answer to --version."""
KNOWN = ("go", "node", "uv", "python", "air", "delve", "postgres", "pubsub-emulator", "docker-compose", "debugpy")
"""Tools that may be asked for a checkout that is not trusted; another name could be that of any program."""


@dataclass(frozen=True)
class Tool:
    """`version` is empty where there is none; `path` of the one on PATH; `provider` of the one in the store."""

    version: str = ""
    path: str = ""
    provider: str = ""
    damage: str | None = None
    """What is wrong with the one in the store, which then has no version and no provider."""


@dataclass(frozen=True)
class Versions:
    """What programs said of themselves, kept as long as the file is the same one by inode, time and size."""

    file: Path

    def known(self, path: str) -> str | None:
        """The version of the program at the path; None if it was never asked, or is another file by now."""
        try:
            version = self._all().get(_identity(path))
        except OSError:
            return None
        return version if isinstance(version, str) else None

    def _all(self) -> dict[str, object]:
        try:
            known = regular.document(self.file)
        except (OSError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def keep(self, path: str, version: str) -> None:
        """Remember it; where nothing can be written, it is asked again next time."""
        known = self._all()
        try:
            known[_identity(path)] = version
            self.file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.file.with_suffix(f".{os.getpid()}")
            fresh.write_text(json.dumps(known))
            fresh.replace(self.file)
        except OSError:
            pass


def _identity(path: str) -> str:
    about = os.stat(path)
    return f"{path} {about.st_ino} {about.st_mtime_ns} {about.st_size}"


def probe(
    tool: str, version: str, marker: Path, command: str | None = None, versions: Versions | None = None,
    program: str = "",
) -> AnyProbe:  # fmt: skip
    """`tools.TOOL`: this version in the store, whose marker has the provider and whose files are looked at; else what
    `command` on PATH says of itself.
    """
    command = tool if command is None else command
    if os.path.exists(marker):  # False where that cannot be found out
        return LocalProbe(f"tools.{tool}", lambda: _stored(marker, version, program or tool))
    path = "" if versions is None else surroundings.program(command) or ""
    if path and versions and (told := versions.known(path)):
        return LocalProbe(f"tools.{tool}", lambda: Tool(told, path))
    at, name = shlex.quote(str(marker)), shlex.quote(command)
    ask = ASK.get(tool, f"{name} --version")
    sh = f"""if [ -f {at} ]; then echo store; echo {shlex.quote(version)}; read -r provider <{at}; echo "$provider"
elif command -v {name}; then {ask} 2>&1; else echo absent; fi"""

    def parsed(text: str) -> Tool:
        found = parse(text)
        if versions and found.path and found.version:
            versions.keep(found.path, found.version)
        return found

    return Probe(f"tools.{tool}", sh, parsed, slow=True)


def _stored(marker: Path, version: str, program: str) -> Tool:
    if problem := unpacked.damage(marker.parent, program):
        return Tool(damage=problem)
    try:
        return Tool(version, provider=regular.text(marker).partition("\n")[0])
    except (OSError, ValueError) as problem:
        return Tool(damage=f"{marker.name} cannot be read ({getattr(problem, 'strerror', None) or problem})")


def parse(text: str) -> Tool:
    """First line `store`, `absent` or the path; then the version, however the tool dresses it."""
    first, *rest = text.strip().splitlines() or [""]
    if first == "absent":
        return Tool()
    if first == "store":
        return Tool(rest[0], provider=rest[1] if len(rest) > 1 else "")
    found = re.search(r"\d+(?:\.\d+)+", "\n".join(rest))
    return Tool(found.group() if found else "", first)
