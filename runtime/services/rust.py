"""Rust services: cargo builds them, and `rebuild.py` builds again and restarts on a change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from converge import tools
from converge.errors import DevError
from converge.installers import place
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services import plain, rebuilding

ready_timeout = 300.0
"""Seconds; includes the first compilation."""
passed = ("CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "CARGO_HTTP_CAINFO", "CARGO_NET_GIT_FETCH_WITH_CLI")
dialect = "node"
web_front = False
debugger = None  # an IDE starts codelldb and lldb-dap itself: they do not listen on a port


def run(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    """`cargo run` replaces itself by the program, so that a stop signal reaches the program."""
    cargo = tools.executable(platform.loaded, "cargo")
    if cargo is None:
        raise DevError(
            "command-missing", f"there is no cargo to build {component.name}", because="none is on PATH",
            hint="install Rust (Debian: cargo, Homebrew: rust, or rustup)",
            source=platform.source(component),
        )  # fmt: skip
    return rebuilding.command(
        component, (str(cargo), "run", "--quiet", *_binary(component)), (str(cargo), "build", *_binary(component)),
        ("rs", "toml", "sql", "html"), skipped=("*/target/*",),
    )  # fmt: skip


def by_hand(component: ServiceComponent) -> str:
    """`cargo run` builds and runs it."""
    return " ".join(("exec cargo run", *_binary(component)))


environment = plain.environment


def native_environment(component: ServiceComponent) -> Mapping[str, str]:
    """Where it is built: not in its directory, which is watched."""
    return {"CARGO_TARGET_DIR": str(place.led_to(place.own(component.instance, component.name) / "target"))}


ide_environment = plain.ide_environment
path = plain.path


def test(component: ServiceComponent, report: Path | None) -> tuple[str, ...]:
    """Every test of its package."""
    return ("cargo", "test", "--quiet")


leftovers = plain.leftovers
vscode = plain.vscode
jetbrains = plain.jetbrains


def _binary(component: ServiceComponent) -> tuple[str, ...]:
    """`main` names one of several programs of its package."""
    main = component.wants.main
    return () if main == "." else ("--bin", main)
