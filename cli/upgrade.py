"""`./dev upgrade`: change the version of the tool that the launcher of a repository pins."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Argument, Option
from cli.where import FILE
from converge import atomic, published, toml, tool
from converge.checks import tool_version
from converge.errors import DevError, Exit
from facts import regular

PIN = re.compile(r"^VERSION=\S* SHA256=\S*", re.MULTILINE)


def run(
    context: Context,
    versions: Annotated[list[str] | None, Argument("VERSION", help="The version; without: the newest one.")] = None,
    check: Annotated[bool, Option("--check", help="Write nothing; exit 2 if the launcher would change.")] = False,
) -> int:
    """Write version and sha256 of the tool into the launcher `dev` of the repository, and print what changes.

    Without VERSION it is the newest version that `[project] dev` accepts. A repository without a launcher gets one.
    Nothing else is changed.
    """
    version = _version(versions or ())
    checkout = context.checkout
    path, pinned = checkout / "dev", _pinned(checkout)
    wanted, at = _wanted(checkout)
    found = published.fetch(f"=={version}" if version else wanted)
    if wanted and not tool_version.accepts(wanted, found.version):
        raise toml.refuse(
            "tool-version", f"the file is for dev {wanted}, not for {found.version}", at,
            "the launcher would start a version that refuses the file", "change `dev` of [project] first",
        )  # fmt: skip
    if pinned == (found.version, found.sha256):
        render.say(f"{path} pins {found.version} already", "green")
        return int(Exit.OK)
    _tell(path, pinned[0] if pinned else "", found)
    if check:
        return int(Exit.DRIFT)
    text = regular.content(path).decode() if pinned else found.launcher
    atomic.write(path, PIN.sub(f"VERSION={found.version} SHA256={found.sha256}", text, count=1), mode=0o777)
    render.say(f"{'changed' if pinned else 'made'} {path}: commit it", "green")
    return int(Exit.OK)


def _version(words: Sequence[str]) -> str:
    """The version that the command line names; empty if it names none."""
    if not words:
        return ""
    if len(words) > 1 or not re.fullmatch(r"\d[0-9A-Za-z.+!]{0,40}", words[0]):
        raise DevError("usage", "one version is needed", hint="./dev upgrade 0.3.0, or ./dev upgrade", exit=Exit.USAGE)
    return words[0]


def _tell(path: Path, before: str, found: published.Published) -> None:
    """Print the change of the launcher, and what is new in the versions between."""
    render.out(f"{path}: {f'{before} -> ' if before else 'new launcher, '}{found.version} (sha256 {found.sha256})")
    if what := published.changes(found.changelog, before or found.version, found.version):
        render.out(what)


def _pinned(checkout: Path) -> tuple[str, str] | None:
    """What the launcher pins now; None if there is none. DevError `launcher-other` if `dev` is anything else."""
    path = checkout / "dev"
    if not os.path.lexists(path):
        return None
    pinned = tool.pin(path)
    if pinned and pinned[0]:
        return pinned
    raise DevError(
        "launcher-other", f"{path} is not a launcher that pins a version",
        because="it is the tool's own checkout" if pinned else "another program or directory has this name",
        hint="git pull brings a newer version" if pinned else "give it another name, then run ./dev upgrade again",
        exit=Exit.NEEDS_HUMAN,
    )  # fmt: skip


def _wanted(checkout: Path) -> tuple[str, str]:
    """`[project] dev` and its line; empty without. Other keys are not read, as they may be of another version."""
    try:
        tree, lines = toml.tree(regular.content(checkout / FILE), FILE)
    except OSError:
        return "", ""
    project = tree.get("project")
    wanted, at = project.get("dev") if isinstance(project, dict) else None, lines.get("project.dev", "")
    if not isinstance(wanted, str):
        return "", ""
    if tool_version.accepts(wanted, tool.VERSION) is None:
        tool_version.check(tree, lines)
    return wanted, at
