"""The wheel of the working tree, and pip settings that know an index on loopback alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import artefacts
from tests.conftest import TOOL

BOOTSTRAP = """import os, shutil, sys, tempfile, venv
tool = sys.argv[1]
made = tempfile.mkdtemp(dir=tool)
venv.create(made, symlinks=True)
shutil.copy(tool + "/requirements.lock", made)
os.makedirs(tool + "/.dev", exist_ok=True)
try:
    os.rename(made, tool + "/.dev/venv")
except OSError:
    shutil.rmtree(made)
"""
"""Makes an environment without packages; tests/launcher has the real one."""
MAIN = "import os, sys\nprint(os.environ.get('DEV_WRAPPER'), *sys.argv[1:], sep='|')\n"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as it would be published."""
    argv = [sys.executable, "-I", str(TOOL / "package/build_wheel.py"), str(tmp_path_factory.mktemp("wheel"))]
    return Path(subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip())


class Repository:
    """A directory with a launcher that pins a small package, which an index on loopback has."""

    def __init__(self, base: Path, address: str) -> None:
        self.base, self.path, self.index = base, base / "répo sitory", base / "index"
        self.path.mkdir()
        self.env = {
            **{name: value for name, value in os.environ.items() if name not in ("DEV_PYTHON", "DEV_TRUST")},
            "HOME": str(base), "DEV_STORE": str(base / "store"), "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": f"{address}/simple/", "PIP_NO_CACHE_DIR": "1", "UV_INDEX_URL": f"{address}/simple/",
            "UV_NO_CACHE": "1",
        }  # fmt: skip

    def publish(self, version: str) -> str:
        """Put a package of this version on the index; gives its sha256."""
        files = {
            "dotslash_dev/tool/cli/__main__.py": MAIN, "dotslash_dev/tool/cli/bootstrap.py": BOOTSTRAP,
            "dotslash_dev/tool/requirements.lock": "", "dotslash_dev/tool/dev": (TOOL / "dev").read_text(),
            "dotslash_dev/tool/CHANGELOG.md": "# Changelog\n\n" + "".join(
                f"## {each}\n\n- What is new in {each}.\n\n" for each in ("9.2.0", "9.1.0", "9.0.0", "0.2.0")
                if [int(part) for part in each.split(".")] <= [int(part) for part in version.split(".")]
            ),
        }  # fmt: skip
        made = artefacts.package(self.index, "dotslash_dev", version, files)
        return hashlib.sha256(made.read_bytes()).hexdigest()

    def pin(self, version: str, sha256: str) -> None:
        """Write the launcher."""
        text = (TOOL / "dev").read_text().replace("VERSION= SHA256= ", f"VERSION={version} SHA256={sha256} ", 1)
        (self.path / "dev").write_text(text)
        (self.path / "dev").chmod(0o755)

    def run(self, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
        line = [str(self.path / "dev"), *argv]
        return subprocess.run(
            line, env={**self.env, **env}, capture_output=True, text=True, timeout=120, cwd=self.base
        )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    (tmp_path / "index").mkdir()
    with artefacts.index(tmp_path / "index") as address:
        yield Repository(tmp_path, address)
    shutil.rmtree(tmp_path / "store", ignore_errors=True)
