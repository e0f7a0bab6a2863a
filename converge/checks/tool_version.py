"""Whether a desired state is for this version of the tool; checked before any key, as another version has others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converge import toml, tool

EXAMPLE = '">=0.2,<1"'


def check(tree: Mapping[str, Any], lines: Mapping[str, str], version: str = tool.VERSION) -> None:
    """DevError `bad-tool-version` or `tool-version` with the line of `[project] dev`."""
    project = tree.get("project")
    wanted = project.get("dev") if isinstance(project, dict) else None
    if not isinstance(wanted, str):
        return  # a value of another type is refused with the other keys
    at = lines.get("project.dev", "")
    allowed = accepts(wanted, version)
    if allowed is None:
        raise toml.refuse(
            "bad-tool-version", f"project.dev = {wanted!r} does not name versions", at,
            "it is a list of comparisons, separated by commas", f"write it as {EXAMPLE}",
        )  # fmt: skip
    if not allowed:
        raise toml.refuse(
            "tool-version", f"this is dev {version}, and the file is for dev {wanted}", at,
            "another version of the tool may read its keys in another way",
            "./dev upgrade writes the launcher's pin for a version that fits; CHANGELOG.md names what changes",
        )  # fmt: skip


def accepts(wanted: str, version: str) -> bool | None:
    """Whether the comparisons (PEP 440) accept the version; None if they are not comparisons."""
    # saves 7 ms of every command whose state was checked before
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        found = SpecifierSet(wanted)
    except InvalidSpecifier:
        return None
    return found.contains(version, prereleases=True) if wanted.strip() else None
