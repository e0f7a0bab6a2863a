"""No reader raises, whatever the files have at any place: wrong types, no UTF-8, cycles, huge files, odd names."""

from __future__ import annotations

import copy
import json
import pkgutil
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from converge.adoption import readers
from converge.adoption.evidence import Claim, Note, Reader
from converge.adoption.tree import Tree
from tests.adoption.given import Given
from tests.adoption.test_read_compose import FILES, STACK

READERS = {each.name: import_module(f"converge.adoption.readers.{each.name}").read
           for each in pkgutil.iter_modules(readers.__path__)}  # fmt: skip
WRONG = (
    None,
    True,
    -1,
    3.5,
    "",
    "x: y",
    "${",
    "\0",
    [],
    [[]],
    [None, {}],
    {},
    {"a": None},
    {"a": {"b": [1]}},
    "é\n" * 3,
)
KUBERNETES = {
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
    "spec": {"template": {"spec": {"containers": [{
        "image": "x/api:1", "ports": [{"containerPort": 80}], "env": [{"name": "A", "value": "api:80"}]}]}}},
}  # fmt: skip
SKAFFOLD = {"apiVersion": "skaffold/v4", "kind": "Config", "build": {"artifacts": [{"image": "api", "context": "web"}]}}
PACKAGE = {"scripts": {"lint": "eslint", "seed": "node seed.js"}}
DEVCONTAINER = {"forwardPorts": [3000], "portsAttributes": {"3000": {"label": "web"}}, "postCreateCommand": "npm ci"}
TASKFILE = {"version": "3", "tasks": {"lint": {"desc": "lint", "cmds": ["ruff ."]}}}
DOCUMENTS = {
    "docker-compose.yml": yaml.safe_load(STACK), "k8s/api.yaml": KUBERNETES, "skaffold.yaml": SKAFFOLD,
    "package.json": PACKAGE, ".devcontainer/devcontainer.json": DEVCONTAINER, "Taskfile.yml": TASKFILE,
}  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*path, key))


def changed(value: Any, path: tuple[Any, ...], wrong: Any) -> Any:
    if not path:
        return wrong
    made = copy.deepcopy(value)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = wrong
    return made


def check(read: Reader, tree: Tree) -> None:
    """It raises nothing, and what it says has the form that it must have."""
    for each in read(tree):
        assert isinstance(each, (Claim, Note))
        path, _, line = each.source.rpartition(":")
        assert path in tree.paths and int(line) > 0
        said = json.dumps([each.of, each.key, each.value] if isinstance(each, Claim) else each.said, ensure_ascii=False)
        assert "\ue000" not in said


@pytest.mark.parametrize("path", DOCUMENTS)
@pytest.mark.parametrize("name", READERS)
def test_any_type_at_any_place(name: str, path: str) -> None:
    document = DOCUMENTS[path]
    others = {} if path in ("k8s/api.yaml", "skaffold.yaml", ".devcontainer/devcontainer.json") else FILES
    for number, place in enumerate(places(document)):
        wrong = WRONG[number % len(WRONG)]
        for value in (wrong, WRONG[(number * 7 + 3) % len(WRONG)], "${A}"):
            text = json.dumps(changed(document, place, value))
            check(READERS[name], Given({**others, "web/package.json": "{}", path: text}))


