"""The tools that no version file pins: from images, ranges and lock files, each marked as a guess."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from converge.adoption import proposal, text

NEXT = '{"scripts": {"dev": "next dev"}, "dependencies": {"next": "15"}%s}'
FASTAPI = {"requirements.txt": "fastapi\n", "main.py": "from fastapi import FastAPI\napp = FastAPI()\n"}


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        (FASTAPI,
         ['uv = "0.13"  # requirements.txt:1; guess: it installs requirements.txt, and no file says a version']),
        ({**FASTAPI, "old/Dockerfile": "FROM python:3.9", "Dockerfile": "FROM a\nFROM python:3.12-slim"},
         ['python = "3.12"  # Dockerfile:2; guess: the version in its image']),
        ({**FASTAPI, "Dockerfile": "FROM python:2.7"}, ["note: no file says which python to take"]),
        ({"package.json": NEXT % ', "engines": {"node": ">=20.1 <23"}', "pnpm-lock.yaml": "lockfileVersion: '6.0'\n"},
         ['node = "20"  # package.json:1; guess: the lowest that it allows', 'pnpm = "8"  # pnpm-lock.yaml:1; guess']),
        ({"package.json": NEXT % "", "yarn.lock": "__metadata:\n  version: 8\n"},
         ['yarn = "4"  # yarn.lock:1; guess', "note: no file says which node to take"]),
        ({"package.json": NEXT % "", "yarn.lock": "# yarn lockfile v1\n", "package-lock.json": "{}"},
         ["# question: which of package-lock.json, yarn.lock counts?"]),
        ({"package.json": NEXT % ', "packageManager": "pnpm@9.1.0"', "pnpm-lock.yaml": "lockfileVersion: '9.0'\n"},
         ['pnpm = { from = "package.json" }  # package.json:1']),
    ],
)  # fmt: skip
def test_what_no_version_file_pins(files: Mapping[str, str], wanted: list[str], tmp_path: Path) -> None:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    draft = proposal.of(tmp_path)
    said = [*text.written(draft)[0].splitlines(), *(f"note: {note.said}" for note in draft.notes)]
    missing = [line for line in wanted if not any(each.startswith(line) for each in said)]
    assert missing == [], "\n".join(said)
