"""What a person and a script meet at the command line: exit codes, clear refusals, any terminal, any HOME."""

from __future__ import annotations

import json
import os
import pty
import select
import stat
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from tests.conftest import HEAD, TOOL, Checkout

BROKEN = {
    "state-empty": b"",
    "state-not-toml": b"[project\n",
    "state-not-text": b"schema = 1\n\0",
    "state-huge": b"# " + b"x" * 1_100_000,
    "key-unknown": HEAD.encode() + b'colour = "red"\n',
}


@pytest.mark.parametrize("code", BROKEN)
@pytest.mark.parametrize("argv", [("doctor",), ("start",), ("status", "--json"), ("doctor", "--fix", "--json")])
def test_a_broken_desired_state_is_refused_with_its_place(checkout: Checkout, code: str, argv: tuple[str, ...]) -> None:
    (checkout.path / "desired_state.toml").write_bytes(BROKEN[code])
    ran = checkout.dev(*argv)
    assert ran.code == 65 and f"error[{code}]" in ran.err and "because" in ran.err
    if "doctor" in argv and "--json" in argv:
        (item,) = ran.json["items"]
        assert ran.json["exit_code"] == 65 and item["source"].startswith("desired_state.toml")
    (checkout.path / "desired_state.toml").unlink()
    assert not (checkout.path / ".dev").exists()


def test_no_desired_state_at_all(checkout: Checkout) -> None:
    ran = checkout.dev("status")
    assert ran.code == 65 and "desired_state.toml" in ran.err


@pytest.mark.parametrize(
    "argv",
    [("nonsense",), ("doctor", "--nonsense"), ("start", "nobody"), ("logs", "--since", "x"),
     ("doctor", "--only", "moon"), ("doctor", "--explain", "x"), ("env",), ("--instance", "A b", "status"),
     ("data", "snapshot")],
)  # fmt: skip
def test_usage_errors_are_64(checkout: Checkout, argv: tuple[str, ...]) -> None:
    checkout.state("")
    ran = checkout.dev(*argv)
    assert ran.code == 64 and ran.err and ran.out == ""


def test_every_command_explains_itself(checkout: Checkout) -> None:
    from cli.main import COMMANDS

    top = subprocess.run([str(TOOL / "dev")], capture_output=True, text=True, env=checkout.environment())
    assert top.returncode == 0 and "./dev start" in top.stdout
    for name in COMMANDS:
        assert name in top.stdout
        ran = checkout.dev(name, "--help")
        assert ran.code == 0 and "Usage: ./dev" in ran.out, name


def test_doctor_speaks_text_json_and_exit_code_from_one_object(checkout: Checkout) -> None:
    checkout.state("[files.'settings/a.txt']\ncontent = 'x'\nmode = '0640'\n[env]\nKEY = { pattern = '^k' }\n")
    document = checkout.dev("doctor", "--json")
    assert document.code == document.json["exit_code"] == 4 and document.json["verdict"] == "needs_human"
    keys = {"id", "noun", "status", "found", "want", "because", "hint", "source"}
    assert all(keys <= entry.keys() for entry in document.json["items"])
    text = checkout.dev("doctor")
    assert text.code == 4 and "would make settings/a.txt" in text.out and "desired_state.toml:" in text.out
    assert checkout.dev("doctor", "--fix", env={"KEY": "kk"}).code == 0
    made = checkout.path / "settings/a.txt"
    assert made.read_text() == "x" and made.stat().st_mode & 0o777 == 0o640
    made.write_text("y")
    assert checkout.dev("doctor", "--only", "files").code == 2
    assert checkout.dev("doctor", "--fix", "--only", "files").code == 0 and made.read_text() == "x"


def test_git_hooks_are_set_once(checkout: Checkout) -> None:
    subprocess.run(["git", "init", "-q", str(checkout.path)], check=True)
    (checkout.path / "desired_state.toml").write_text(HEAD + 'hooks_path = ".githooks"\n')
    assert checkout.dev("doctor").code == 2
    assert checkout.dev("doctor", "--fix").code == 0
    assert checkout.dev("doctor").code == 0


