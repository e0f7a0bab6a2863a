"""What a shell has set changes no installation, and no program of a source archive runs."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from converge import installing
from converge.instance import store
from tests.conftest import Checkout

HOSTILE = {
    "NODE_ENV": "production", "NPM_CONFIG_OMIT": "dev", "npm_config_production": "true", "NPM_CONFIG_GLOBAL": "true",
    "npm_config_ignore_scripts": "true", "npm_config_prefix": "/tmp", "NPM_CONFIG_SCRIPT_SHELL": "/bin/false",
    "NODE_OPTIONS": "--require=/nowhere.js", "NODE_PATH": "/tmp", "NPM_CONFIG_DRY_RUN": "true",
    "PIP_TARGET": "/tmp/target", "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_PREFIX": "/tmp/prefix",
    "PIP_ROOT": "/tmp/root", "PIP_NO_BINARY": ":all:", "PIP_DRY_RUN": "1", "PIP_CONSTRAINT": "/nowhere",
    "PIP_PYTHON": "/bin/false", "PIP_REQUIREMENT": "/nowhere", "PIP_LOG": "/nowhere/log",
    "PYTHONPATH": "/tmp", "PYTHONHOME": "/tmp", "PYTHONSTARTUP": "/tmp/x.py", "PYTHONPLATLIBDIR": "x",
    "UV_NO_BINARY": "1", "UV_REQUIRE_HASHES": "0", "UV_NO_VERIFY_HASHES": "1", "UV_SYSTEM_PYTHON": "1",
    "UV_CONSTRAINT": "/nowhere", "UV_OVERRIDE": "/nowhere", "UV_PRERELEASE": "allow", "UV_PROJECT": "/tmp",
    "UV_WORKING_DIR": "/tmp", "UV_PYTHON": "/bin/false", "VIRTUAL_ENV": "/tmp", "CONDA_PREFIX": "/tmp",
    "GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOOS": "plan9", "GOTOOLCHAIN": "go1.1", "GO111MODULE": "off",
    "RUSTFLAGS": "--cfg=x", "RUSTC_WRAPPER": "/bin/false", "CARGO_TARGET_DIR": "/tmp", "LD_PRELOAD": "/nowhere.so",
    "LC_ALL": "tr_TR.UTF-8", "LANG": "xx", "LANGUAGE": "de", "XDG_CACHE_HOME": "relative",
    "GOCACHE": "relative", "TMPDIR": "/nowhere", "GIT_DIR": "/nowhere", "GIT_CONFIG_COUNT": "1", "ENV": "/nowhere",
    "BASH_ENV": "/nowhere", "TAR_OPTIONS": "--nonsense", "PATH": "/usr/bin:.::bin", "GIT_INDEX_FILE": "/nowhere",
}  # fmt: skip
KEPT = {
    "HTTPS_PROXY": "http://proxy:3128", "SSL_CERT_FILE": "/ca.pem", "PIP_INDEX_URL": "https://index/simple",
    "UV_INDEX_INNER_PASSWORD": "p", "npm_config_registry": "https://npm/", "GOPROXY": "https://go",
    "CARGO_NET_OFFLINE": "true", "NPM_CONFIG_//npm/:_authToken": "t",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_shell_has_set_does_not_reach_an_installation(name: str, tmp_path: Path) -> None:
    clean = {"HOME": str(tmp_path), "PATH": "/usr/bin", "PIP_CONFIG_FILE": os.devnull}
    assert installing.environment({**clean, name: HOSTILE[name]}) == installing.environment(clean)


def test_how_an_index_is_reached_does(tmp_path: Path) -> None:
    (tmp_path / ".npmrc").write_text("//npm/:_authToken=${TEAM_TOKEN}\nomit=${NODE_ENV}\n")
    given = {**KEPT, "HOME": str(tmp_path), "TEAM_TOKEN": "x", "NODE_ENV": "production", "OTHER": "y"}
    found = installing.environment(given)
    assert found.items() >= {**KEPT, "TEAM_TOKEN": "x", "NODE_EXTRA_CA_CERTS": "/ca.pem"}.items()
    assert "OTHER" not in found and "NODE_ENV" not in found


def test_of_the_files_of_pip_and_uv_only_that_is_read(tmp_path: Path) -> None:
    pip, uv = tmp_path / ".config/pip/pip.conf", tmp_path / ".config/uv/uv.toml"
    for file in (pip, uv):
        file.parent.mkdir(parents=True)
    pip.write_text(
        "[global]\nindex-url = https://a\ntarget = /x\n[install]\nextra_index_url =\n  https://b\n  https://c\n"
    )
    uv.write_text('no-binary = true\n[[index]]\nname = "x"\nurl = "https://d"\ndefault = true\n[pip]\ntarget = "/x"\n')
    found = installing.environment({"HOME": str(tmp_path), "PIP_RETRIES": "1"})
    wanted = {
        "PIP_INDEX_URL": "https://a",
        "PIP_EXTRA_INDEX_URL": "https://b https://c",
        "UV_DEFAULT_INDEX": "x=https://d",
    }
    assert found.items() >= wanted.items()
    assert not [name for name in found if "TARGET" in name or "BINARY" in name]
    assert (
        installing.environment({"HOME": str(tmp_path), "PIP_INDEX_URL": "https://own"})["PIP_INDEX_URL"]
        == "https://own"
    )


def archive(place: Path, proof: Path) -> Path:
    """A source archive of `evil` 1.0, whose build would make the proof."""
    files = {
        "backend.py": f"open({str(proof)!r}, 'w')\ndef build_wheel(*_): raise SystemExit(3)\n",
        "pyproject.toml": "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n",
        "PKG-INFO": "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n",
    }  # fmt: skip
    with tarfile.open(place / "evil-1.0.tar.gz", "w:gz") as made:
        for name, text in files.items():
            about = tarfile.TarInfo(f"evil-1.0/{name}")
            about.size = len(text)
            made.addfile(about, io.BytesIO(text.encode()))
    return place / "evil-1.0.tar.gz"


def uv() -> str:
    """A directory with uv, from PATH or from this user's store."""
    found = shutil.which("uv") or next(map(str, store().glob("tools/uv/*/bin/uv")), None)
    if not found:
        pytest.skip("no uv on PATH or in the store")
    return os.path.dirname(found)


