"""The command line: a dict of commands, a fast parser for plain words, typer for the rest, one error boundary."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from cli import fast_parse, render
from converge import own_files, tool
from converge.errors import DevError, Exit

COMMANDS: dict[str, str] = {
    "doctor": "cli.doctor",
    "start": "cli.start",
    "stop": "cli.stop",
    "restart": "cli.restart",
    "status": "cli.status",
    "logs": "cli.logs",
    "test": "cli.test",
    "run": "cli.run",
    "handoff": "cli.handoff",
    "debug": "cli.debug",
    "token": "cli.token",
    "sign-in": "cli.sign_in",
    "secrets": "cli.secrets",
    "env": "cli.env",
    "shell": "cli.shell",
    "facts": "cli.facts",
    "bundle": "cli.bundle",
    "data": "cli.data",
    "images": "cli.images",
    "compose": "cli.compose",
    "clean": "cli.clean",
    "trust": "cli.trust",
    "lock": "cli.lock",
    "init": "cli.init",
    "upgrade": "cli.upgrade",
    "export": "cli.export",
    "schema": "cli.schema",
    "reference": "cli.reference",
}
"""Command -> the module that holds it: `run(context, …) -> int`, or `COMMANDS` of such functions for a group."""


def main(argv: list[str]) -> int:
    """Run one command line and give its exit code; nothing but a printed error leaves here."""
    try:
        return _bounded(argv)
    except BrokenPipeError:  # also of the words of an error
        _silence()
        return 141


def _bounded(argv: list[str]) -> int:
    """Its exit code; BrokenPipeError if nobody reads any more."""
    render.prepare()
    _set_umask()
    signal.signal(signal.SIGTERM, _terminated)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup wants it to go on
        signal.signal(signal.SIGHUP, _terminated)
    verbose = _is_verbose(argv)
    at = argv.index("--") if "--" in argv else len(argv)
    argv, extra = argv[:at], tuple(argv[at + 1 :])
    try:
        code = fast_parse.run(argv, extra, COMMANDS)
        if code is None:
            from cli import grammar  # saves 18 ms of every command that the fast parser understands

            code = grammar.run(argv, extra, COMMANDS)
        sys.stdout.flush()
        return code
    except DevError as problem:
        _flush()
        render.error(problem)
        if verbose:
            raise
        return int(problem.exit)
    except Terminated:
        return 128 + signal.SIGTERM
    except KeyboardInterrupt:
        _flush()
        render.say("interrupted", "yellow")
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        raise
    except ModuleNotFoundError as missing:
        return _heal(missing)
    except Exception as bug:
        if verbose:
            raise
        if trouble := _engine_trouble(bug) or _file_trouble(bug):
            _flush()
            render.error(trouble)
            return int(trouble.exit)
        return _report_bug(bug)


def _is_verbose(argv: list[str]) -> bool:
    """Whether our bugs are told with a traceback; what is behind a command may be a word for another program."""
    return "-vv" in argv[: next((at for at, word in enumerate(argv) if word in COMMANDS), None)]


def _set_umask() -> None:
    """Other users never write what is made here, and this one always may.

    What root makes they may read, as Postgres runs as another user.
    """
    os.umask(0o022 if os.geteuid() == 0 else os.umask(0o077) & 0o077 | 0o002)


def _heal(missing: ModuleNotFoundError) -> int:  # noqa: RET503 - it ends by becoming another program
    """A package of the tool is missing: let the launcher create the venv again, once."""
    lock, package = Path(sys.prefix) / "requirements.lock", (missing.name or "").partition(".")[0]
    if os.environ.get("DEV_HEALED") or package in ("cli", "runtime", "converge", "facts") or not lock.is_file():
        return _report_bug(missing)
    render.say(f"{missing.name} is missing from the tool's environment: creating it again")
    lock.unlink(missing_ok=True)
    launcher = tool.program()
    os.execve(launcher, [str(launcher), *sys.argv[1:]], {**os.environ, "DEV_HEALED": "1"})


def _engine_trouble(bug: Exception) -> DevError | None:
    """A Docker engine may stop or refuse at any moment; callers that cannot handle that let the error come here."""
    if "facts.engine" not in sys.modules:
        return None
    from facts.engine import EngineError  # saves 12 ms of every command without an engine

    if not isinstance(bug, EngineError):
        return None
    return DevError(
        "engine-lost", "a request to the Docker engine failed", because=str(bug),
        hint="./dev doctor --fix --only docker, then run again",
    )  # fmt: skip


def _file_trouble(bug: Exception) -> DevError | None:
    """A file below `.dev` may be of another user or type, or the disk full; no caller can repair that."""
    return own_files.trouble(bug) if isinstance(bug, OSError) else None


class Terminated(KeyboardInterrupt):
    """SIGTERM, so that what was begun is ended as on Ctrl-C; another one does not cut that off."""


def _terminated(number: int, frame: object) -> None:
    for each in (signal.SIGTERM, signal.SIGHUP):  # a handler, for what is begun now inherits what is ignored
        signal.signal(each, lambda *_: None)
    raise Terminated


def _report_bug(bug: Exception) -> int:
    """Write what a maintainer needs to a file and say where it is."""
    import traceback  # saves 2 ms where nothing breaks

    where = render.bug_file(traceback.format_exception(bug))
    _flush()
    render.error(
        DevError("bug", "./dev itself failed", because=f"{type(bug).__name__}: {bug}", hint=where, exit=Exit.BUG)
    )
    return int(Exit.BUG)


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence()


def _silence() -> None:
    """Give the interpreter nothing to complain about, by exit code 120, when it flushes a closed pipe at exit."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
