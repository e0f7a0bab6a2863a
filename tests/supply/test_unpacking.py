"""What becomes of a wheel, a Debian package and a Go module: only what is needed, in its place, with its rights."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge import supply, unpack
from converge.errors import DevError, Exit
from converge.local_machine import LocalMachine
from tests.operations.test_items import context


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalMachine]:
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    (tmp_path / "store" / "tools").mkdir(parents=True, mode=0o700)
    with LocalMachine(context("", tmp_path)) as found:
        yield found


@pytest.fixture
def fresh(machine: LocalMachine, tmp_path: Path) -> Path:
    """The directory into which a tool is unpacked."""
    found = tmp_path / "store" / "tools" / "fresh"
    found.mkdir()
    return found


def wheel(path: Path, *entries: tuple[str, int, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, mode, text in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, text)
    return path


def tree(root: Path) -> dict[str, str]:
    """Path -> mode, and where a symlink leads."""
    return {
        str(each.relative_to(root)): f"-> {os.readlink(each)}" if each.is_symlink() else oct(each.stat().st_mode & 511)
        for each in sorted(root.rglob("*"))
        if each.is_symlink() or each.is_file()
    }  # fmt: skip


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_wheel_gives_its_programs_alone(fresh: Path, tmp_path: Path) -> None:
    entries = (
        ("ruff-1.data/scripts/ruff", 0o644, "x"), ("ruff-1.data/scripts/more/part", 0o600, "x"),
        ("ruff/a.py", 0o644, "x"),
        ("a/ruff-1.data/scripts/inner", 0o755, "x"), ("ruff-1.data/scripts/", 0o755, ""),
        ("ruff-1.dist-info/R", 0o644, ""),
    )  # fmt: skip
    unpack.zipped(wheel(tmp_path / "w.whl", *entries), fresh, lambda name: supply._place("ruff", name))
    assert tree(fresh) == {"bin/ruff": "0o755", "bin/more/part": "0o755"}


def test_a_wheel_of_node_has_its_own_npm(
    fresh: Path, machine: LocalMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = supply.INSIDE["node"]
    entries = (
        (f"{inside}/bin/node", 0o755, "#!"), (f"{inside}/bin/npm", 0o644, "a script of the wheel"),
        (f"{inside}/include/n.h", 0o644, ""), (f"{inside}/bin/link", stat.S_IFLNK | 0o777, "node"),
        ("other/x", 0o644, ""),
    )  # fmt: skip
    file = wheel(tmp_path / "node.whl", *entries)
    monkeypatch.setattr(supply, "download", lambda package, version, name, directory, machine: file)
    pinned, locked = {"package": "n", "version": "1"}, {"file": "node.whl", "sha256": digest(file)}
    with pytest.raises(OSError, match="npm"):  # it has no library of npm
        supply._wheel("node", pinned, locked, fresh, machine)
    shutil.rmtree(fresh)
    library = (f"{inside}/lib/node_modules/npm/bin/{name}-cli.js" for name in ("npm", "npx"))
    wheel(file, *entries, *((name, 0o644, "#!") for name in library))
    supply._wheel("node", pinned, {"file": "node.whl", "sha256": digest(file)}, fresh, machine)
    assert tree(fresh) == {
        "bin/link": "-> node", "bin/node": "0o755", "bin/npm": "-> ../lib/node_modules/npm/bin/npm-cli.js",
        "bin/npx": "-> ../lib/node_modules/npm/bin/npx-cli.js", "include/n.h": "0o644",
        "lib/node_modules/npm/bin/npm-cli.js": "0o755", "lib/node_modules/npm/bin/npx-cli.js": "0o755",
    }  # fmt: skip
    assert [each.name for each in fresh.parent.iterdir()] == ["fresh"], "nothing is left beside it"


@pytest.mark.parametrize("name", ["x.data/scripts/../../../out", "x.data/scripts//../../../../out"])
def test_no_file_of_a_wheel_gets_out_of_the_store(fresh: Path, tmp_path: Path, name: str) -> None:
    file = wheel(tmp_path / "w.whl", (name, 0o644, ""))
    with pytest.raises(DevError) as caught:
        unpack.zipped(file, fresh, lambda name: supply._place("x", name))
    assert caught.value.code == "bad-archive" and not list(tmp_path.rglob("out"))


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="no dpkg-deb")
@pytest.mark.parametrize(
    ("program", "code", "because"),
    [("#!/bin/sh\necho v1", "", ""), ("#!/bin/sh\necho GLIBC_9 is missing >&2; exit 1", "download-failed", "GLIBC_9"),
     ("#!/bin/sh\nexit 1", "download-failed", "does not start"), (None, "bad-archive", "dpkg-deb")],
)  # fmt: skip
def test_a_debian_package_gives_a_program_that_runs(
    fresh: Path, machine: LocalMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    program: str | None, code: str, because: str,
) -> None:  # fmt: skip
    monkeypatch.setitem(supply.DEB_PROGRAMS, "thing", "usr/bin/thing")
    file = tmp_path / "thing.deb"
    if program is None:
        file.write_text("this is no package")
    else:
        root = tmp_path / "root"
        (root / "usr/bin").mkdir(parents=True)
        (root / "usr/bin/thing").write_text(f"{program}\n")
        (root / "usr/bin/thing").chmod(0o755)
        (root / "DEBIAN").mkdir()
        (root / "DEBIAN/control").write_text(
            "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
        )
        subprocess.run(["dpkg-deb", "--build", str(root), str(file)], check=True, capture_output=True)
    monkeypatch.setattr(supply, "from_mirror", lambda path, directory, machine: file)
    locked = {"file": "pool/thing.deb", "sha256": digest(file)}
    if not code:
        supply._deb("thing", locked, fresh, machine)
        assert tree(fresh) == {"bin/thing": "0o755"}
    else:
        with pytest.raises(DevError) as caught:
            supply._deb("thing", locked, fresh, machine)
        assert caught.value.code == code and because in caught.value.because
        assert tree(fresh) == {}
    assert [each.name for each in fresh.parent.iterdir()] == ["fresh"]


CONTROL = "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
GO = """#!/bin/sh
case "$1 $2" in
"mod download") cat {answer} ;;
"build "*) shift
    while [ "$1" != -o ]; do flags="$flags $1"; shift; done
    [ -w main.go ] || {{ echo "main.go is read-only" >&2; exit 1; }}
    echo "$flags $3" >"$2" ;;
