"""YAML of Compose files: anchors, merges, words and numbers as Compose reads them, and the line of what is wrong."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

from converge.compose_file import document
from converge.errors import DevError

FILE = "docker-compose.yml"


def read(text: str, **env: str) -> document.Document:
    return document.read(textwrap.dedent(text).encode(), FILE, env)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("Yes", "Yes"),
        ("true", True),
        ("FALSE", False),
        ("", None),
        ("~", None),
        ("'null'", "null"),
        ("22:22", "22:22"),
        ("1:30", "1:30"),
        ("5432", 5432),
        ("-1", -1),
        ("0", 0),
        ("0440", 0o440),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("18.1.2", "18.1.2"),
        ("2026-12-01", "2026-12-01"),
        ("'5432'", "5432"),
        ("!!str 5432", "5432"),
        ("${PORT}", "5432"),
        ("'${PORT:-1}:5432'", "5432:5432"),
        ("$$PORT", "$PORT"),
    ],
)
def test_words_and_numbers_are_those_of_compose(written: str, value: Any) -> None:
    found = read(f"key: {written}\n", PORT="5432").tree["key"]
    assert found == value
    assert type(found) is type(value)


def test_anchors_and_merges_keep_the_lines() -> None:
    found = read("""\
        x-log: &log
          driver: json-file
          options: {max-size: 1m}
        x-more: &more
          driver: local
          labels: [a]
        services:
          db:
            <<: [*log, *more]
            driver: none
            image: postgres:18
          cache: *more
    """)
    assert found.tree["services"] == {
        "db": {"driver": "none", "image": "postgres:18", "options": {"max-size": "1m"}, "labels": ["a"]},
        "cache": {"driver": "local", "labels": ["a"]},
    }
    assert found.source("services", "db", "driver") == f"{FILE}:10"
    assert found.source("services", "db", "options") == f"{FILE}:3"
    assert found.source("services", "db", "labels", 0) == f"{FILE}:6"
    assert found.source("services", "cache", "absent") == f"{FILE}:12"


def test_an_empty_file_and_300_services() -> None:
    assert read("# nothing\n").tree == {}
    many = "services:\n" + "".join(f"  s{number}:\n    image: i:{number}\n" for number in range(300))
    found = read(many)
    assert len(found.tree["services"]) == 300
    assert found.source("services", "s299", "image") == f"{FILE}:601"


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 9)
)


@pytest.mark.parametrize(
    ("text", "line", "because"),
    [
        ("services:\n  db: [\n", 3, "not YAML"),
        ("a: 1\n\tb: 2\n", 2, "not YAML"),
        ("- a\n- b\n", 1, "not a mapping"),
        ("a: *nowhere\n", 1, "not YAML"),
        ("a: 1\n---\nb: 2\n", 2, "not YAML"),
        ("services:\n  db: {}\n  db: {}\n", 3, "there twice"),
        ("a:\n  ? [x, y]\n  : 1\n", 2, "a key is not a text"),
        ("a: 1\nb: !reset null\n", 2, "the tag !reset"),
        ("a: !!python/object/apply:os.system [id]\n", 1, "the tag"),
        ("a: 1\nb: &b [1, *b]\n", 2, "inside of its own anchor"),
        ("a: &a\n  <<: *a\n", 1, "inside of its own anchor"),
        ("a:\n  <<: text\n", 2, "<< takes"),
        (BOMB, 1, "more than"),
        ("a: " + "[" * 40 + "]" * 40, 1, "deep"),
        ("a: " + "[" * 5000 + "]" * 5000, 1, "deep"),
        ("a: 1\nb:\n  c: ${X:?ask}\n", 3, "X must be set: ask"),
        ("a: 1\nb: ${X!}\n", 2, "is followed by none"),
        ("a: \0\n", 1, "a character"),
    ],
)
def test_what_cannot_be_read_says_file_and_line(text: str, line: int, because: str) -> None:
    with pytest.raises(DevError, match="cannot be read") as caught:
        document.read(text.encode(), FILE, {})
    assert caught.value.code == "compose-file"
    assert because in (caught.value.because or "")
    assert caught.value.source == f"{FILE}:{line}"


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(DevError) as caught:
        document.read(b"a: 1\nb: \xff\n", FILE, {})
    assert caught.value.source == f"{FILE}:2"
