"""A tool that is a wheel: programs that it brings as they are, or entry points, which get a script each."""

from __future__ import annotations

import configparser
import email
import re
import shlex
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from converge import unpack
from converge.errors import DevError

SCRIPT = """\
#!/bin/sh
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
PYTHONPATH="$here/../lib" exec {python} -c 'import sys; sys.argv[0] = "{name}"; from {module} import {first}; \
sys.exit({attribute}())' "$@"
"""


def needs(file: Path, tool: str) -> list[str]:
    """Packages without which its program does not run. DevError `no-provider` if it has no program of this name."""
    if tool in _programs(file):
        return []
    if tool not in entry_points(_info(file, "entry_points.txt")):
        raise DevError("no-provider", f"{file.name} has no program {tool}", hint="check the name of the package")
    given = email.message_from_string(_info(file, "METADATA")).get_all("Requires-Dist") or []
    return [re.split(r"[\s;<>=!~\[(]", each)[0] for each in given if "extra" not in each.partition(";")[2]]


def unpacked(file: Path, tool: str, home: Path, place: Callable[[str, str], str | None]) -> None:
    """Put the wheel into the tool's home; `place` says where a file of a wheel with programs belongs."""
    points = {} if _programs(file) else entry_points(_info(file, "entry_points.txt"))
    unpack.zipped(file, home, lambda name: f"lib/{name}" if points else place(tool, name))
    write_scripts(home, points, "python3")


def write_scripts(home: Path, points: Mapping[str, tuple[str, str]], python: str) -> None:
    """A program for each entry point, run by this Python with the packages in `lib/`."""
    if points:
        (home / "bin").mkdir(exist_ok=True)
    for name, (module, attribute) in points.items():
        script = home / "bin" / name
        first = attribute.partition(".")[0]
        words = {"name": name, "module": module, "first": first, "attribute": attribute}
        script.write_text(SCRIPT.format(**words, python=shlex.quote(python)))
        script.chmod(0o755)


def _programs(file: Path) -> set[str]:
    with _opened(file) as archive:
        heads = (name.partition(".data/scripts/") for name in archive.namelist())
        return {rest for head, _, rest in heads if rest and "/" not in head}


def entry_points(text: str) -> dict[str, tuple[str, str]]:
    """Name of a program -> module and function. Source: https://packaging.python.org/specifications/entry-points."""
    parser = configparser.RawConfigParser(delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as problem:
        raise DevError("bad-archive", "a wheel is not unpacked", because=str(problem)) from None
    rows = dict(parser["console_scripts"]) if parser.has_section("console_scripts") else {}
    found = {}
    for name, value in rows.items():
        point = re.fullmatch(r"([A-Za-z_][\w.]*)\s*:\s*([A-Za-z_][\w.]*)\s*(\[.*\])?", value.strip(), re.ASCII)
        if point and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", name):
            found[name] = (point[1], point[2])
    return found


def _info(file: Path, name: str) -> str:
    with _opened(file) as archive:
        for each in archive.namelist():
            if re.fullmatch(rf"[^/]+\.dist-info/{re.escape(name)}", each):
                return archive.read(each).decode("utf-8", "replace")
    return ""


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError) as problem:
        raise DevError("bad-archive", f"{file.name} is not a wheel", because=str(problem)) from None