def test_local_overrides_are_shown(checkout: Checkout) -> None:
    checkout.state("[services.w]\nkind = 'command'\ndev = 'sleep 100'\nport = 20001\n")
    checkout.write("desired_state.local.toml", "[services.w]\nport = 20002\n")
    ran = checkout.dev("doctor")
    assert "overrides" in ran.out and "20002" in ran.out


def test_system_steps_without_consent_are_for_a_person(checkout: Checkout) -> None:
    names = "apt = 'x', dnf = 'x', pacman = 'x', brew = 'x'"
    checkout.state(f"[packages]\nmoon = {{ command = 'no-such-command', {names} }}\n")
    ran = checkout.dev("doctor", "--fix")
    assert ran.code == 4 and "./dev doctor --fix --yes" in ran.out


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_home(checkout: Checkout) -> None:
    checkout.state("")
    checkout.home.chmod(0o500)
    assert checkout.dev("doctor").code == 0


@pytest.mark.parametrize("home", [None, "", "none"])
def test_home_may_be_missing(checkout: Checkout, home: str | None) -> None:
    home = str(checkout.path / home) if home else home
    checkout.state("[services.w]\nkind = 'command'\ndev = 'sleep 100'\n")
    assert checkout.dev("doctor", env={"HOME": home}).code == 0
    assert checkout.dev("start", env={"HOME": home}).code == 0


def test_a_read_only_checkout_can_still_be_looked_at(checkout: Checkout) -> None:
    checkout.state("")
    user = {} if os.geteuid() else {"user": "nobody"}
    checkout.path.chmod(0o555)
    for parent in checkout.path.parents:  # /tmp has this bit
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & stat.S_IXOTH:
            parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    python = "/usr/bin/python3" if user and Path("/usr/bin/python3").exists() else sys.executable
    paths = [str(TOOL), sysconfig.get_path("purelib")]
    script = f"import sys; sys.path[:0] = {paths!r}; from cli.main import main; sys.exit(main(sys.argv[1:]))"
    ran = subprocess.run(
        [python, "-I", "-c", script, "-C", str(checkout.path), "doctor"], cwd="/",
        capture_output=True, text=True, env={"PATH": os.defpath, "HOME": "/nowhere"}, **user,  # type: ignore[call-overload]
    )  # fmt: skip
    checkout.path.chmod(0o755)
    if "Permission denied" in ran.stderr or "ModuleNotFoundError" in ran.stderr:
        pytest.skip("the checkout of the tool cannot be read by another user here")
    assert ran.returncode == 0, ran.stderr


def test_no_colour_without_a_terminal_or_against_a_wish(checkout: Checkout) -> None:
    checkout.state("[env]\nA = { required = false }\n")
    assert "\033" not in checkout.dev("doctor").out
    assert "\033" in checkout.dev("doctor", env={"FORCE_COLOR": "1"}).out
    assert "\033" not in checkout.dev("doctor", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out


def on_terminal(
    checkout: Checkout, *argv: str, columns: int = 40, typed: bytes = b"", until: bytes = b""
) -> tuple[int, str]:
    """Run on a terminal of that width; what it showed. A file `seen` says that it showed `until`."""
    try:
        master, slave = pty.openpty()
    except OSError:
        pytest.skip("no terminal can be had here")
    env = checkout.environment({"COLUMNS": str(columns), "TERM": "xterm-256color"})
    process = subprocess.Popen(
        [str(TOOL / "dev"), "-C", str(checkout.path), *argv], env=env, stdin=slave, stdout=slave, stderr=slave,
        close_fds=True,
    )  # fmt: skip
    os.close(slave)
    if typed:
        os.write(master, typed)
    shown, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        readable, _, _ = select.select([master], [], [], 0.2)
        if readable:
            try:
                block = os.read(master, 65536)
            except OSError:
                break
            if not block:
                break
            shown += block
            if until and until in shown:
                checkout.write("seen", "")
        elif process.poll() is not None:
            break
    os.close(master)
    return process.wait(60), shown.decode(errors="replace")


def test_a_narrow_terminal_shows_a_live_board(checkout: Checkout) -> None:
    checkout.state(
        "[services.w]\nkind = 'command'\ndev = 'sleep 100'\nmigrate = 'until test -e seen; do sleep 0.05; done'\n"
    )
    code, shown = on_terminal(checkout, "start", until=b"migrating")
    assert code == 0 and "migrating" in shown and "ready" in shown
    code, shown = on_terminal(checkout, "status")
    assert code == 0 and "\033[32m" in shown


def test_a_person_is_asked_before_the_machine_is_changed(checkout: Checkout) -> None:
    names = "apt = 'x', dnf = 'x', pacman = 'x', brew = 'x'"
    checkout.state(f"[packages]\nmoon = {{ command = 'no-such-command', {names} }}\n")
    code, shown = on_terminal(checkout, "doctor", "--fix", columns=100, typed=b"n\n")
    assert code == 4 and "Take them? [y/N]" in shown


def test_output_into_a_closed_pipe_is_no_error(checkout: Checkout) -> None:
    checkout.state("")
    line = f"'{TOOL}/dev' -C '{checkout.path}' schema | head -1; echo done"
    ran = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=checkout.environment())
    assert ran.stdout.startswith("{") and "done" in ran.stdout and ran.stderr == ""


