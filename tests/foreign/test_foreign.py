"""A repository of others runs by its own TOML alone; two platforms of one checkout run side by side."""

from __future__ import annotations

import shutil
import urllib.request
from collections.abc import Callable
from pathlib import Path

from tests.conftest import TOOL, Checkout, wait_until

REPOSITORY = Path(__file__).parent / "repository"


def get(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}", timeout=10) as answer:
        return str(answer.read().decode())


def test_a_foreign_repository_needs_only_its_own_toml(checkout: Checkout, free_port: Callable[[], int]) -> None:
    shutil.copytree(REPOSITORY, checkout.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    shutil.copy(TOOL / "desired_state.lock", checkout.path)  # it pins the same Node
    checkout.write(
        "desired_state.local.toml",
        f"[infra.cache]\nport = {free_port()}\n[services.front]\nport = {free_port()}\n",
    )
    started = checkout.dev("start", timeout=240)
    assert started.code == 0, started.err
    entries = checkout.components()
    assert {entry["state"] for entry in entries.values()} == {"ready"}
    assert [entries[name]["kind"] for name in ("cache", "worker")] == ["infra", "service"]
    address = entries["front"]["address"]
    assert "<title>front</title>" in get(address)
    assert "first version" in get(f"{address}/main.js")
    checkout.write("front/main.js", 'document.title = "second version";\n')
    wait_until(lambda: "second version" in get(f"{address}/main.js"))
    again = checkout.dev("start")
    assert again.code == 0 and "ready already" in again.err
    assert checkout.dev("doctor").code == 0
    assert checkout.dev("stop").code == 0
    assert checkout.processes() == []
