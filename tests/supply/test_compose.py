"""Compose comes from the mirror that this machine's own apt has, checked, and stands back behind the user's plugin."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge import schema, supply, tools
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.instance import Instance
from converge.local_machine import LocalMachine
from tests import artefacts

HEAD = 'schema = 1\n[project]\nname = "x"\n[docker]\n'
POOL = "pool/main/d/docker-compose/docker-compose_2.26.1-4_amd64.deb"
PLATFORMS = ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64")

pytestmark = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="Debian packages are made by dpkg-deb")


def package(directory: Path, script: str = "#!/bin/sh\necho 2.26.1-4\n") -> Path:
    """A package with Compose in it, which is a shell script."""
    tree = directory / "tree"
    program = tree / supply.DEB_PROGRAMS["docker-compose"]
    program.parent.mkdir(parents=True)
    program.write_text(script)
    program.chmod(0o755)
    (tree / "DEBIAN").mkdir()
    about = (
        "Package: docker-compose\nVersion: 2.26.1-4\nArchitecture: all\nMaintainer: us <us@example>\nDescription: x\n"
    )
    (tree / "DEBIAN/control").write_text(about)
    made = directory / POOL.rpartition("/")[2]
    subprocess.run(["dpkg-deb", "--build", str(tree), str(made)], check=True, capture_output=True)
    return made


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory that apt takes for its only mirror; the store and the user's home are empty."""
    offered = tmp_path / "mirror"
    offered.mkdir()
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.delenv("DOCKER_CONFIG", raising=False)
    with artefacts.index(offered) as address:
        (tmp_path / "sources.list").write_text(f"deb [trusted=yes] {address}/debian stable main\n")
        config = f'Dir::Etc::sourcelist "{tmp_path}/sources.list";\nDir::Etc::sourceparts "-";\n'
        (tmp_path / "apt.conf").write_text(config + 'Acquire::http::Proxy "false";\n')
        monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
        yield offered


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., Path | None]:
    """Installs what the lock says of the package, and gives the Compose that would be run."""

    def run(deb: Path, text: str = "", sha256: str = "") -> Path | None:
        digest = sha256 or hashlib.sha256(deb.read_bytes()).hexdigest()
        pinned = {"version": "2.26.1", "debs": {name: {"file": POOL, "sha256": digest} for name in PLATFORMS}}
        loaded = schema.parse((HEAD + text).encode())
        context = ConvergeContext(loaded, Instance(tmp_path, "x"), {"tools": {"docker-compose": pinned}})
        with LocalMachine(context) as machine:
            supply.install("docker-compose", tools.COMPOSE, machine)
        return tools.compose(loaded)

    return run


def test_it_comes_from_apts_own_mirror_and_docker_finds_it(mirror: Path, install: Callable[..., Path]) -> None:
    program = install(package(mirror))
    link = Path(os.environ["HOME"]) / ".docker/cli-plugins/docker-compose"
    assert program == link and link.resolve().is_relative_to(os.environ["DEV_STORE"])
    assert subprocess.run([program, "version"], capture_output=True, text=True).stdout == "2.26.1-4\n"


def test_another_file_than_the_locked_one_is_not_taken(mirror: Path, install: Callable[..., Path]) -> None:
    with pytest.raises(DevError) as caught:
        install(package(mirror), sha256="0" * 64)
    assert caught.value.code == "hash-mismatch"
    assert not list(Path(os.environ["DEV_STORE"]).rglob("docker-compose/2*"))


def test_a_program_that_does_not_run_here_gives_way(mirror: Path, install: Callable[..., Path]) -> None:
    with pytest.raises(DevError) as caught:
        install(package(mirror, "#!/bin/sh\necho GLIBC_2.34 not found >&2; exit 1\n"))
    assert caught.value.code == "download-failed" and "GLIBC_2.34" in caught.value.because


def test_a_mirror_without_it_says_so(mirror: Path, install: Callable[..., Path]) -> None:
    deb = package(mirror)
    away = deb.rename(mirror.parent / "away.deb")
    with pytest.raises(DevError) as caught:
        install(away)
    assert caught.value.code == "download-failed" and "404" in caught.value.because


def test_a_package_older_than_wanted_is_not_fetched(mirror: Path, install: Callable[..., Path]) -> None:
    with pytest.raises(DevError) as caught:
        install(package(mirror), "compose = '>=2.30'\n")
    assert caught.value.code == "no-provider"


def test_a_plugin_of_the_users_own_stays_and_is_used_if_it_will_do(mirror: Path, install: Callable[..., Path]) -> None:
    own = Path(os.environ["HOME"]) / ".docker/cli-plugins/docker-compose"
    own.parent.mkdir(parents=True)
    own.write_text("#!/bin/sh\necho v2.5.0\n")
    own.chmod(0o755)
    deb = package(mirror)
    assert install(deb) == tools.home("docker-compose", tools.COMPOSE) / "bin/docker-compose"
    assert "v2.5.0" in own.read_text()
    own.write_text("#!/bin/sh\necho v2.40.30\n")
    assert install(deb) == own
