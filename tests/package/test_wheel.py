"""The wheel: small, repeatable, whole, and with nothing of the reference platform."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

from converge import schema, tool
from tests.conftest import TOOL


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name.removeprefix("dotslash_dev/tool/") for name in archive.namelist()}


def test_it_is_small_and_named_as_its_version(wheel: Path) -> None:
    assert wheel.stat().st_size < 1_000_000
    assert wheel.name == f"dotslash_dev-{tool.VERSION}-py3-none-any.whl"
    assert tomllib.loads((TOOL / "pyproject.toml").read_text())["project"]["version"] == tool.VERSION
    assert f"\n## {tool.VERSION}\n" in (TOOL / "CHANGELOG.md").read_text()


def test_the_same_source_gives_the_same_bytes(wheel: Path, tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-I", str(TOOL / "package/build_wheel.py"), str(tmp_path)], check=True, capture_output=True
    )
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_it_has_every_module_and_no_service_of_ours(wheel: Path) -> None:
    found = names(wheel)
    modules = {
        str(path.relative_to(TOOL)) for room in ("facts", "converge", "runtime", "cli")
        for path in (TOOL / room).rglob("*.py")
    }  # fmt: skip
    assert modules <= found
    assert {"dev", "requirements.lock", "CHANGELOG.md", "compose/infra.yaml", "compose/pubsub/main.go"} <= found
    assert not {name for name in found if name.startswith(("services/", "tests/", "docs/", "desired_state"))}
    own = set(schema.load(TOOL).desired.services)
    with zipfile.ZipFile(wheel) as archive:
        text = b"\n".join(archive.read(name) for name in archive.namelist() if name.endswith(".yaml")).decode()
    assert not own & {line.strip().removesuffix(":") for line in text.splitlines()}
