"""Checks of `env_file`, which in [env] stands among the variables."""

from __future__ import annotations

import posixpath
from typing import Any

from converge.desired import Loaded
from converge.env_files import files
from converge.toml import refuse

KEY = "env_file"
"""Key in [env], and field of the desired state."""
MOST = 100
"""Files of one `env_file`."""


def separate(tree: dict[str, Any], lines: dict[str, str]) -> None:
    """Put the `env_file` of [env] where it is a field of its own."""
    if KEY in tree:
        raise refuse(
            "value-wrong", f"{KEY} is not a key of the desired state", lines.get(KEY, ""), "it belongs to a table",
            "write it in [env], or in [services.NAME]",
        )  # fmt: skip
    env = tree.get("env")
    if not isinstance(env, dict) or KEY not in env or isinstance(env[KEY], dict):  # a table is a variable
        return
    given = env.pop(KEY)
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        because = "it is a list of files; a variable has no such name here"
        hint = f'write {KEY} = [".env"]; for a variable of that name {KEY} = {{ value = "…" }}'
        raise refuse("value-wrong", f"env.{KEY} has a wrong value", lines.get(f"env.{KEY}", ""), because, hint)
    tree[KEY] = given


def schema(document: dict[str, Any]) -> None:
    """Put the field into the JSON Schema of [env]."""
    document["properties"]["env"]["properties"] = {KEY: document["properties"].pop(KEY)}


def check(loaded: Loaded) -> None:
    """DevError with the line of the first path that is wrong."""
    counts: dict[str, int] = {}
    written = [*(("env.env_file", path) for path in loaded.desired.env_file)]
    written += [
        (f"services.{name}.{KEY}", path) for name, each in loaded.desired.services.items() for path in each.env_file
    ]
    for (key, path), file in zip(written, files.declared(loaded.desired), strict=True):
        at = loaded.source(key)
        if posixpath.isabs(path) or file.path.split("/")[0] == "..":
            because = "an env_file is a file of the checkout"
            raise refuse("bad-path", f"{path!r} leaves the checkout", at, because, "use a path relative to it")
        if not path or "\0" in path or file.path == ".":
            raise refuse("bad-path", f"{path!r} is not a file", at, "it names no file")
        counts[key] = counts.get(key, 0) + 1
        if counts[key] > MOST:
            raise refuse("value-wrong", f"{key} has too many files", at, f"the limit is {MOST}")
