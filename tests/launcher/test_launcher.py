"""The launcher on checkouts of its own: any shell, any path, two at once, cut off, broken, without a Python."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import artefacts
from tests.conftest import TOOL, elapse, tree, wait_until
from tests.supply.test_installing import HOSTILE, archive

MAIN = "import sys\nprint(sys.prefix, *sys.argv[1:], sep='|')\n"


class Tool:
    """A checkout with the real launcher and a command line that only says what it was given."""

    def __init__(self, path: Path, index: Path) -> None:
        self.path = path
        (path / "cli").mkdir(parents=True)
        shutil.copy(TOOL / "dev", path)
        shutil.copy(TOOL / "cli/bootstrap.py", path / "cli")
        for name in ("converge", "facts"):
            (path / name).mkdir()
        for name in ("converge/__init__", "converge/atomic", "converge/installing", "converge/index_settings",
                     "converge/network", "facts/__init__", "facts/surroundings"):  # fmt: skip
            shutil.copy(TOOL / f"{name}.py", path / f"{name}.py")
        (path / "cli/__main__.py").write_text(MAIN)
        made = artefacts.wheel(index)
        self.lock(f"hello==1.0 --hash=sha256:{hashlib.sha256(made.read_bytes()).hexdigest()}\n")
        self.env = {
            **os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_CONFIG_FILE": os.devnull,
            "HOME": str(index), "UV_NO_INDEX": "1", "UV_FIND_LINKS": str(index), "UV_NO_CACHE": "1",
        }  # fmt: skip
        self.env.pop("DEV_PYTHON", None)

    def lock(self, text: str) -> None:
        (self.path / "requirements.lock").write_text(text)

    def run(self, *argv: str, shell: str = "sh", **env: str) -> subprocess.CompletedProcess[str]:
        line = [shell, str(self.path / "dev"), *argv]
        return subprocess.run(line, env={**self.env, **env}, capture_output=True, text=True, timeout=120)

    def venvs(self) -> list[str]:
        return [entry.name for entry in (self.path / ".dev/venvs").iterdir() if entry.name.startswith("tool-")]


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    index = tmp_path / "index"
    index.mkdir()
    return Tool(tmp_path / "Werk ä", index)


@pytest.mark.parametrize("shell", ["dash", "bash", "zsh"])
def test_any_shell_passes_every_word_on(tool: Tool, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    first = tool.run("a b", "", "$HOME", "*", shell=shell)
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{tool.path}/.dev/venv|a b||$HOME|*\n" or first.stdout.endswith("|a b||$HOME|*\n")
    assert "preparing" in first.stderr
    assert (tool.path / ".dev/.gitignore").read_text() == "*\n"
    assert tool.run(shell=shell).stderr == ""


def test_a_checkout_with_autocrlf_runs(tmp_path: Path) -> None:
    """Git for Windows sets core.autocrlf; sh and Python programs with carriage returns do not run in WSL."""
    made, clone = tmp_path / "made", tmp_path / "clone"
    for name in tree():
        (made / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOOL / name, made / name)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t.example", "-c", "core.autocrlf=false"]
    for argv in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, "-C", str(made), *argv], check=True)
    subprocess.run(["git", "clone", "-q", "-c", "core.autocrlf=true", str(made), str(clone)], check=True)
    changed = [name for name in tree() if (clone / name).read_bytes() != (TOOL / name).read_bytes()]
    assert changed == []


def test_by_a_link_it_finds_its_own_checkout(tool: Tool, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tool.path / "dev")
    ran = subprocess.run([str(link), "x"], env=tool.env, capture_output=True, text=True, cwd="/")
    assert ran.returncode == 0 and str(tool.path) in ran.stdout


def test_two_at_once_make_one_environment(tool: Tool) -> None:
    line = ["sh", str(tool.path / "dev"), "x"]
    both = [subprocess.Popen(line, env=tool.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    assert [process.wait(100) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    assert len(tool.venvs()) == 1


def test_another_lock_makes_another_environment(tool: Tool) -> None:
    assert tool.run().returncode == 0
    before = tool.venvs()
    tool.lock((tool.path / "requirements.lock").read_text() + "# more\n")
    assert "preparing" in tool.run().stderr
    assert len(tool.venvs()) == 1 and tool.venvs() != before


@pytest.mark.parametrize("broken", ["bin/python", "requirements.lock"])
def test_a_broken_environment_is_made_anew(tool: Tool, broken: str) -> None:
    assert tool.run().returncode == 0
    (tool.path / ".dev/venv" / broken).unlink()
    assert tool.run().returncode == 0
    assert tool.run().stderr == ""


def test_cut_off_at_any_moment_the_next_run_heals(tool: Tool) -> None:
    for moment in (0.1, 0.6, 1.5):
        shutil.rmtree(tool.path / ".dev", ignore_errors=True)
        process = subprocess.Popen(
            ["sh", str(tool.path / "dev")], env=tool.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        elapse(moment)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert tool.run("x").returncode == 0
        assert tool.run("x").stderr == "" and len(tool.venvs()) == 1


def test_without_packages_it_says_why(tool: Tool) -> None:
    ran = tool.run(PIP_FIND_LINKS="/nowhere", UV_FIND_LINKS="/nowhere")
    assert ran.returncode == 3 and "because" in ran.stderr and "hint:" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert tool.run().returncode == 0


def test_a_package_with_another_hash_is_refused(tool: Tool) -> None:
    tool.lock(f"hello==1.0 --hash=sha256:{'0' * 64}\n")
    ran = tool.run()
    assert ran.returncode == 3 and "because" in ran.stderr


def test_nothing_of_a_shell_changes_it_and_no_source_archive_is_built(tool: Tool, tmp_path: Path) -> None:
    whole, proof = (tool.path / "requirements.lock").read_text(), tmp_path / "proof"
    digest = hashlib.sha256(archive(tmp_path / "index", proof).read_bytes()).hexdigest()
    tool.lock(f"{whole}evil==1.0 --hash=sha256:{digest}\n")
    refused = tool.run(**HOSTILE)
    assert refused.returncode == 3 and "evil" in refused.stderr and not proof.exists()
    tool.lock(whole)
    assert tool.run("x", **HOSTILE).returncode == 0
    assert list((tool.path / ".dev/venv/").glob("lib/python*/site-packages/hello-1.0.dist-info"))


def test_a_named_python_that_cannot_be_used_is_refused(tool: Tool) -> None:
    ran = tool.run(DEV_PYTHON="/bin/true-nothing")
    assert ran.returncode == 4 and "DEV_PYTHON" in ran.stderr


def pinned(tool: Tool, archive: Path, sha256: str = "") -> None:
    digest = sha256 or hashlib.sha256(archive.read_bytes()).hexdigest()
    names = ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64")
    rows = [
        f'archives.{name} = {{ url = "https://vendor.example/{archive.name}", sha256 = "{digest}" }}' for name in names
    ]
    text = "\n".join(["schema = 1", "", "[tools.python]", 'pin = "3.11"', 'version = "3.11.9"', *rows, "", "[tools.q]"])
    (tool.path / "desired_state.lock").write_text(text + "\n")


@pytest.mark.parametrize("client", ["curl", "wget"])
def test_without_a_python_the_pinned_one_is_fetched_once(tool: Tool, tmp_path: Path, client: str) -> None:
    archive = tmp_path / "index" / "cpython.tar.gz"
    artefacts.python_archive(archive, os.path.realpath(sys.executable))
    pinned(tool, archive)
    bare = tmp_path / "bin"
    bare.mkdir()
    # fmt: off
    needed = ["sh", "sed", "cut", "id", "uname", "mkdir", "mktemp", "rm", "mv", "tar", "gzip", "sha256sum", "cmp",
              "readlink", "dirname", "cat", "ls", "chmod"]
    # fmt: on
    for name in (*needed, client):
        if not (found := shutil.which(name)):
            pytest.skip(f"no {name}")
        (bare / name).symlink_to(found)
    store = tmp_path / "store"
    with artefacts.index(tmp_path / "index") as mirror:
        env = {"DEV_PYTHON": "standalone", "DEV_STORE": str(store), "PATH": str(bare), "DEV_PYTHON_MIRROR": mirror}
        first = tool.run("x", **env)
        assert first.returncode == 0, first.stderr
        assert first.stderr.count("fetching") == 1
    shutil.rmtree(tool.path / ".dev")
    again = tool.run("x", **env)
    assert again.returncode == 0 and "fetching" not in again.stderr
    assert [entry.name for entry in (store / "tools/python").iterdir()] == ["3.11"]


@pytest.mark.skipif(not (shutil.which("curl") or shutil.which("wget")), reason="no client to fetch with")
def test_a_fetched_python_with_another_hash_is_refused(tool: Tool, tmp_path: Path) -> None:
    archive = tmp_path / "index" / "cpython.tar.gz"
    artefacts.python_archive(archive, sys.executable)
    pinned(tool, archive, "0" * 64)
    store = tmp_path / "store"
    with artefacts.index(tmp_path / "index") as mirror:
        ran = tool.run(DEV_PYTHON="standalone", DEV_STORE=str(store), DEV_PYTHON_MIRROR=mirror)
    assert ran.returncode == 3 and "sha256" in ran.stderr and "hint:" in ran.stderr
    assert list((store / "tools/python").iterdir()) == []


@pytest.mark.parametrize(
    ("uid", "env", "because"),
    [
        (0, {}, "/var/lib/dev/store cannot be written"), (0, {"HOME": "tmp"}, "/var/lib/dev/store cannot be written"),
        (4321, {"HOME": "tmp"}, "/none/home/.local/share/dev/store cannot be written"),
        (4322, {"XDG_DATA_HOME": "/none/data"}, "/none/data/dev/store cannot be written"),
        (4322, {}, "HOME is not set"),
    ],
)  # fmt: skip
def test_without_a_home_directory_there_is_a_place_or_a_reason(
    tool: Tool, tmp_path: Path, uid: int, env: dict[str, str], because: str
) -> None:
    """Programs stand for other users; none of them makes a directory."""
    (tmp_path / "none.tar.gz").touch()
    pinned(tool, tmp_path / "none.tar.gz")
    (tool.path / "desired_state.lock").write_text(
        (tool.path / "desired_state.lock").read_text().replace('"3.11"', '"none"')
    )
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("sh", "sed", "cut", "uname", "readlink", "ls", "cmp"):
        (bare / name).symlink_to(str(shutil.which(name)))
    said = {"id": f"echo {uid}", "mkdir": "exit 1", "getent": "[ $2 = 4321 ] && echo x:x:4321:1:,:/none/home:/bin/sh"}
    for name, words in said.items():
        (bare / name).write_text(f"#!/bin/sh\n{words}\n")
        (bare / name).chmod(0o755)
    plain = {"DEV_PYTHON": "standalone", "PATH": str(bare), **env}
    ran = subprocess.run(["/bin/sh", str(tool.path / "dev")], env=plain, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 3 and because in ran.stderr and "parameter" not in ran.stderr, ran.stderr


def test_unreachable_it_says_what_to_do(tool: Tool, tmp_path: Path) -> None:
    archive = tmp_path / "cpython.tar.gz"
    artefacts.python_archive(archive, sys.executable)
    pinned(tool, archive)
    ran = tool.run(DEV_PYTHON="standalone", DEV_STORE=str(tmp_path / "s"), DEV_PYTHON_MIRROR="http://127.0.0.1:9")
    assert ran.returncode == 3 and "could not be downloaded" in ran.stderr and "DEV_PYTHON" in ran.stderr
    assert wait_until(lambda: list((tmp_path / "s/tools/python").iterdir()) == [])
