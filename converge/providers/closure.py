"""A tool that is a Python package with dependencies: all of them are locked by the hashes that the index has."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import fetch, installing, network
from converge.errors import DevError, Exit
from converge.machine import Machine
from converge.providers import wheel

PYTHON = "3.11"
"""The oldest Python that runs `./dev`, which is the one that runs the tool."""


def locked(package: str, version: str, machine: Machine, uv: str) -> dict[str, Any]:
    """The lock's entry: every package for every platform, as pip reads it. DevError `no-provider` if none fits."""
    with tempfile.TemporaryDirectory() as directory:
        wanted = Path(directory) / "wanted.in"
        wanted.write_text(f"{package}=={version}\n")
        argv = [uv, "pip", "compile", "--universal", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
        argv += ["--only-binary=:all:", f"--python-version={PYTHON}", str(wanted)]
        ran = machine.run(argv, cwd=Path(directory), env=installing.environment(), timeout=600)
    if ran.returncode or "--hash=" not in ran.stdout:
        because = " ".join(ran.stderr.split())[:300]
        hint = network.hint(ran.stderr, "check the version and the network")
        raise DevError(
            "no-provider", f"{package} {version} was not found with its dependencies", because=because, hint=hint
        )
    text = "\n".join(line for line in ran.stdout.splitlines() if not line.startswith("--")) + "\n"
    return {"version": version, "package": package, "hashed": "the index", "requirements": text}


def install(tool: str, pinned: Mapping[str, Any], fresh: Path, machine: Machine) -> None:
    """Put the packages into `lib/` of the tool's home, and a script for each program of its own one into `bin/`."""
    machine.say(f"downloading {pinned['package']} {pinned['version']} and its dependencies")
    with tempfile.TemporaryDirectory(dir=fresh.parent, prefix=f"{fresh.name}.") as directory:
        file = Path(directory) / "requirements.txt"
        file.write_text(pinned["requirements"])
        argv = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "install", "--no-input", "--quiet"]
        argv += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--target", str(fresh / "lib")]
        ran = machine.run([*argv, "-r", str(file)], env=installing.environment(), timeout=fetch.LONGEST)
    if ran.returncode:
        _refuse(tool, str(pinned["version"]), ran.stderr)
    points = wheel.entry_points(_text(fresh / "lib", pinned["package"]))
    wheel.write_scripts(fresh, points, os.path.realpath(sys.executable))
    if not (fresh / "bin" / tool).exists():
        raise DevError("bad-archive", f"{tool} is not unpacked", because=f"{pinned['package']} has no program {tool}")


def _refuse(tool: str, version: str, said: str) -> None:
    lines = [line.removeprefix("ERROR: ") for line in said.strip().splitlines() if line.strip()] or ["no answer"]
    if "DO NOT MATCH THE HASHES" in said:
        raise DevError(
            "hash-mismatch", f"a package of {tool} does not have the hash in desired_state.lock; nothing was installed",
            because=next((line.strip() for line in lines if "==" in line), lines[0]),
            hint="the file was changed on its way, or the lock is wrong: find out which before you continue",
            source="desired_state.lock", exit=Exit.BAD_STATE,
        )  # fmt: skip
    raise DevError(
        "download-failed", f"{tool} {version} could not be downloaded", because=lines[-1],
        hint=network.hint(said, "check the network, proxy and package index settings of pip, then run again"),
    )  # fmt: skip


def _text(library: Path, package: str) -> str:
    """Its entry points, as its wheel has them."""
    name = re.sub(r"[-_.]+", "_", package).lower()
    for place in library.glob("*.dist-info/entry_points.txt"):
        if re.sub(r"[-_.]+", "_", place.parent.name.partition("-")[0]).lower() == name:
            return place.read_text("utf-8")
    return ""
