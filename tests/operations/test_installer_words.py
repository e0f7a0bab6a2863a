"""What is said when an installer fails, and what a second installation changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from converge import schema
from converge.context import ConvergeContext
from converge.installers import choice, rows, said, unlocked
from converge.instance import Instance
from converge.local_machine import LocalMachine
from converge.operations import dependencies
from converge.steps import Step
from runtime.component import Launch, ServiceComponent
from runtime.placements import spec_hash
from runtime.start import installing, look
from tests.conftest import HEAD

NPM = """npm error code EUSAGE
npm error
npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.
npm error
npm error Missing: left-pad@1.2.0 from lock file
npm error
npm error Clean install a project
npm error
npm error Usage:
npm error npm ci
npm error   --omit
npm error A complete log of this run can be found in: /root/.npm/_logs/1.log
"""
YARN = """error SyntaxError: Unknown token: { line: 8, col: 1 } 8:1 in /x/yarn.lock
    at Parser.unexpected (/x/yarn/lib/cli.js:64026:11)
    at Generator.next (<anonymous>)
    at /x/yarn/lib/cli.js:321:13
"""
BERRY = """➤ YN0000: · Yarn 4.5.0
➤ YN0000: ┌ Resolution step
\x1b[31m➤ YN0028: The lockfile would have been modified by this install, which is explicitly forbidden.\x1b[0m
"""
BUN = """Resolved, downloaded and extracted [2]
error: lockfile had changes, but lockfile is frozen
note: left-pad changed from 1.3.0 to 1.2.0 in packages/api
"""
UV = """error: Request failed after 3 retries
  Caused by: error sending request for url (https://index/simple/idna/)
  Caused by: Connection refused (os error 111)
"""
NODE = """(node:7) [DEP0040] DeprecationWarning: The `punycode` module is deprecated.
(Use `node --trace-deprecation ...` to show where the warning was created)
"""
POETRY = "pyproject.toml changed significantly since poetry.lock was last generated. Run `poetry lock`.\n"
LONG = "error: no\n" + "".join(f"cause {number}\n" for number in range(99))


@pytest.mark.parametrize(
    ("name", "err", "out", "reason", "hint"),
    [
        ("npm", NPM, "", "`npm ci` can only install packages when your package.json and package-lock.json are in sync."
         " / Missing: left-pad@1.2.0 from lock file", "npm install --package-lock-only"),
        ("yarn", YARN, "", "error SyntaxError: Unknown token: { line: 8, col: 1 } 8:1 in /x/yarn.lock", "the network"),
        ("yarn", NODE, BERRY, "YN0028: The lockfile would have been modified by this install", "yarn install"),
        ("bun", BUN, "", "error: lockfile had changes, but lockfile is frozen / note: left-pad", "bun install --lock"),
        ("uv", UV, "", "error: Request failed after 3 retries / Caused by: error sending request", "the network"),
        ("poetry", "", POETRY, "pyproject.toml changed significantly since", "poetry lock, and commit it"),
        ("go", "go: updates to go.mod needed\n", "", "go: updates to go.mod needed", "go mod tidy"),
        ("pip", LONG, "", "error: no / cause 0 / cause 1 / cause 2 / cause 3", "the network"),
        ("pip", "", "a\n\nb\n", "a / b", "the network"),
        ("pip", "", "", "", "the network"),
    ],
)  # fmt: skip
def test_the_lines_that_tell_why_are_shown(name: str, err: str, out: str, reason: str, hint: str) -> None:
    shown = said.reason(err, out)
    assert shown.startswith(reason) and len(shown) <= len(reason) + 120
    assert hint in said.hint(rows.of_name(name)[-1], "the.lock", err + out)


@pytest.mark.parametrize("because", ["it needs dependencies.api first", "dependencies of web"])
def test_a_service_whose_lock_file_failed_for_another_one_names_that_one(because: str) -> None:
    told = installing._failure("web", because, "")
    assert told.because == (because if "first" not in because else "they are in the same lock file as those of api")


@pytest.mark.parametrize(
    ("kind", "more", "key"),
    [
        ("python", "app = 'm:a'\nlock = '../uv.lock'", "lock"),
        ("command", "dev = 'x'\ninstall = 'pnpm'", "install"),
        ("node", "install = 'npm'", "install"),
        ("go", "install = 'go'", ""),
        ("command", "dev = 'x'", ""),
    ],
)
def test_a_lock_file_that_an_entry_asks_for_and_that_is_absent_is_said(
    tmp_path: Path, kind: str, more: str, key: str
) -> None:
    (tmp_path / "node_modules").mkdir()  # by hand, which excuses nothing here
    entry = f"{HEAD}[services.web]\nkind = '{kind}'\npath = 'app'\n{more}\n"
    service = schema.parse(entry.encode()).desired.services["web"]
    chosen = choice.of_service(tmp_path, service)
    found = unlocked.of(tmp_path, service, chosen) if chosen else None
    assert found is None if not key else found is not None and f"`{key}`" in found.because and key in found.hint


@pytest.mark.parametrize("lock", ["package-lock.json", "uv.lock", "poetry.lock"])
def test_what_runs_with_packages_that_are_installed_again_is_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lock: str
) -> None:
    programs, root = tmp_path / "bin", tmp_path / "checkout"
    programs.mkdir()
    for name in ("node", "npm", "uv", "python3", "poetry"):
        (programs / name).write_text('#!/bin/sh\n[ "$1" != --version ] || echo 1.0.0\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}/usr/bin:/bin")
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    (root / "app").mkdir(parents=True)
    (root / lock).write_text("")
    kind = "node" if lock.endswith("json") else "python"
    entry = f"{HEAD}[services.web]\nkind = '{kind}'\npath = 'app'\ndev = 'x'\n"
    loaded = schema.parse(entry.encode())
    instance = Instance(root, "x")
    component = ServiceComponent("web", loaded.desired.services["web"], instance)
    step = Step("dependencies.web", "dependencies", "", "", args={"name": "web", "stamp": "s"})
    launch = Launch(("x",), root, {})
    prints = set()
    for _ in range(3):
        with LocalMachine(ConvergeContext(loaded, instance)) as machine:
            dependencies.apply(step, machine)
        prints.add(look.fingerprint_of(component, launch))
    assert len(prints) == 3 and spec_hash(launch, "") not in prints
