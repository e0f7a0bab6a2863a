"""Services that share a lock file: installed once, at the lock file, and a choice between two is the team's."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.conftest import Checkout


@pytest.fixture
def workspace(checkout: Checkout) -> Checkout:
    """Two packages of an npm workspace that need each other, and a service of each."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("no npm on PATH")
    checkout.write("package.json", json.dumps({"name": "root", "private": True, "workspaces": ["packages/*"]}))
    rows = []
    for name, other in (("one", "two"), ("two", "one")):
        manifest = {"name": name, "version": "1.0.0", "dependencies": {other: "1.0.0"}, "scripts": {"dev": "sleep 999"}}
        checkout.write(f"packages/{name}/package.json", json.dumps(manifest))
        rows.append(f"[services.{name}]\nkind = 'node'\npath = 'packages/{name}'\n")
    checkout.state("".join(rows))
    argv = [npm, "install", "--package-lock-only", "--offline", "--no-audit", "--silent"]
    subprocess.run(argv, cwd=checkout.path, env=checkout.environment(), check=True)
    return checkout


def statuses(checkout: Checkout) -> dict[str, str]:
    found = checkout.dev("doctor", "--json").json["items"]
    return {item["id"]: item["status"] for item in found if item["noun"] == "dependencies"}


def test_a_workspace_in_a_circle_is_installed_once_for_all(workspace: Checkout) -> None:
    lock = (workspace.path / "package-lock.json").read_bytes()
    ran = workspace.dev("doctor", "--fix")
    assert ran.code == 0, ran.out + ran.err
    assert (ran.out + ran.err).count("installing the dependencies of") == 1
    assert set(statuses(workspace).values()) == {"ok"} and len(statuses(workspace)) == 2
    assert (workspace.path / "node_modules" / "one" / "package.json").exists()
    assert not (workspace.path / "packages/one/node_modules").exists()
    assert (workspace.path / "package-lock.json").read_bytes() == lock
    (workspace.path / "node_modules" / "two").unlink()
    assert set(statuses(workspace).values()) == {"drift"}, "what was installed is looked at"
    ran = workspace.dev("doctor", "--fix")
    assert ran.code == 0 and (ran.out + ran.err).count("installing the dependencies of") == 1, ran.out + ran.err
    assert (workspace.path / "node_modules" / "two" / "package.json").exists()


def test_two_lock_files_beside_each_other_are_named_with_the_key(workspace: Checkout) -> None:
    workspace.write("yarn.lock", "# yarn lockfile v1\n")
    ran = workspace.dev("doctor")
    assert ran.code == 4 and "package-lock.json and yarn.lock" in ran.out, ran.out
    assert 'install = "npm" in [services.one]' in ran.out and "desired_state.toml:" in ran.out
    assert set(statuses(workspace).values()) == {"manual"}
    text = (workspace.path / "desired_state.toml").read_text()
    workspace.write("desired_state.toml", text.replace("kind = 'node'", "kind = 'node'\ninstall = 'npm'"))
    assert set(statuses(workspace).values()) == {"drift"}
