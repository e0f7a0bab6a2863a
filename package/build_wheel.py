"""Build the wheel of the tool: a build backend (PEP 517) of the standard library alone, byte for byte repeatable.

Everything is below `dotslash_dev/tool/` as in the checkout, so that the wheel adds one name to an environment, and the
tool finds its own files by the same relative paths. `python -m pip wheel --no-deps .` calls it, or directly:
`python package/build_wheel.py DIRECTORY`.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("facts/**/*.py", "converge/**/*.py", "runtime/**/*.py", "cli/**/*.py", "compose/*.yaml", "compose/pubsub/*",
         "compose/gateway/*")  # fmt: skip
"""Files of the checkout that the tool needs while it runs."""
FILES = ("dev", "requirements.lock", "CHANGELOG.md")
LEFT_OUT = ("compose/services.yaml", "compose/routes.yaml", "compose/pubsub/README.md")
"""Files among them of the reference platform, or for a reader of the checkout."""
NAME, MODULE = "dotslash-dev", "dotslash_dev"
SCRIPTS = ("dev", NAME)
"""Commands that an installation has; the second, as `uvx NAME` runs the command of that name."""
WHEN = (1980, 1, 1, 0, 0, 0)
"""Time of every file, so that the same source gives the same sha256."""


def build_wheel(wheel_directory: str, config_settings: object = None, metadata_directory: object = None) -> str:
    """Write the wheel into the directory and give its file name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    stem = f"{MODULE}-{project['version']}"
    info, name = f"{stem}.dist-info", f"{stem}-py3-none-any.whl"
    entries = dict(sorted(_files()))
    scripts = "".join(f"{script} = {MODULE}.__main__:main\n" for script in SCRIPTS)
    entries[f"{info}/METADATA"] = _metadata(project).encode()
    entries[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: dev\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    entries[f"{info}/entry_points.txt"] = f"[console_scripts]\n{scripts}".encode()
    record = "".join(f"{path},sha256={_digest(content)},{len(content)}\n" for path, content in entries.items())
    entries[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    with zipfile.ZipFile(Path(wheel_directory) / name, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, content in entries.items():
            about = zipfile.ZipInfo(path, WHEN)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = (0o100755 if content.startswith(b"#!") else 0o100644) << 16
            archive.writestr(about, content)
    return name


def _files() -> Iterator[tuple[str, bytes]]:
    """Path in the wheel, and content."""
    for path in (ROOT / "package" / MODULE).glob("*.py"):
        yield f"{MODULE}/{path.name}", path.read_bytes()
    for name in FILES:
        yield f"{MODULE}/tool/{name}", (ROOT / name).read_bytes()
    for part in PARTS:
        for path in ROOT.glob(part):
            inside = path.relative_to(ROOT).as_posix()
            if path.is_file() and not path.is_symlink() and inside not in LEFT_OUT:
                yield f"{MODULE}/tool/{inside}", path.read_bytes()


def _metadata(project: dict[str, object]) -> str:
    needs = project["dependencies"]
    assert isinstance(needs, list)
    lines = [
        "Metadata-Version: 2.1", f"Name: {NAME}", f"Version: {project['version']}",
        f"Summary: {project['description']}", f"Requires-Python: {project['requires-python']}",
        *(f"Requires-Dist: {need}" for need in needs),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    print(Path(sys.argv[1]) / build_wheel(sys.argv[1]))
