"""What a diagnostics bundle holds, part by part, and which secrets it must not hold."""

from __future__ import annotations

import io
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.context import Context
from converge.instance import Instance
from converge.tool import TOOL
from facts import docker, git, regular
from facts.engine import Engine, EngineError
from facts.value import dataclass
from runtime.docker import compose
from runtime.platform import Platform

if TYPE_CHECKING:
    from facts.engine import Engine

LARGEST = 2 * 1024 * 1024
"""Bytes kept of a file: its end."""
COMMAND_TIMEOUT = 120.0
"""Seconds that a command of ./dev may take."""
ASKED = ("status", "doctor", "facts")
"""Commands whose `--json` is a part; each in a process of its own, as one of them may be what fails."""
STATE = ("logs/*", "run/*/*.json", "run/*/build/*.toml", "env/*.env", "compose/*", "placed/*")
"""What of an instance's state is text for people."""
SHOWN = frozenset({"CI", "LANG", "SHELL", "TERM", "PATH", "HOME", "USER", "PWD", "DOCKER_HOST", "DOCKER_CONTEXT"})
"""Variables of the caller whose values are shown, in addition to DEV_*, LC_* and proxies."""
ENGINE_LOG = Path("/var/log/dev-dockerd.log")
"""What an engine started by `./dev` says (converge/daemon.py)."""


@dataclass(frozen=True)
class Part:
    """One file of the archive, and how its text is had; that may raise."""

    name: str
    read: Callable[[], str]


def parts(context: Context, instance: Instance) -> Iterator[Part]:
    """Every part there is now."""
    yield Part("about.json", partial(_about, instance))
    for name in ASKED:
        yield Part(f"{name}.json", partial(_ask, context, name))
    own = instance.checkout / "compose"
    for name, some in (
        ("desired_state", _files(instance.checkout, ("desired_state*.toml", "desired_state.lock"))),
        ("compose", _files(own if own.is_dir() else TOOL / "compose", ("*.yaml", "*/Dockerfile"), below="compose/")),
        ("journal", _files(instance.dev, ("journal",))),
        ("state", _files(instance.state, STATE)),
        ("docker", _docker(context, instance)),
    ):
        try:
            yield from some
        except Exception as problem:  # a directory that cannot be listed, an engine that talks nonsense
            yield Part(name, partial(_fail, f"{type(problem).__name__}: {problem}"))


def _about(instance: Instance) -> str:
    """Tool, system and the caller's variables; most of these only by name."""
    shown = {
        name: value if name in SHOWN or name.startswith(("DEV_", "LC_")) or name.lower().endswith("_proxy") else "set"
        for name, value in sorted(os.environ.items())
    }
    return dumps({
        "schema": 1, "time": datetime.now(UTC).isoformat(timespec="seconds"), "python": sys.version,
        "platform": platform.platform(), "user": os.geteuid(), "tool": str(TOOL), "tool_commit": _commit(TOOL),
        "checkout": str(instance.checkout), "checkout_commit": _commit(instance.checkout),
        "project": instance.project, "instance": instance.name, "id": instance.id, "environment": shown,
    })  # fmt: skip


def _commit(checkout: Path) -> str:
    argv = git.argv(checkout, "describe", "--always", "--dirty", "--tags")
    try:
        return subprocess.run(
            argv, capture_output=True, text=True, timeout=10, stdin=subprocess.DEVNULL, env=git.environment()
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _ask(context: Context, name: str) -> str:
    """What `./dev NAME --json` says; what it says instead, if it fails."""
    argv = [sys.executable, "-I", str(TOOL / "cli" / "__main__.py"), "-C", str(context.checkout)]
    argv += ["--instance", context.instance_name] if context.instance_name else []
    ran = subprocess.run(
        [*argv, name, "--json"], capture_output=True, text=True, timeout=COMMAND_TIMEOUT, stdin=subprocess.DEVNULL,
        cwd=context.checkout,
    )  # fmt: skip
    return ran.stdout or f"exit code {ran.returncode}\n{ran.stderr}"


def _files(directory: Path, patterns: Iterable[str], below: str = "") -> Iterator[Part]:
    for pattern in patterns:
        for path in sorted(directory.glob(pattern)):
            if path.is_file() and not path.is_symlink():
                yield Part(f"{below}{path.relative_to(directory)}", partial(_end, path))


def _end(path: Path) -> str:
    with open(path, "rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - LARGEST))
        return _whole_lines(file.read(LARGEST), size > LARGEST)


def _whole_lines(block: bytes, cut: bool) -> str:
    text = block.decode("utf-8", "replace")
    return text.partition("\n")[2] if cut else text


def _fail(because: str) -> str:
    raise OSError(because)


def _docker(context: Context, instance: Instance) -> Iterator[Part]:
    """The engine, and every container that carries this instance's label."""

    if ENGINE_LOG.exists():
        yield Part("docker/daemon.log", partial(_end, ENGINE_LOG))
    try:
        host = regular.text(instance.engine_record).strip()
    except (OSError, ValueError):
        seen = docker.look()
        yield Part("docker/found.json", lambda: dumps(asdict(seen)))
        if seen.state != "ready":
            return
        host = seen.host
    yield Part("compose/resolved.json", partial(_resolved, context, instance))
    engine = Engine(host)
    for name in ("info", "version"):
        yield Part(f"docker/{name}.json", partial(_told, engine, f"/{name}"))
    try:
        found: list[dict[str, Any]] = engine.get(
            "/containers/json", all="1", filters={"label": [f"dev.instance={instance.id}"]}
        )
    except EngineError:
        return  # the two parts above say why
    for each in found:
        identity, name = str(each["Id"]), str(each["Names"][0]).strip("/").replace("/", "_")
        yield Part(f"docker/{name}.json", partial(_told, engine, f"/containers/{identity}/json"))
        yield Part(f"docker/{name}.log", partial(_log, engine, identity))


def _resolved(context: Context, instance: Instance) -> str:
    """The Compose files with this instance's values, as Compose reads them; images are those of the containers."""

    project = compose.find(Platform(context.loaded, instance))
    if isinstance(project, str):
        raise OSError(project)
    return project.run(["config", "--format", "json"], compose.values(project, {}), 60)


def _told(engine: Engine, path: str) -> str:
    return dumps(engine.get(path))


def _log(engine: Engine, identity: str) -> str:
    text = engine.log(identity, 30, tail="20000")
    return _whole_lines(text[-LARGEST:], len(text) > LARGEST)
