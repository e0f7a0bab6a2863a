"""What a program says of itself is asked once, and again when its file is another one; a damaged memory is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from facts.local import LocalReader
from facts.probe import observe
from facts.tools import Tool, Versions, probe


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tool on PATH that writes down each time that it is asked."""
    found = tmp_path / "bin" / "thing"
    found.parent.mkdir()
    write(found, "1.2.3")
    monkeypatch.setenv("PATH", f"{found.parent}:/usr/bin:/bin")
    return found


def write(program: Path, version: str) -> None:
    program.write_text(f"#!/bin/sh\necho asked >>{program.parent}/asked\necho thing v{version}\n")
    program.chmod(0o755)


def look(program: Path) -> object:
    versions = Versions(program.parent.parent / "cache" / "versions.json")
    return observe([probe("thing", "9", program.parent / "none", versions=versions)], LocalReader())["tools.thing"]


def asked(program: Path) -> int:
    return (program.parent / "asked").read_text().count("asked")


def test_it_is_asked_once(program: Path) -> None:
    assert [look(program), look(program)] == [Tool("1.2.3", str(program))] * 2
    assert asked(program) == 1


@pytest.mark.parametrize("how", ["content", "time", "moved"])
def test_another_file_is_asked_again(program: Path, how: str) -> None:
    look(program)
    if how == "content":
        write(program, "1.2.34")
    elif how == "time":
        os.utime(program, (1, 1))
    else:
        write(fresh := program.with_name("fresh"), "1.2.3")
        fresh.replace(program)
    look(program)
    assert asked(program) == 2


@pytest.mark.parametrize("text", ["", "[1]", "[]", "3", "null", '{"a": ', '"x"', "\x00"])
def test_a_damaged_memory_is_written_again(program: Path, text: str) -> None:
    memory = program.parent.parent / "cache" / "versions.json"
    memory.parent.mkdir()
    memory.write_text(text)
    assert [look(program), look(program)] == [Tool("1.2.3", str(program))] * 2
    assert asked(program) == 1


def test_a_memory_of_other_types_is_not_believed(program: Path) -> None:
    look(program)
    memory = program.parent.parent / "cache" / "versions.json"
    memory.write_text(memory.read_text().replace('"1.2.3"', "[1]"))
    assert look(program) == Tool("1.2.3", str(program)) and asked(program) == 2
