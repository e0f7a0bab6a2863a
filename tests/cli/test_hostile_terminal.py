"""The real `./dev` on a real terminal, in a checkout and beside a process whose names would act on that terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.test_printer import OURS, harmless
from tests.conftest import HEAD, TOOL, Checkout, wait_until

TITLE = "\x1b]0;owned\x07\x1b[2J\x1b[31m\u202e[/red]"
LISTEN = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    print("on", flush=True)
    sys.stdin.read()
"""
"""Program that listens until its standard input ends."""


@pytest.fixture
def hostile(tmp_path: Path) -> Checkout:
    """A checkout whose path would set the title of the terminal, and is no UTF-8."""
    home, path = tmp_path / "home", tmp_path / os.fsdecode(b"a\x1b]0;owned\x07\x9b2J\xe2\x80\xae\n[red]")
    home.mkdir()
    path.mkdir()
    return Checkout(path, home)


@pytest.fixture
def taken(free_port: Callable[[], int]) -> Iterator[int]:
    """A port that a process with a hostile title holds."""
    port = free_port()
    process = subprocess.Popen(
        [TITLE, "-c", LISTEN, str(port)], executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin and process.stdout
    with process:
        assert process.stdout.readline() == b"on\n"
        yield port
        process.stdin.close()


def on_a_terminal(checkout: Checkout, *argv: str, **more: str) -> tuple[int, str]:
    """Exit code, and what a terminal got: line feeds as they were before the terminal's driver."""
    master, slave = pty.openpty()
    env = checkout.environment({"TERM": "xterm", **more})
    process = subprocess.Popen(
        [str(TOOL / "dev"), "-C", str(checkout.path), *argv], env=env, cwd=checkout.home, stdin=subprocess.DEVNULL,
        stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):  # EIO: nobody has it open any more
        while block := os.read(master, 65536):
            said += block
    os.close(master)
    return process.wait(), said.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


@pytest.mark.parametrize(
    "argv",
    [
        ("doctor", "--only", "ports"),
        ("status", "--json"),
        ("env", "a"),
        ("logs", "\x1b[2J"),
        ("\x1b]0;owned\x07",),
        ("status", "--\x1b[2J"),
        ("--instance", "\x1b[2J", "status"),
    ],
    ids=ascii,
)
def test_names_of_others_do_not_act_on_it(hostile: Checkout, taken: int, argv: tuple[str, ...]) -> None:
    hostile.state(f'[services.a]\nkind = "go"\nport = {taken}\n[env]\nA = "\\u001b[2J\\u202e"\n')
    code, said = on_a_terminal(hostile, *argv)
    assert harmless(said) and "itself failed" not in said
    if "ports" in argv:
        assert code == 4 and "owned" in said, "the process is named as it names itself"
    if argv[0] == "doctor":
        assert OURS.search(said), "colours of ours are there"


def test_a_refusal_names_a_hostile_key_as_it_is(hostile: Checkout) -> None:
    hostile.write("desired_state.toml", HEAD + '["\\u001b]0;owned\\u0007\\u202e"]\nx = 1\n')
    code, said = on_a_terminal(hostile, "status")
    assert code == 65 and harmless(said) and "␛]0;owned␇\\u202e" in said and "desired_state.toml:4" in said


def test_a_missing_state_names_a_hostile_directory_as_it_is(hostile: Checkout) -> None:
    code, said = on_a_terminal(hostile, "status", LANG="C", LC_ALL="C")
    assert code == 65 and harmless(said) and "a␛]0;owned␇\\x9b2J\\u202e\n    [red]" in said


def test_a_terminal_of_another_encoding_is_no_reason_to_fail(hostile: Checkout) -> None:
    hostile.state('[services.a]\nkind = "go"\n')
    ran = hostile.dev("doctor", "--only", "env", env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert ran.code == 0 and harmless(ran.out) and harmless(ran.err)


def test_a_holder_of_a_port_is_named_where_a_start_fails(hostile: Checkout, taken: int) -> None:
    hostile.state(f'[services.a]\nkind = "command"\ndev = "true"\nport = {taken}\n')
    ran = hostile.dev("start", "a")
    assert ran.code != 1 and harmless(ran.err) and harmless(ran.out) and "owned" in ran.err
    wait_until(lambda: not hostile.processes())
