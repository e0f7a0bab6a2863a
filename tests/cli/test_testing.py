"""`./dev test` as a person types it: the list, one file, one test, names that do not exist, `--fix`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import TOOL, Checkout, tree

PLATFORM = (
    "[services.shop]\nkind = 'command'\npath = 'shop'\ndev = 'sleep 100'\ntest = 'true'\n"
    "[tests.lib]\ncommand = 'echo lib'\n"
)


def dev(*argv: str, cwd: Path = TOOL, tool: Path = TOOL) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env["NO_COLOR"] = "1"
    return subprocess.run([str(tool / "dev"), *argv], cwd=cwd, capture_output=True, text=True, env=env, timeout=300)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tool in a place of its own that uses this one's environments; a file of it may be changed."""
    made = tmp_path_factory.mktemp("tool")
    for name in tree():
        if not name.startswith("services/"):
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOOL / name, made / name)
    (made / "desired_state.toml").write_text('schema = 1\n[project]\nname = "copy"\n')
    (made / ".dev").mkdir()
    for name in ("venv", "venv-test"):
        (made / ".dev" / name).symlink_to((TOOL / ".dev" / name).resolve())
    return made


def test_the_list_needs_no_test_environment(copy: Path) -> None:
    (copy / ".dev/venv-test").rename(copy / ".dev/kept")
    try:
        listed = dev("test", "--list", tool=copy, cwd=copy)
        assert listed.returncode == 0 and re.search(r"^tool:types +mypy", listed.stdout, re.MULTILINE), listed.stderr
        assert not (copy / ".dev/venv-test").exists()
    finally:
        (copy / ".dev/kept").rename(copy / ".dev/venv-test")


def test_the_list_says_what_each_suite_is(checkout: Checkout) -> None:
    checkout.state(PLATFORM)
    suites = {each["name"]: each for each in checkout.dev("test", "--list", "--json").json["suites"]}
    assert [*suites] == ["shop", "lib"]
    assert all(each["about"] and each["directory"] and each["needs"] == [] for each in suites.values())
    assert "echo lib" in checkout.dev("test", "--list", "lib").out


@pytest.mark.parametrize(
    "cwd, word, ran",
    [
        (".", "tests/redaction/test_encodings.py", r"^\.{30,}"),
        ("tests", "redaction/test_encodings.py", r"^\.{30,}"),
        ("tests/redaction", "test_encodings.py::test_a_known_secret_is_hidden_in_every_encoding", r"^\.{30,}"),
        ("tests/facts", "../facts/test_golden.py::test_golden[clock]", r"^1 passed"),
    ],
)
def test_one_file_or_one_test_runs(copy: Path, cwd: str, word: str, ran: str) -> None:
    done = dev("test", word, tool=copy, cwd=copy / cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(ran, done.stdout, re.MULTILINE) and "1 of 1 suites passed" in done.stdout


def test_a_test_that_fails_fails_the_run(copy: Path) -> None:
    file = copy / "tests/test_wrong.py"
    file.write_text("def test_wrong():\n    assert 1 == 2\n")
    ran = dev("test", "tests/test_wrong.py", tool=copy, cwd=copy)
    file.unlink()
    assert ran.returncode == 3 and "0 of 1 suites passed" in ran.stdout


@pytest.mark.parametrize(
    "word, code, hint",
    [
        ("tests/schema/test_locla.py", "unknown-test", "tests/schema/test_local.py"),
        ("tests/schema/test_local.py::test_nothing_like_it", "unknown-test", "--list"),
        ("tests/facts/test_golden.py::test_goldn", "unknown-test", "test_golden.py::test_golden"),
        ("cli/main.py", "unknown-test", "--list"),
        ("services/catalog/tests/test_api.py", "unknown-test", "./dev test catalog -- tests/test_api.py"),
        ("catalgo", "unknown-suite", "./dev test catalog"),
        ("test_locl", "unknown-suite", "tests/schema/test_local.py"),
        ("tool:lnit", "unknown-suite", "tool:lint"),
    ],
)
def test_a_name_that_does_not_exist_gets_a_suggestion(word: str, code: str, hint: str) -> None:
    ran = dev("test", word)
    assert ran.returncode == 64 and f"error[{code}]" in ran.stderr, ran.stderr
    assert hint in next(line for line in ran.stderr.splitlines() if line.startswith("hint:"))


@pytest.mark.parametrize("argv", [("--json",), ("--fix", "tool"), ("-C", "HERE", "--fix")])
def test_options_that_do_not_go_together_are_refused(checkout: Checkout, argv: tuple[str, ...]) -> None:
    checkout.state("")
    top = ("-C", str(checkout.path)) if "HERE" in argv else ()
    ran = dev(*top, "test", *[word for word in argv if word not in ("-C", "HERE")])
    assert ran.returncode == 64 and "hint:" in ran.stderr


def test_fix_says_what_it_changed_and_what_is_left(copy: Path) -> None:
    file = copy / "cli/crooked.py"
    file.write_text("import os, sys\nx = {  'a':1 }\n")
    try:
        fixed = dev("test", "--fix", tool=copy, cwd=copy)
        assert (fixed.returncode, fixed.stdout) == (0, "changed cli/crooked.py\n"), fixed.stderr
        assert file.read_text() == 'x = {"a": 1}\n'
        again = dev("test", "--fix", tool=copy, cwd=copy)
        assert (again.returncode, again.stdout) == (0, "") and "nothing to change" in again.stderr
        file.write_text("def f(x=unknown):\n    return x\n")
        left = dev("test", "--fix", tool=copy, cwd=copy)
        assert left.returncode == 3 and "F821" in left.stdout
        assert dev("test", "tool:lint", tool=copy, cwd=copy).returncode == 3
    finally:
        file.unlink()


def test_hooks_before_a_commit_run_suites_that_exist() -> None:
    entries = re.findall(r"entry: ([^,]+),", (TOOL / ".pre-commit-config.yaml").read_text())
    assert len(entries) == 3
    for entry in entries:
        command, verb, suite = entry.split()
        assert (command, verb) == ("./dev", "test") and dev("test", "--list", suite).stdout.startswith(suite)


def test_the_version_is_one_line() -> None:
    ran = dev("--version")
    assert ran.returncode == 0 and re.fullmatch(r"dev \d+\.\d+\.\d+ \(.*Python 3\.\d+\.\d+\S*\)\n", ran.stdout)
    assert "--version" in dev("--help").stdout


def test_what_runs_once_and_the_migration_go_before_the_tests_of_a_service(checkout: Checkout) -> None:
    order = checkout.path / "order"
    checkout.state(
        "[services.seed]\nkind = 'command'\nonce = true\ndev = 'echo seed >>order'\n"
        "[services.other]\nkind = 'command'\ndev = 'echo other >>order; exec sleep 600'\n"
        "[services.api]\nkind = 'command'\ndev = 'echo api >>order; exec sleep 600'\nneeds = ['seed', 'other']\n"
        "migrate = 'echo migrate >>order'\ntest = 'echo test >>order'\n"
    )
    assert checkout.dev("test", "api").code == 0
    assert order.read_text().split() == ["seed", "migrate", "test"]
    text = (checkout.path / "desired_state.toml").read_text()
    (checkout.path / "desired_state.toml").write_text(text.replace("echo migrate", "echo no such table; exit 3 #"))
    failed = checkout.dev("test", "api")
    assert failed.code != 0 and "no such table" in failed.err and order.read_text().split()[3:] == ["seed"], failed.err
    assert checkout.processes() == []
