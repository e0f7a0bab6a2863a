"""`desired_state.lock`: what the pins resolved to, per platform, each with the hash of the real artefact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from converge.errors import DevError, Exit
from facts import regular, text

NAME = "desired_state.lock"


def load(checkout: Path) -> dict[str, Any]:
    """The lock as TOML values; refuses a missing or broken one."""
    import tomllib  # saves 3 ms where no lock file is read

    path = checkout / NAME
    try:
        content = tomllib.loads(text.decoded(regular.content(path)))
    except FileNotFoundError:
        raise missing() from None
    except text.NotText as problem:
        raise _invalid(problem.because, f"{NAME}:{problem.line}") from None
    except (OSError, ValueError, RecursionError) as problem:
        raise _invalid(str(problem)) from None
    if content.get("schema") != 1 or not isinstance(content.setdefault("tools", {}), dict):
        raise _invalid("`schema = 1` is missing, or `tools` is not a table")
    return content


def missing(tool: str = "") -> DevError:
    """The error where there is no lock file, which somebody needs, for example to install a tool."""
    also = f", or put {tool} on PATH" if tool else ""
    return DevError(
        "lock-missing", f"there is no {NAME}", because="tools are installed only by the hashes in this file",
        hint=f"restore it from git, or write it with: ./dev lock{also}", source=NAME, exit=Exit.BAD_STATE,
    )  # fmt: skip


def _invalid(because: str, source: str = NAME) -> DevError:
    hint = "restore it from git, or write it with: ./dev lock"
    return DevError(
        "lock-invalid", f"{NAME} cannot be read", because=because, hint=hint, source=source, exit=Exit.BAD_STATE
    )


def this_platform() -> str:
    """`linux-x64`, `linux-arm64`, `macos-x64` or `macos-arm64`; others as they call themselves."""
    import platform  # saves 2 ms where no tool is pinned

    system = {"Linux": "linux", "Darwin": "macos"}.get(platform.system(), platform.system().lower())
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    return f"{system}-{machine.get(platform.machine().lower(), platform.machine())}"
