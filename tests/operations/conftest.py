"""Every item that a test of an operation makes is compared with golden.json, word by word.

`DEV_GOLDEN=write` writes the file again; read its difference before you commit it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from converge import tools
from converge.instance import Instance
from converge.lockfile import this_platform
from converge.steps import Item

GOLDEN = Path(__file__).with_name("golden.json")
MADE: list[dict[str, Any]] = []
"""The items of the running test, in the order in which they were made."""


def record(found: Mapping[str, Item]) -> None:
    """Keep what was made, without what is empty."""
    MADE.extend(_full(asdict(item)) for item in found.values())


def _full(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _full(each) for key, each in value.items() if each not in ("", None, (), [], {})}
    return [_full(each) for each in value] if isinstance(value, (list, tuple)) else value


@pytest.fixture(autouse=True)
def as_recorded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Compare the items of the test with its entry; places of this machine and of this run have names of their own."""
    MADE.clear()
    yield
    if not MADE:
        return
    text = json.dumps(MADE, default=str, ensure_ascii=False)
    data = str(Instance(Path("/nowhere"), "x").data)  # for root another place
    for place, name in (
        (str(tmp_path), "TMP"),
        (data, "DATA"),
        (str(tools.store()), "STORE"),
        (str(Path.home()), "HOME"),
        (this_platform(), "PLATFORM"),
    ):
        text = text.replace(place, name)
    test = f"{request.path.name}::{request.node.name}"
    golden = json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.exists() else {}
    if os.environ.get("DEV_GOLDEN") == "write":
        golden[test] = json.loads(text)
        ordered = json.dumps(dict(sorted(golden.items())), indent=1, ensure_ascii=False)
        GOLDEN.write_text(f"{ordered}\n", "utf-8")
    else:
        assert json.loads(text) == golden.get(test), "if this is meant: DEV_GOLDEN=write, and read the difference"