HOSTILE = {
    "cyclic anchors": ("compose.yaml", "services: &a\n  b: *a\n"),
    "merge of itself": ("compose.yaml", "a: &a\n  <<: *a\nservices: {x: {<<: *a, build: .}}\n"),
    "unknown tag": ("compose.yaml", "services: !!python/object:os.system {}\n"),
    "not yaml": ("compose.yaml", "services: [\n"),
    "a list": ("compose.yaml", "- 1\n"),
    "extends itself": ("compose.yaml", "services: {a: {build: ., extends: {service: a}}}\n"),
    "extends in a circle": ("compose.yaml", "services: {a: {build: ., extends: b}, b: {extends: a}}\n"),
    "includes itself": ("compose.yaml", "include: [compose.yaml, ../x.yaml]\nservices: {a: {build: .}}\n"),
    "waits in a circle": (
        "compose.yaml", "services: {a: {build: ./a, depends_on: [b]}, b: {build: ./b, depends_on: [a]}}\n"),
    "odd names": ("compose.yaml", "services: {'../x': {image: redis}, '--': {image: redis}, 'Ü b': {build: .}}\n"),
    "endless variable": ("compose.yaml", "services: {a: {image: '${A:-${B:-${C'}}\n"),
    "context outside": (
        "compose.yaml", "services: {a: {build: ../../etc}, b: {build: /etc}, c: {build: 'git@x/y.git'}}\n"),
    "ports": (
        "compose.yaml", "services: {a: {image: redis, ports: ['99999:1', '1-:2', 'x', 70000, [], {target: x}]}}\n"),
    "quotes": ("compose.yaml", "services: {a: {build: ., command: 'sh -c \"oh'}}\n"),
    "makefile": ("Makefile", "lint: ; x\n%.o: y\n\t:\n= :\n" + "a" * 50_000 + ":\n"),
    "justfile": ("justfile", "lint " + "a" * 20_000 + " x\n" + "b " * 5_000 + ":\n"),
    "package": ("package.json", "// c\n{\"scripts\": {\"lint\": \"x\", /* y */ \"seed\": 1,},}"),
    "deep json": ("package.json", "[" * 200_000),
    "pyproject": ("pyproject.toml", "[tool.taskipy.tasks]\nlint = 3\n'a b' = 1\n[[tool.poe]]\n"),
    "procfile": ("Procfile", "web: \nx\n: y\nworker: " + "'\n" + "a: cd .. && b\n" * 100),
    "env": (".env.example", "A=${B\nC='\n"),
    "kubernetes": (
        "k.yaml", "apiVersion: v1\n---\n--- x\napiVersion: apps/v1\nkind: [Deployment]\n---\napiVersion: {{ x }}\n"),
    "prisma": ("prisma/schema.prisma", "datasource db {\n provider = \"postgresql\"\n}"),
    "extension": ("a.sql", "create extension " * 20_000),
    "tilt": ("Tiltfile", "k8s_resource('" + "a" * 10_000),
    "devcontainer": ("devcontainer.json", "/* " + "{" * 10_000),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("name", READERS)
def test_hostile_files(name: str, case: str) -> None:
    path, text = HOSTILE[case]
    check(READERS[name], Given({path: text, "a/main.py": "", "b/main.py": "", "main.py": ""}))


@pytest.mark.parametrize("name", READERS)
def test_real_files_that_are_no_text(name: str, tmp_path: Path) -> None:
    for number, file in enumerate(
        ("compose.yaml", "Makefile", "package.json", ".env.example", "Procfile", "alembic.ini")
    ):
        (tmp_path / file).write_bytes((b"\xff\xfe services: \x00\n", b"lint: \xe9\n", b"\xef\xbb\xbf{}")[number % 3])
    check(READERS[name], Tree(tmp_path))


@pytest.mark.parametrize("name", READERS)
def test_three_hundred_services_are_read_in_time(name: str) -> None:
    entry = "  s{n}: {{build: ./s{n}, image: 'i{n}', ports: ['{port}:80'], depends_on: [s{m}], environment: {env}}}"
    rows = [
        entry.format(n=n, m=max(n - 1, 1), port=10_000 + n, env=f"{{A: 'http://s{n % 7 + 1}:80'}}")
        for n in range(1, 301)
    ]
    files = {"compose.yaml": "\n".join(["services:", *rows]), **{f"s{n}/main.go": "" for n in range(1, 301)}}
    before = time.process_time()
    check(READERS[name], Given(files))
    assert time.process_time() - before < 5
