"""The launcher that a repository commits: it fetches the pinned package once, and nothing else."""

from __future__ import annotations

import subprocess

import pytest

from tests.package.conftest import Repository


def test_the_pinned_package_is_fetched_once_and_told_whose_launcher_it_is(repository: Repository) -> None:
    repository.pin("9.0.0", repository.publish("9.0.0"))
    newer = repository.publish("9.1.0")
    first = repository.run("a b", "*")
    assert first.returncode == 0, first.stderr
    assert first.stdout == f"{repository.path}|a b|*\n"
    assert first.stderr.count("fetching dotslash-dev 9.0.0") == 1
    again = repository.run("x", PIP_INDEX_URL="http://127.0.0.1:1/")
    assert (again.returncode, again.stdout, again.stderr) == (0, f"{repository.path}|x\n", "")
    assert [path.name for path in repository.path.iterdir()] == ["dev"]
    assert len(list((repository.base / "store/dev").iterdir())) == 1
    repository.pin("9.1.0", newer)
    assert repository.run("x").stderr.count("fetching dotslash-dev 9.1.0") == 1


def test_two_at_once_share_one_package(repository: Repository) -> None:
    repository.pin("9.0.0", repository.publish("9.0.0"))
    line = [str(repository.path / "dev"), "x"]
    both = [
        subprocess.Popen(line, env=repository.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=100)[0] for process in both] == [f"{repository.path}|x\n"] * 2
    assert len(list((repository.base / "store/dev").iterdir())) == 1


@pytest.mark.parametrize("case", ["another sha256", "no such version", "no index", "a store of another mode"])
def test_what_cannot_be_had_or_believed_is_not_run(repository: Repository, case: str) -> None:
    sha256, env = repository.publish("9.0.0"), {}
    if case == "no index":
        env = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_RETRIES": "0"}
    if case == "a store of another mode":
        (repository.base / "store").mkdir()
        (repository.base / "store").chmod(0o777)
    repository.pin("9.5.0" if case == "no such version" else "9.0.0", "0" * 64 if case == "another sha256" else sha256)
    ran = repository.run("x", **env)
    assert ran.returncode in (3, 4) and not ran.stdout
    assert "because" in ran.stderr and "hint:" in ran.stderr and "Traceback" not in ran.stderr
    assert not list((repository.base / "store").glob("dev/*"))
