"""The package of the tool on the index that pip is set up for: downloaded, with its version, sha256 and changelog."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from converge import installing
from converge.errors import DevError, Exit
from converge.tool import PACKAGE
from facts.value import dataclass

DOWNLOAD_TIMEOUT = 300.0
"""Seconds for pip; the package has less than 1 MB."""


@dataclass(frozen=True)
class Published:
    """One version of the package."""

    version: str
    sha256: str
    changelog: str
    launcher: str
    """The file `dev`, without a pin."""


def fetch(wanted: str) -> Published:
    """The newest version that `wanted` (`==0.3.0`, `>=0.2,<1` or nothing) accepts.

    DevError `tool-unpublished` if pip cannot download one, or what it downloads is another project's.
    """
    with tempfile.TemporaryDirectory(prefix="dev-upgrade-") as directory:
        place = Path(directory)
        argv = [_pip(place), "-I", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "download"]
        _run([*argv, "--no-deps", "--only-binary=:all:", "--dest", directory, f"{PACKAGE}{wanted}"], wanted)
        wheel = next(place.glob("*.whl"))
        try:
            with zipfile.ZipFile(wheel) as archive:
                changelog, launcher = (
                    archive.read(f"dotslash_dev/tool/{each}").decode() for each in ("CHANGELOG.md", "dev")
                )
        except (KeyError, ValueError, zipfile.BadZipFile):
            raise _stranger(wheel.name) from None
        return Published(wheel.name.split("-")[1], hashlib.sha256(wheel.read_bytes()).hexdigest(), changelog, launcher)


def _stranger(name: str) -> DevError:
    return DevError(
        "tool-unpublished", f"{name} is not this tool", exit=Exit.NEEDS_HUMAN,
        because=f"another project has the name {PACKAGE} on the package index that pip is set up for",
        hint="set PIP_INDEX_URL to an index that has the tool; nothing of the other package was run or kept",
    )  # fmt: skip


def changes(changelog: str, after: str, until: str) -> str:
    """The sections of versions later than `after`, up to `until`; empty where there are none."""
    sections = re.split(r"(?m)^(?=## )", changelog)[1:]
    low, high = _numbers(after), _numbers(until)
    return "".join(each for each in sections if low < _numbers(each.split()[1]) <= high).strip()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _pip(place: Path) -> str:
    """A Python that has pip: this one, or that of a new environment, as one made by uv has none."""
    if importlib.util.find_spec("pip"):
        return sys.executable
    _run([sys.executable, "-I", "-m", "venv", str(place / "venv")], "")
    return str(place / "venv/bin/python")


def _run(argv: list[str], wanted: str) -> None:
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=DOWNLOAD_TIMEOUT, env=installing.environment(),
        )  # fmt: skip
        said = [] if done.returncode == 0 else [line for line in done.stderr.splitlines() if line.strip()][-2:]
        failed = done.returncode != 0
    except (OSError, subprocess.TimeoutExpired) as problem:
        failed, said = True, [str(problem)]
    if failed:
        raise DevError(
            "tool-unpublished", f"{PACKAGE}{wanted} could not be downloaded", because="; ".join(said) or "pip failed",
            hint="check the version, and the network, proxy and package index settings of pip",
        )  # fmt: skip
