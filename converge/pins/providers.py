"""Which provider a tool has that is known by its entry alone: Go, npm, PyPI, a GitHub release or an address."""

from __future__ import annotations

import re

from converge.desired import Desired, Loaded, Tool
from converge.package_names import PYTHON
from converge.toml import refuse

NAMES = {
    "go": r"[a-z0-9][A-Za-z0-9.-]*\.[a-z]+(/[A-Za-z0-9_~][A-Za-z0-9._~-]*)+",
    "npm": r"(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~][a-z0-9._~-]*",
    "pypi": PYTHON,
    "github": r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.][A-Za-z0-9_.-]*",
    "url": r"https?://[^/\s]+/\S+",
}
"""Provider -> what it takes; each becomes a word of a command or an address."""
WORDS = {
    "os": {"linux": "linux", "macos": "darwin"},
    "arch": {"x64": "amd64", "arm64": "arm64"},
}
"""Word of a platform -> how most vendors write it."""
KNOWN = {
    "buf": Tool(github="bufbuild/buf"),
    "bun": Tool(github="oven-sh/bun"),
    "just": Tool(pypi="rust-just"),
    "pnpm": Tool(npm="pnpm"),
    "poetry": Tool(pypi="poetry"),
    "ruff": Tool(pypi="ruff"),
    "sqlc": Tool(go="github.com/sqlc-dev/sqlc/cmd/sqlc"),
    "task": Tool(go="github.com/go-task/task/v3/cmd/task"),
    "yarn": Tool(npm="yarn"),
}
"""Tools that need no table: what their entry would be."""
VENDORS = {
    "go": Tool(url="https://go.dev/dl/go{version}.{os}-{arch}.tar.gz",
               checksums="https://dl.google.com/go/{file}.sha256"),
    "node": Tool(url="https://nodejs.org/dist/v{version}/node-v{version}-{os}-{arch}.tar.gz",
                 checksums="https://nodejs.org/dist/v{version}/SHASUMS256.txt", arch={"x64": "x64"}),
}  # fmt: skip
"""Tools whose vendor publishes archives with checksums; the lock has them besides a wheel, and they are tried first."""


def of(desired: Desired, tool: str) -> Tool | None:
    """The entry that names the provider of the tool: the team's own, else a known one; None without any."""
    entry = desired.tool_sources.get(tool)
    return entry if entry and kind(entry) else KNOWN.get(tool)


def kind(entry: Tool) -> str:
    """The key that names the provider; empty if the entry has none."""
    return next((key for key in NAMES if getattr(entry, key) is not None), "")


def source(entry: Tool | None) -> str:
    """The provider in one line, as the lock has it: another one makes the lock stale."""
    if entry is None:
        return ""
    key = kind(entry)
    return " ".join(filter(None, (key, getattr(entry, key), entry.checksums)))


def check(loaded: Loaded) -> None:
    """Refuse a name that its provider could take for something else, and keys that do not go together."""
    for tool, entry in loaded.desired.tool_sources.items():
        given, at = [key for key in NAMES if getattr(entry, key) is not None], f"tools.{tool}"
        if len(given) > 1:
            raise refuse(
                "value-wrong", f"{tool} has {len(given)} providers", loaded.source(at), " and ".join(given),
                "write one of them",
            )  # fmt: skip
        for key in given:
            if not re.fullmatch(NAMES[key], getattr(entry, key)):
                raise refuse(
                    "bad-package", f"{getattr(entry, key)!r} is not what `{key}` takes", loaded.source(f"{at}.{key}"),
                    "it becomes a word of a command or an address",
                )  # fmt: skip
        if entry.checksums and not re.fullmatch(NAMES["url"], entry.checksums):
            where = loaded.source(f"{at}.checksums")
            raise refuse("value-wrong", f"checksums of {tool} are not an address", where, "it begins with https://")
        for key in ("checksums", "os", "arch"):
            if getattr(entry, key) and given != ["url"]:
                raise refuse("value-wrong", f"{tool} has {key} and no url", loaded.source(at), "only `url` uses it")
        for key in ("os", "arch"):
            if unknown := getattr(entry, key).keys() - WORDS[key].keys():
                because = f"known are {' and '.join(WORDS[key])}"
                raise refuse("value-wrong", f"{min(unknown)!r} is not a word of {key}", loaded.source(at), because)
