"""Reads `go.mod`: the version of Go, and the service where the package beside it is a program."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from converge.adoption.evidence import Service, Tool

EXACT = re.compile(r"(?:toolchain go|go )(\d+\.\d+\.\d+)\s*(?://.*)?")
"""A line with a whole version. `go 1.22` names a language, and no version that could be installed."""
PORT = "which port does it listen on? Add port = …; without one it is a worker"


def tools(path: str, text: str) -> tuple[Tool, ...]:
    """The exact version of Go that the file names: that of `toolchain`, else that of `go`; empty without one."""
    found = [
        (line.startswith("toolchain"), number, match[1])
        for number, line in enumerate(text.splitlines(), 1)
        if (match := EXACT.fullmatch(line.strip()))
    ]
    if not found:
        return ()
    _, number, version = max(found, key=lambda each: each[0])
    return (Tool(name="go", version=version, source=f"{path}:{number}"),)


def services(path: str, text: str, programs: frozenset[str]) -> tuple[Service, ...]:
    """The service of the module, where its directory is one of `programs` (it has `package main`)."""
    folder = str(PurePosixPath(path).parent)
    line = next((n for n, each in enumerate(text.splitlines(), 1) if each.startswith("module ")), 0)
    if not line or folder not in programs:
        return ()
    said = text.splitlines()[line - 1].removeprefix("module ").partition("//")[0].strip().strip('"')
    last = re.sub(r"/v\d+$", "", said).rpartition("/")[2]
    name = re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")[:32].strip("-")
    if not name:
        return ()
    return (Service(name=name, kind="go", path=folder, source=f"{path}:{line}", questions=(PORT,)),)
