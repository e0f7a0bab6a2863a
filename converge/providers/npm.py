"""A tool that is an npm package without dependencies: its archive, checked by the sum that the registry has for it."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import installing, network, tools, unpack
from converge.errors import DevError, Exit
from converge.machine import Machine
from facts import regular, surroundings


def locked(package: str, version: str, machine: Machine) -> dict[str, Any]:
    """The lock's entry of this version. DevError `no-provider` if it has dependencies: their sums are not locked."""
    with tempfile.TemporaryDirectory() as directory:
        file = _packed(package, version, Path(directory), machine)
        about = _unpacked(file, Path(directory) / "unpacked")
        bundled = about.get("bundleDependencies") or about.get("bundledDependencies") or ()
        needs = [name for name in about.get("dependencies", {}) if bundled is not True and name not in bundled]
        if needs:
            raise DevError(
                "no-provider", f"{package} {version} is not taken from npm",
                because=f"it has dependencies ({', '.join(needs[:3])}), which the lock has no sums of",
                hint="add it to the devDependencies of a package.json, whose lock file has them",
            )  # fmt: skip
        if not _programs(package, about):
            raise DevError("no-provider", f"{package} {version} is not a tool", because="it has no program")
        return {
            "version": str(about.get("version", version)),
            "npm": package,
            "integrity": _integrity(file),
            "hashed": "the registry",
        }


def install(tool: str, pinned: Mapping[str, Any], fresh: Path, machine: Machine) -> None:
    """Put the package into `lib/` of the tool's home, and links to its programs into `bin/`."""
    with tempfile.TemporaryDirectory(dir=fresh.parent, prefix=f"{fresh.name}.") as directory:
        file = _packed(pinned["npm"], pinned["version"], Path(directory), machine)
        if (found := _integrity(file)) != pinned["integrity"]:
            raise DevError(
                "hash-mismatch", f"{file.name} does not have the hash in desired_state.lock; nothing was installed",
                because=f"its hash is {found[:24]}…, the lock has {pinned['integrity'][:24]}…",
                hint="the file was changed on its way, or the lock is wrong: find out which before you continue",
                source="desired_state.lock", exit=Exit.BAD_STATE,
            )  # fmt: skip
        machine.say(f"unpacking {tool}")
        about = _unpacked(file, Path(directory) / "unpacked")
        (fresh / "bin").mkdir()
        (Path(directory) / "unpacked" / "package").rename(fresh / "lib")
    for name, path in _programs(pinned["npm"], about).items():
        target = fresh / "lib" / path
        if "/" in name or not target.resolve().is_relative_to(fresh.resolve()) or not target.is_file():
            raise DevError("bad-archive", f"{tool} is not unpacked", because=f"its program {name} is not in it")
        target.chmod(0o755)
        (fresh / "bin" / name).symlink_to(os.path.relpath(target, fresh / "bin"))
    if not (fresh / "bin" / tool).exists():
        raise DevError("bad-archive", f"{tool} is not unpacked", because=f"{pinned['npm']} has no program {tool}")


def _packed(package: str, version: str, directory: Path, machine: Machine) -> Path:
    """The package's archive by npm, which knows the user's registry and compares it with the sum there."""
    machine.say(f"downloading {package} {version}")
    npm = _npm(machine)
    path = os.pathsep.join((os.path.dirname(npm), os.environ.get("PATH", os.defpath)))
    argv = [npm, "pack", "--json", "--ignore-scripts", "--pack-destination", str(directory), f"{package}@{version}"]
    ran = machine.run(argv, cwd=directory, env={**installing.environment(), "PATH": path}, timeout=600)
    found = list(directory.glob("*.tgz"))
    if ran.returncode or len(found) != 1:
        lines = [line for line in ran.stderr.splitlines() if line.lower().startswith("npm err")]
        said = next(
            (line for line in lines if "code" not in line), (ran.stderr.strip().splitlines() or ["no answer"])[-1]
        )
        raise DevError(
            "download-failed", f"{package} {version} could not be downloaded", because=said[:200],
            hint=network.hint(ran.stderr, "check the network and the registry that npm is configured with"),
        )  # fmt: skip
    return found[0]


def _npm(machine: Machine) -> str:
    node = tools.executable(machine.context.loaded, "node")
    beside = node.with_name("npm") if node else None
    found = str(beside) if beside and beside.exists() else surroundings.program("npm")
    if not found:
        raise DevError("command-missing", "there is no npm to download it with", hint="add node to [tools]")
    return found


def _unpacked(file: Path, target: Path) -> dict[str, Any]:
    """What the package says of itself."""
    unpack.tar(file, target)
    tops = list(target.iterdir())
    if len(tops) == 1 and tops[0].is_dir() and tops[0].name != "package":  # some archives have another name for it
        tops[0].rename(target / "package")
    try:
        about = json.loads(regular.content(target / "package" / "package.json"))
    except (OSError, ValueError, RecursionError) as problem:
        raise DevError("bad-archive", f"{file.name} is not an npm package", because=str(problem)) from None
    return about if isinstance(about, dict) else {}


def _programs(package: str, about: Mapping[str, Any]) -> dict[str, str]:
    """Name of a program -> its file in the package."""
    given = about.get("bin")
    if isinstance(given, str):
        return {package.rpartition("/")[2]: given}
    return {name: path for name, path in given.items() if isinstance(path, str)} if isinstance(given, dict) else {}


def _integrity(file: Path) -> str:
    """Source: https://www.w3.org/TR/SRI/."""
    with file.open("rb") as content:
        return "sha512-" + base64.b64encode(hashlib.file_digest(content, "sha512").digest()).decode()
