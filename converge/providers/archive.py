"""A vendor's archive, or the program alone, as a tool's home: the program is in `bin/` afterwards."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from converge import unpack
from converge.errors import DevError

TARS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz")
MAGIC = (b"\x7fELF", b"#!", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
"""How a program begins: ELF, a script, Mach-O for one processor and for several."""


def unpacked(file: Path, name: str, program: str, home: Path) -> None:
    """Put what is in the file, which the vendor calls `name`, into the tool's home, an empty directory.

    A single top directory is left out. DevError `bad-archive` if it cannot be unpacked or does not have the program.
    """
    if not name.endswith((*TARS, ".zip")):
        _alone(file, name, home / "bin" / program)
        return
    directory = file.with_name("unpacked")
    if name.endswith(".zip"):
        directory.mkdir()
        unpack.zipped(file, directory, lambda path: path)
    else:
        unpack.tar(file, directory)
    tops = list(directory.iterdir())
    top = tops[0] if len(tops) == 1 and tops[0].is_dir() and not tops[0].is_symlink() else directory
    if top.name == "bin" and top is not directory:
        top = directory
    for entry in list(top.iterdir()):
        entry.rename(home / entry.name)
    if any((home / "bin").glob("*")):  # its programs may have other names than the tool
        return
    found = _program(home, program)
    if found is None:
        raise DevError("bad-archive", f"{name} is not unpacked", because=f"there is no program {program} in it")
    found.chmod(0o755)
    link = home / "bin" / program
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(os.path.relpath(found, link.parent))


def _alone(file: Path, name: str, target: Path) -> None:
    if not _begins(file).startswith(MAGIC):
        raise DevError("bad-archive", f"{name} is not unpacked", because="it is neither an archive nor a program")
    target.parent.mkdir()
    shutil.copyfile(file, target)
    target.chmod(0o755)


def _begins(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(4)


def _program(home: Path, program: str) -> Path | None:
    """The file with the name of the program, else the only one whose name begins with it; the least deep first."""
    files = sorted((p for p in home.rglob(f"{program}*") if p.is_file() and not p.is_symlink()), key=_depth)
    exact = [path for path in files if path.name == program and _begins(path).startswith(MAGIC)]
    like = [path for path in files if os.access(path, os.X_OK) and _begins(path).startswith(MAGIC)]
    return exact[0] if exact else like[0] if len(like) == 1 else None


def _depth(path: Path) -> tuple[int, str]:
    return len(path.parts), str(path)