esac
"""


@pytest.mark.parametrize(
    ("pinned", "built"),
    [({}, "-ldflags=-w ."), ({"stamp": "main.version", "main": "./cmd"}, "-ldflags=-w -X main.version=v1.2.3 ./cmd")],
)
def test_a_go_module_is_built_from_a_copy(
    fresh: Path, machine: LocalMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    pinned: dict[str, str], built: str,
) -> None:  # fmt: skip
    source, answer, go = tmp_path / "module", tmp_path / "answer", tmp_path / "bin" / "go"
    source.mkdir()
    (source / "main.go").write_text("package main\n")
    (source / "main.go").chmod(0o444)
    go.parent.mkdir()
    go.write_text(GO.format(answer=answer).replace("[ -w main.go ]", "[ $(($(stat -c %a main.go) / 100)) -ge 6 ]"))
    go.chmod(0o755)
    monkeypatch.setenv("PATH", f"{go.parent}:{os.environ['PATH']}")
    known = {"module": "example.com/thing", "h1": "h1:right", **pinned}
    for text, code in (
        ("nothing", "download-failed"), (json.dumps({"Error": "no such host"}), "download-failed"),
        (json.dumps({"Dir": str(source), "Sum": "h1:wrong"}), "hash-mismatch"),
    ):  # fmt: skip
        answer.write_text(text)
        with pytest.raises(DevError) as caught:
            supply._module("thing", known, "1.2.3", fresh, machine)
        assert caught.value.code == code and tree(fresh) == {}
        assert (caught.value.exit == Exit.BAD_STATE) == (code == "hash-mismatch")
    answer.write_text(json.dumps({"Dir": str(source), "Sum": "h1:right"}))
    supply._module("thing", known, "1.2.3", fresh, machine)
    assert built in (fresh / "bin" / "thing").read_text()
    assert [each.name for each in fresh.parent.iterdir()] == ["fresh"]
