"""Useful commands of a team become tasks, a dozen at most; one note names the others."""

from __future__ import annotations

import pytest

from converge.adoption.readers import tasks
from tests.adoption.given import said

MAKEFILE = """
    .PHONY: lint
    VAR := x
    # Loads a few rows.
    seed: deps
    \tgo run ./seed
    lint: ## checks the style
    \truff check .
    build docker-up:
    %.o: x
    all: lint
"""
JUSTFILE = """
    # makes the client
    codegen target="all":
        buf generate
    fmt file:
        x {{file}}
    set shell := ["bash"]
"""
PYPROJECT = """
    [tool.taskipy.tasks]
    format = "ruff format"
    [tool.poe.tasks]
    typecheck = { cmd = "mypy" }
"""
TASKFILE = """
    version: '3'
    tasks:
      generate: {desc: makes code, cmds: ["echo {{.X}} $Y ${Z"]}
      hidden-lint: {internal: true}
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"Makefile": MAKEFILE}, [
            "tasks.lint run make lint @Makefile:6", "tasks.lint help checks the style @Makefile:6",
            "tasks.seed run make seed @Makefile:4", "tasks.seed help Loads a few rows. @Makefile:4"]),
        ({"justfile": JUSTFILE}, [
            "tasks.codegen run just codegen @justfile:2", "tasks.codegen help makes the client @justfile:2"]),
        ({"pyproject.toml": PYPROJECT}, [
            "tasks.format run task format @pyproject.toml:2", "tasks.typecheck run poe typecheck @pyproject.toml:4"]),
        ({"Taskfile.yml": TASKFILE}, [
            "tasks.generate run task generate @Taskfile.yml:3", "tasks.generate help makes code @Taskfile.yml:3"]),
        ({"package.json": '{ // c\n "scripts": {\n  "lint": "eslint",\n  "dev": "x", "lint:fix": "y",\n }, }'}, [
            "tasks.lint run npm run lint @package.json:3",
            "note @package.json:4 commands that are not made tasks: dev, lint:fix"]),
        ({"package.json": '{"scripts": {"db:seed": "x"}}', "pnpm-lock.yaml": ""}, [
            "tasks.db-seed run pnpm run db:seed @package.json:1"]),
        ({"web/package.json": '{"scripts": {"lint": "x"}}', "api/Makefile": "lint:\n", "yarn.lock": ""}, [
            "tasks.lint run make lint @api/Makefile:1", "tasks.lint path api @api/Makefile:1",
            "tasks.web-lint run yarn run lint @web/package.json:1", "tasks.web-lint path web @web/package.json:1"]),
        ({"a/b/c/Makefile": "lint:\n"}, []),
        ({"Makefile": "deploy-lint:\nmigrate-create:\n"}, [
            "note @Makefile:1 commands that are not made tasks: deploy-lint, migrate-create"]),
    ],
)  # fmt: skip
def test_which_become_tasks(files: dict[str, str], expected: list[str]) -> None:
    assert said(tasks.read, files) == expected


def test_a_dozen_at_most() -> None:
    found = said(tasks.read, {"Makefile": "".join(f"seed-{name}:\n" for name in "abcdefghijklmnopqrst")})
    assert len([line for line in found if " run " in line]) == tasks.MOST
    assert found[-1].startswith("note @Makefile:13 commands that are not made tasks: seed-m, seed-n")
