"""Takes the hashes of source archives out of lock files: `python -m tests.supply.wheel_hashes UV LOCK...`.

`uv pip compile --generate-hashes` writes the hashes of all files of a version, and has no option for those of wheels
alone. Its `pylock.toml` says which file each hash belongs to.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

PLATFORMS = {
    "linux-x64": r"(manylinux|linux).*_x86_64", "linux-arm64": r"(manylinux|linux).*_aarch64",
    "macos-x64": r"macosx_.*_(x86_64|universal2)", "macos-arm64": r"macosx_.*_(arm64|universal2)",
}  # fmt: skip


def wheels_alone(lock: str, pylock: str) -> tuple[str, list[str]]:
    """The lock without the hashes of source archives, and what has no wheel for which of our platforms."""
    packages = tomllib.loads(pylock)["packages"]
    sources = {each["sdist"]["hashes"]["sha256"] for each in packages if "sdist" in each}
    missing = []
    for each in packages:
        names = [wheel["url"].rpartition("/")[2].removesuffix(".whl") for wheel in each.get("wheels", ())]
        tags = [name.rpartition("-")[2] for name in names]
        for platform, pattern in PLATFORMS.items():
            if not any(tag == "any" or re.search(pattern, tag) for tag in tags):
                missing.append(f"{each['name']} {each['version']}: {platform}")
    kept = [line for line in lock.splitlines() if not any(digest in line for digest in sources)]
    for at, line in enumerate(kept):  # the last hash of a package is followed by no other
        if line.endswith(" \\") and not (kept[at + 1 : at + 2] or [""])[0].lstrip().startswith("--hash"):
            kept[at] = line.removesuffix(" \\")
    return "\n".join(kept) + "\n", missing


def main(uv: str, *locks: str) -> int:
    for lock in map(Path, locks):
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / "in.txt").write_text(lock.read_text())
            options = ["--no-config", "--quiet", "--universal", "--no-deps", "--python-version", "3.11"]
            argv = [uv, "pip", "compile", *options, "--format", "pylock.toml", "in.txt", "-o", "pylock.toml"]
            subprocess.run(argv, cwd=directory, check=True)
            text, missing = wheels_alone(lock.read_text(), (Path(directory) / "pylock.toml").read_text())
        lock.write_text(text)
        for each in missing:
            print(f"{lock}: no wheel of {each}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