def test_a_source_archive_is_refused_with_the_way_to_allow_it(checkout: Checkout, tmp_path: Path) -> None:
    index, proof = tmp_path / "index", tmp_path / "proof"
    index.mkdir()
    digest = hashlib.sha256(archive(index, proof).read_bytes()).hexdigest()
    path = f"{uv()}{os.pathsep}{os.environ['PATH']}"
    checkout.env = {"PATH": path, "UV_FIND_LINKS": str(index), "UV_DEFAULT_INDEX": index.as_uri(), "UV_OFFLINE": "1"}
    entry = "[services.w]\nkind = 'python'\ndev = 'sleep 9'\n"
    checkout.state(entry)
    checkout.write("requirements.lock", f"evil==1.0 --hash=sha256:{digest}\n")
    checkout.write("uv.toml", "no-binary = true\nno-build = false\n")
    refused = checkout.dev("doctor", "--fix")
    assert refused.code == 3 and "no wheel" in refused.out, refused.out + refused.err
    assert 'build = ["evil"] in [services.w]' in refused.out and "desired_state.toml:4" in refused.out
    assert not proof.exists()
    checkout.state(entry + "build = ['evil']\n")
    checkout.dev("doctor", "--fix")
    assert proof.exists()


def test_all_of_it_at_once_npm_installs_what_the_lock_has(checkout: Checkout) -> None:
    if not (shutil.which("npm") and shutil.which("node")):
        pytest.skip("no npm")
    package = checkout.path / "dev-only"
    package.mkdir()
    (package / "package.json").write_text('{"name": "dev-only", "version": "1.0.0"}')
    subprocess.run(["tar", "-czf", "dev-only.tgz", "--transform", "s/^dev-only/package/", "dev-only"],
                   cwd=checkout.path, check=True)  # fmt: skip
    digest = hashlib.sha512((checkout.path / "dev-only.tgz").read_bytes()).digest()
    root = {"name": "x", "version": "1.0.0", "devDependencies": {"dev-only": "file:dev-only.tgz"}}
    locked = {"version": "1.0.0", "resolved": "file:dev-only.tgz", "dev": True, "integrity": _integrity(digest)}
    lock = {
        "name": "x",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": {"": root, "node_modules/dev-only": locked},
    }
    checkout.write("package.json", json.dumps(root))
    checkout.write("package-lock.json", json.dumps(lock))
    checkout.state("[services.w]\nkind = 'node'\ndev = 'sleep 9'\n")
    ran = checkout.dev("doctor", "--fix", env=_without_loader(HOSTILE))
    assert ran.code == 0, ran.out + ran.err
    assert (checkout.path / "node_modules/dev-only/package.json").exists()


def _integrity(digest: bytes) -> str:
    return f"sha512-{base64.b64encode(digest).decode()}"


def _without_loader(given: Mapping[str, str]) -> dict[str, str]:
    """PYTHONHOME and LD_PRELOAD would end the shell of the test before the tool."""
    return {name: value for name, value in given.items() if name != "LD_PRELOAD"}
