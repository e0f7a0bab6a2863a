"""Checks of `[tasks]`: names, places and needs."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from converge import toml
from converge.desired import Loaded

NAME = r"[a-z][a-z0-9:_-]{0,62}"
"""`db:seed` is a name as well, as in npm's scripts."""


def check(loaded: Loaded, components: Collection[str]) -> None:
    """DevError with the line of the first key that is wrong."""
    for name, task in loaded.desired.tasks.items():
        key = f"tasks.{name}"
        if not re.fullmatch(NAME, name):
            raise toml.refuse(
                "bad-name", f"{name!r} is not a valid name of a task", loaded.source(key),
                "it is a word of a command line", "use lower-case letters, digits, dashes, underscores and colons",
            )  # fmt: skip
        if not task.run.strip():
            because = "`run` is empty"
            raise toml.refuse("value-wrong", f"task {name} has no command", loaded.source(f"{key}.run"), because)
        if Path(task.path).is_absolute() or ".." in Path(task.path).parts:
            because = "the path of a task must be in the checkout"
            raise toml.refuse("bad-path", f"path of task {name} leaves the checkout", loaded.source(key), because)
        for need in task.needs:
            if need not in components:
                raise toml.refuse(
                    "needs-unknown", f"task {name} needs {need!r}, which is not declared",
                    loaded.source(f"{key}.needs"), "`needs` must name components of this file",
                    f"declared are: {', '.join(components) or 'none'}",
                )  # fmt: skip