def test_schema_is_one_json_document(checkout: Checkout) -> None:
    checkout.state("")
    assert json.loads(checkout.dev("schema").out)["title"] == "desired_state.toml"


def test_facts_show_no_secret(checkout: Checkout) -> None:
    checkout.state("[env]\nKEY = { generate = 'token', secret = true }\nOWN = { pattern = '^x', secret = true }\n")
    assert checkout.dev("doctor", "--fix", env={"OWN": "x-very-private"}).code == 0
    secret = (checkout.path / ".dev/values").read_text().split("KEY=")[1].split()[0]
    for argv in (("facts",), ("facts", "--json"), ("doctor",), ("doctor", "--json")):
        ran = checkout.dev(*argv, env={"OWN": "x-very-private"})
        assert secret not in ran.out + ran.err and "very-private" not in ran.out + ran.err
    assert checkout.dev("facts", "env", "--json").json["facts"]["env.file"] == {"KEY": True}


def test_clean_of_a_named_instance_leaves_the_others(checkout: Checkout) -> None:
    checkout.state("[services.a]\nkind = 'command'\ndev = 'sleep 1000'\n")
    assert checkout.dev("start").code == 0 and checkout.dev("--instance", "two", "start").code == 0
    cleaned = checkout.dev("--instance", "two", "clean", "--force")
    assert cleaned.code == 0 and "instances/two" in cleaned.err
    instances = checkout.path / ".dev/instances"
    assert [entry.name for entry in instances.iterdir()] == ["default"]
    assert checkout.components()["a"]["state"] == "ready"


def test_clean_leaves_only_what_was_there(checkout: Checkout) -> None:
    checkout.state("[services.w]\nkind = 'command'\ndev = 'sleep 100'\n")
    before = sorted(path.name for path in checkout.path.iterdir())
    assert checkout.dev("start").code == 0
    assert checkout.dev("clean").code == 4
    assert checkout.dev("clean", "--force").code == 0
    assert sorted(path.name for path in checkout.path.iterdir()) == before
    assert checkout.processes() == []


def test_the_tool_itself_is_ready_for_a_second_look(checkout: Checkout) -> None:
    """A look writes nothing into the checkout but what hides `.dev/` from git."""
    checkout.state("[services.w]\nkind = 'command'\ndev = 'sleep 100'\n")
    assert checkout.dev("doctor").code == 0
    left = {path.relative_to(checkout.path) for path in checkout.path.rglob("*") if path.is_file()}
    assert left <= {Path("desired_state.toml"), Path(".dev/.gitignore")}


def test_git_sees_nothing_of_what_the_tool_makes(checkout: Checkout) -> None:
    """The checkout's own .gitignore does not name `.dev/`."""
    subprocess.run(["git", "init", "-q", str(checkout.path)], check=True)
    checkout.state("[services.w]\nkind = 'command'\ndev = 'sleep 100'\n")
    for argv in (("status",), ("start",), ("stop",)):
        checkout.dev(*argv)
        listed = subprocess.run(
            ["git", "-C", str(checkout.path), "status", "--porcelain", "-uall"], capture_output=True, text=True
        )
        assert listed.stdout == "?? desired_state.toml\n", argv
