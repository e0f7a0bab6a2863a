"""`./dev init` from a shell: what it asks, what it writes and when, and what it never touches."""

from __future__ import annotations

import os
import pty
import select
import subprocess
from pathlib import Path

import pytest

from converge import schema
from converge.files_read import FilesRead
from tests.conftest import TOOL, Checkout

FILE = "desired_state.toml"


@pytest.fixture
def repository(checkout: Checkout) -> Checkout:
    """A web application with one port that its Compose file says, and one that is a guess."""
    checkout.write("requirements.txt", "fastapi\n")
    checkout.write("api.py", "from fastapi import FastAPI\n\napp = FastAPI()\n")
    checkout.write("ui/package.json", '{"scripts": {"dev": "next dev"}, "dependencies": {"next": "15.0.0"}}')
    checkout.write("compose.yaml", "services:\n  db:\n    image: postgres:16\n    ports: ['5439:5432']\n")
    return checkout


def files(checkout: Checkout) -> list[str]:
    return sorted(path.name for path in checkout.path.iterdir())


def test_without_a_terminal_it_prints_and_only_yes_writes(repository: Checkout) -> None:
    before = files(repository)
    asked = repository.dev("init")
    assert (asked.code, files(repository)) == (4, before) and "--yes writes it" in asked.err
    schema.parse(asked.out.encode(), files=FilesRead(repository.path))
    assert repository.dev("init", "--check").code == 2 and files(repository) == before
    written = repository.dev("init", "--yes")
    assert written.code == 0 and "./dev lock" in written.err
    assert files(repository) == sorted([*before, FILE])
    assert (repository.path / FILE).read_text() == asked.out
    assert repository.dev("init", "--yes", "--check").code == 0


def test_only_what_a_file_says_can_move_on(repository: Checkout) -> None:
    repository.dev("init", "--yes")
    path = repository.path / FILE
    said = path.read_text()
    edited = said.replace("port = 3000", "port = 3999").replace("[services.ui]", "# mine\n[services.ui]")
    path.write_text(edited)
    assert repository.dev("init", "--check").code == 0, "an edit of a guess is no drift"
    repository.write("compose.yaml", "services:\n  db:\n    image: postgres:16\n    ports: ['5440:5432']\n")
    moved = repository.dev("init", "--check")
    assert moved.code == 2 and "+ port = 5440  # compose.yaml:4" in moved.out and "3999" not in moved.out
    (change,) = repository.dev("init", "--json").json["changes"]
    assert change["key"] == "infra.db.port" and change["before"].startswith("port = 5439")
    assert path.read_text() == edited, "a second run writes nothing"


@pytest.mark.parametrize("there", ["link to nothing", "link to a file", "directory", "no TOML"])
def test_what_is_there_is_never_overwritten(repository: Checkout, there: str) -> None:
    path, other = repository.path / FILE, repository.path / "other.toml"
    if there == "directory":
        path.mkdir()
    elif there == "no TOML":
        path.write_text("= 1")
    else:
        path.symlink_to(other)
    if there == "link to a file":
        other.write_text("schema = 1\n")
    ran = repository.dev("init", "--yes")
    assert "wrote" not in ran.err and (ran.code != 0 or there == "link to a file")
    assert not other.exists() or other.read_text() == "schema = 1\n"


@pytest.mark.parametrize(("typed", "code", "written"), [(b"y\n", 0, True), (b"n\n", 4, False), (b"\x03", 130, False)])
def test_a_terminal_is_asked_once(repository: Checkout, typed: bytes, code: int, written: bool) -> None:
    try:
        master, slave = pty.openpty()
    except OSError:
        pytest.skip("no terminal can be had here")
    argv = [str(TOOL / "dev"), "-C", str(repository.path), "init"]
    process = subprocess.Popen(
        argv, env=repository.environment(), stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )  # fmt: skip
    os.close(slave)
    shown = b""
    while b"Write " not in shown and select.select([master], [], [], 60)[0]:
        shown += os.read(master, 65536)
    os.write(master, typed)
    try:
        while block := os.read(master, 65536):
            shown += block
    except OSError:  # nothing has the terminal open any more
        pass
    os.close(master)
    assert (process.wait(60), (repository.path / FILE).exists()) == (code, written), shown.decode()
    assert b"Traceback" not in shown


def test_the_nearest_directory_and_a_stranger_to_git(repository: Checkout, tmp_path: Path) -> None:
    """An installed tool is called in a directory: that one counts, ignored files do not, and links are not followed."""
    subprocess.run(["git", "init", "-q", str(repository.path)], check=True)
    repository.write(".gitignore", "skipped\n")
    repository.write("skipped/api.py", "app = FastAPI()\n")
    (repository.path / "ui" / "again").symlink_to(repository.path)
    argv = [str(TOOL / "dev"), "-C", str(repository.path / "ui"), "init", "--yes"]
    subprocess.run(argv, env=repository.environment(), check=True, capture_output=True)
    text = (repository.path / "ui" / FILE).read_text()
    assert "[services.ui]" in text and "api" not in text
    whole = repository.dev("init", "--json").json
    assert "skipped" not in whole["text"] and "again" not in whole["text"]


def test_a_directory_that_cannot_be_written(repository: Checkout) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    repository.path.chmod(0o555)
    try:
        ran = repository.dev("init", "--yes")
    finally:
        repository.path.chmod(0o755)
    assert ran.code not in (0, 1) and FILE in ran.err
