"""Which lock file and installer a service has, and what two of them beside each other mean."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge import part, schema
from converge.context import ConvergeContext
from converge.desired import Service
from converge.errors import DevError
from converge.installers import choice, inputs
from converge.instance import Instance
from converge.local_machine import LocalMachine
from converge.operations import dependencies
from converge.steps import Step
from facts.dependencies import probe
from facts.local import LocalReader
from facts.probe import observe
from runtime.component import ServiceComponent
from runtime.services import next as next_
from runtime.services import node
from tests.conftest import HEAD

NPM = '{"packages": {"": {}, "packages/web": {"version": "1"}}}'
PNPM = "importers:\n\n  .: {}\n\n  packages/web:\n    dependencies: {}\n"
BERRY = '__metadata:\n  version: 8\n\n"web@workspace:packages/web":\n  version: 0\n'
BUN = '{"workspaces": {"": {}, "packages/web": {"name": "web"}}}'
UV = '[[package]]\nname = "web"\nsource = { editable = "packages/web" }\n'
NODE = ("node", "packages/web/package.json")
PYTHON = ("python", "packages/web/pyproject.toml")
GO = ("go", "packages/web/go.mod")


def chosen(checkout: Path, kind: str, files: dict[str, str], more: str = "", path: str = "packages/web") -> str:
    """The installer and lock file, and those beside it."""
    for name, text in files.items():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text(text)
    needed = "app = 'm:a'\n" if kind == "python" else "dev = 'x'\n" if kind == "command" else ""
    entry = f"[services.web]\nkind = '{kind}'\npath = '{path}'\n{needed}{more}"
    found = choice.of_service(checkout, schema.parse((HEAD + entry).encode()).desired.services["web"])
    if found is None:
        return "none"
    locks = (found.lock, *found.others)
    return " ".join([found.row.name, *(str(lock.relative_to(checkout)) for lock in locks)])


@pytest.mark.parametrize(
    ("kind", "files", "expected"),
    [
        ("node", {"package-lock.json": NPM, NODE[1]: "{}"}, "npm package-lock.json"),
        ("node", {"pnpm-lock.yaml": PNPM, NODE[1]: "{}"}, "pnpm pnpm-lock.yaml"),
        ("node", {"yarn.lock": BERRY, NODE[1]: "{}"}, "yarn yarn.lock"),
        ("node", {"yarn.lock": "# yarn lockfile v1", "package.json": '{"workspaces": ["packages/*"]}', NODE[1]: "{}"},
         "yarn yarn.lock"),
        ("next", {"bun.lock": BUN, NODE[1]: "{}"}, "bun bun.lock"),
        ("python", {"uv.lock": UV, PYTHON[1]: ""}, "uv uv.lock"),
        ("python", {"packages/poetry.lock": ""}, "poetry packages/poetry.lock"),
        ("python", {"requirements.txt": ""}, "pip requirements.txt"),
        ("python", {"requirements.txt": "", "requirements.lock": ""}, "pip requirements.lock"),
        ("go", {"go.work": "go 1.24\nuse (\n\t./packages/web // it\n)\n", GO[1]: "", "packages/web/go.sum": ""},
         "go go.work"),
        ("go", {"go.work": "use ./packages/web", GO[1]: ""}, "go go.work"),
        ("go", {"go.work": "use ./packages/website", GO[1]: "", "packages/web/go.sum": ""}, "go packages/web/go.sum"),
        ("go", {"go.mod": "", "go.sum": ""}, "go go.sum"),
        ("rust", {"Cargo.toml": "[workspace]\n", "Cargo.lock": "", "packages/web/Cargo.toml": ""}, "cargo Cargo.lock"),
        ("command", {"package-lock.json": NPM}, "none"),
        # a lock file upwards that is for other packages
        ("node", {"package-lock.json": "{}", NODE[1]: "{}"}, "npm packages/web/package-lock.json"),
        ("node", {"pnpm-lock.yaml": PNPM.replace("web", "webs"), NODE[1]: "{}"}, "npm packages/web/package-lock.json"),
        ("node", {"yarn.lock": BERRY.replace("web\"", "webs\""), NODE[1]: "{}"}, "npm packages/web/package-lock.json"),
        ("python", {"uv.lock": UV.replace("web\"", "webs\""), PYTHON[1]: ""}, "pip packages/web/requirements.lock"),
        ("python", {"requirements.txt": "", PYTHON[1]: ""}, "pip packages/web/requirements.lock"),
        # beside each other
        ("python", {"uv.lock": "", "requirements.txt": ""}, "pip requirements.txt uv.lock"),
        ("node", {"packages/web/yarn.lock": "", "packages/web/package-lock.json": ""},
         "npm packages/web/package-lock.json packages/web/yarn.lock"),
        ("node", {"yarn.lock": "", "packages/web/package-lock.json": NPM}, "npm packages/web/package-lock.json"),
        ("python", {"packages/web/uv.lock": "", "packages/web/package-lock.json": ""}, "uv packages/web/uv.lock"),
    ],
)  # fmt: skip
def test_the_nearest_lock_file_that_is_for_a_service(
    tmp_path: Path, kind: str, files: dict[str, str], expected: str
) -> None:
    assert chosen(tmp_path, kind, files) == expected


BOTH = {"uv.lock": "", "requirements.txt": "", "app/requirements/dev.txt": "a==1", "app/deps.lock": ""}


@pytest.mark.parametrize(
    ("kind", "more", "expected"),
    [
        ("python", "install = 'uv'", "uv uv.lock"),
        ("python", "install = 'pip'", "pip requirements.txt"),
        ("python", "lock = '../uv.lock'", "uv uv.lock"),
        ("python", "lock = 'requirements/dev.txt'", "pip app/requirements/dev.txt"),
        ("python", "lock = 'deps.lock'\ninstall = 'poetry'", "poetry app/deps.lock"),
        ("command", "install = 'uv'", "uv uv.lock"),
        ("command", "install = 'pnpm'", "pnpm app/pnpm-lock.yaml"),
    ],
)
def test_a_team_says_which(tmp_path: Path, kind: str, more: str, expected: str) -> None:
    assert chosen(tmp_path, kind, BOTH, more + "\n", "app") == expected


@pytest.mark.parametrize(
    ("kind", "more", "code"),
    [
        ("python", "install = 'npm'", "value-wrong"),
        ("node", "install = 'cargo'", "value-wrong"),
        ("go", "install = 'maven'", "value-wrong"),
        ("python", "lock = '../../../uv.lock'", "bad-path"),
        ("python", "lock = '/uv.lock'", "bad-path"),
        ("python", "lock = 'yarn.lock'", "value-wrong"),
        ("node", "lock = 'requirements.txt'", "value-wrong"),
        ("command", "lock = 'deps.lock'", "value-wrong"),
    ],
)
def test_what_cannot_install_is_refused_with_its_line(tmp_path: Path, kind: str, more: str, code: str) -> None:
    with pytest.raises(DevError) as caught:
        chosen(tmp_path, kind, {}, more + "\n")
    assert caught.value.code == code and caught.value.source.startswith("desired_state.toml:")


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "web").symlink_to("web")
    (tmp_path / "uv.lock").symlink_to("uv.lock")
    assert chosen(tmp_path, "python", {}) == "pip packages/web/requirements.lock"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"requirements.txt": "-r base.txt\n-c c.txt # x\na==1\n", "base.txt": "-r requirements.txt\n"},
         ["requirements.txt", "base.txt", "c.txt"]),
        ({"go.work": "go 1.24\nuse (\n\t./a\n\t./b\n)\n"},
         ["go.work", "go.work.sum", "a/go.mod", "a/go.sum", "b/go.mod", "b/go.sum"]),
        ({"uv.lock": "x"}, ["uv.lock"]),
    ],
)  # fmt: skip
def test_files_that_a_lock_file_takes_in_count_too(tmp_path: Path, files: dict[str, str], expected: list[str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    lock = tmp_path / next(iter(files))
    row = next(row for row in choice.rows.ROWS if lock.name in row.locks)
    assert [str(path.relative_to(tmp_path)) for path in inputs.of(choice.Choice(row, lock))] == expected


PROGRAM = """#!/bin/sh
[ "$1" = --version ] && { echo 1.0.0; exit; }
wheels=${UV_NO_BUILD_PACKAGE:-}${POETRY_INSTALLER_ONLY_BINARY:-}
echo "$PWD ${GOWORK:-} $wheels $(basename "$0") $*" >>"$(dirname "$0")/asked"
"""


@pytest.mark.parametrize(
    ("kind", "lock", "text", "asked"),
    [
        ("python", "uv.lock", "PACKAGES", "{root}  idna,old uv sync --quiet --frozen --all-packages"),
        ("python", "poetry.lock", "PACKAGES", "{root}  idna,old poetry install --no-interaction --no-ansi"),
        ("python", "requirements.txt", "a==1 --hash=sha256:1", "--require-hashes --compile-bytecode -r"),
        ("python", "requirements.txt", "a==1", "--only-binary=:all: --compile-bytecode -r requirements.txt"),
        ("node", "package-lock.json", "", "{root}   npm ci --include=dev --no-audit --no-fund --loglevel=error"),
        ("node", "pnpm-lock.yaml", "", "{root}   pnpm install --frozen-lockfile --prod=false"),
        ("node", "yarn.lock", "", "{root}   yarn install --frozen-lockfile --production=false --non-interactive"),
        ("node", "yarn.lock", "__metadata:\n", "{root}   yarn install --immutable"),
        ("node", "bun.lock", "", "{root}   bun install --frozen-lockfile"),
        ("go", "go.work", "use ./app", "{root} {root}/go.work  go mod download"),
        ("go", "go.sum", "", "{root} off  go mod download"),
        ("rust", "Cargo.lock", "", "{root}   cargo fetch --locked"),
    ],
)  # fmt: skip
def test_each_installer_is_frozen_and_runs_at_the_lock_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, lock: str, text: str, asked: str
) -> None:
    programs, root = tmp_path / "bin", tmp_path / "checkout"
    for name in ("uv", "python3", "poetry", "node", "npm", "pnpm", "yarn", "bun", "go", "cargo"):
        programs.mkdir(exist_ok=True)
        (programs / name).write_text(PROGRAM)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    packages = "".join(f'[[package]]\nname = "{name}"\nversion = "1"\n\n' for name in ("idna", "old"))
    (root / "app").mkdir(parents=True)
    (root / lock).write_text(packages if text == "PACKAGES" else text)
    (root / "app" / "go.mod").write_text("") if lock == "go.work" else None
    needed = "app = 'm:a'\n" if kind == "python" else ""
    loaded = schema.parse(f"{HEAD}[services.web]\nkind = '{kind}'\npath = 'app'\n{needed}".encode())
    step = Step("dependencies.web", "dependencies", "", "", args={"name": "web", "stamp": "s"})
    with LocalMachine(ConvergeContext(loaded, Instance(root, "x"))) as machine:
        dependencies.apply(step, machine)
    ran = (programs / "asked").read_text().replace("idna old", "idna,old").splitlines()
    assert any(asked.replace("{root}", str(root)) in line for line in ran), ran


NEEDS = '{"dependencies": {"left-pad": "1"}}'


@pytest.mark.parametrize(
    ("entry", "files", "status"),
    [
        ("kind = 'python'\napp = 'm:a'", {}, "manual"),
        ("kind = 'python'\napp = 'm:a'\ndev = 'x'", {}, "skipped"),
        ("kind = 'node'", {"package.json": NEEDS}, "manual"),
        ("kind = 'next'", {"package.json": NEEDS.replace("dep", "devDep")}, "manual"),
        ("kind = 'node'", {"package.json": NEEDS, "node_modules/x": ""}, "skipped"),
        ("kind = 'node'", {"package.json": '{"name": "x"}'}, "skipped"),
        ("kind = 'node'", {"package.json": "// it\n" + NEEDS}, "skipped"),
        ("kind = 'node'", {"package.json": "[]"}, "skipped"),
        ("kind = 'go'", {"go.mod": "module x"}, "skipped"),
    ],
)
def test_packages_without_a_lock_file_are_an_item(
    tmp_path: Path, entry: str, files: dict[str, str], status: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    target = ConvergeContext(schema.parse(f"{HEAD}[services.web]\n{entry}\n".encode()), Instance(tmp_path, "x"))
    (item,) = dependencies.items(target, observe(dependencies.probes(target), LocalReader()))
    assert (item.status, item.found) == (status, "no lock file")
    assert bool(item.hint and item.because) == (status == "manual")


def test_a_change_of_a_file_that_is_taken_in_is_seen(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r base.txt\n")
    (tmp_path / "base.txt").write_text("a==1\n")
    row = choice.rows.of_name("pip")[-1]
    found = set()
    for text in ("a==1\n", "a==2\n", "a==3\n"):
        (tmp_path / "base.txt").write_text(text)
        files = inputs.of(choice.Choice(row, tmp_path / "requirements.txt"))
        found.add(observe([probe("x", files, tmp_path / "stamp")], LocalReader())["dependencies.x"])
    assert len(found) == 3


@pytest.mark.parametrize(
    ("lock", "text", "run", "tested"),
    [
        ("package-lock.json", NPM, "exec npm run dev", ("npm", "test", "--silent")),
        ("pnpm-lock.yaml", PNPM, "exec pnpm run dev", ("pnpm", "run", "test")),
        ("yarn.lock", BERRY, "exec yarn run dev", ("yarn", "run", "test")),
        ("bun.lock", BUN, "exec bun run dev", ("bun", "run", "test")),
        ("other.json", "", "exec npm run dev", ("npm", "test", "--silent")),
    ],
)
def test_scripts_of_node_are_run_by_what_installed(
    tmp_path: Path, lock: str, text: str, run: str, tested: tuple[str, ...]
) -> None:
    (tmp_path / lock).write_text(text)
    (tmp_path / "packages/web").mkdir(parents=True)
    (tmp_path / "packages/web/package.json").write_text("{}")
    component = ServiceComponent("web", Service(kind="node", path="packages/web"), Instance(tmp_path, "x"))
    assert node.by_hand(component) == run and node.test(component, None) == tested


@pytest.mark.parametrize("above", ["", "../", "../../"])
def test_next_is_found_where_its_workspace_has_it(tmp_path: Path, above: str) -> None:
    component = ServiceComponent("web", Service(kind="next", path="packages/web"), Instance(tmp_path, "x"))
    component.path.mkdir(parents=True)
    script = component.path / above / next_.NEXT
    script.parent.mkdir(parents=True)
    script.write_text("")
    assert next_.by_hand(component).startswith(f"exec node {above}node_modules/next/")


@pytest.mark.parametrize(("kind", "kept"), [("go", {"go", "mine"}), ("node", {"node", "pnpm", "mine"})])
def test_a_start_of_one_service_needs_no_installers_of_others(kind: str, kept: set[str]) -> None:
    tools = "".join(f"{tool} = '1.0'\n" for tool in ("go", "node", "pnpm", "poetry", "mine"))
    entries = "[services.go]\nkind = 'go'\n[services.node]\nkind = 'node'\n"
    loaded = schema.parse(f"{HEAD}[tools]\n{tools}{entries}".encode())
    assert set(part.of(loaded, [kind]).desired.tools) == kept


LOCKED = """[[package]]
name = "web"
version = "0"
source = { editable = "." }

[[package]]
name = "Idna_x"
version = "3"
source = { registry = "https://index/simple" }

[[package]]
name = "old"
version = "1"
source = { registry = "https://index/simple" }
"""


@pytest.mark.parametrize(
    ("text", "build", "expected"),
    [
        (LOCKED, [], ["Idna_x", "old"]),
        (LOCKED, ["old"], ["Idna_x"]),
        (LOCKED, ["idna-x"], ["old"]),
        ('[[package]]\nname = "kit"\nversion = "1"\n\n[package.source]\ntype = "directory"\n', [], []),
        ("", [], []),
    ],
)
def test_only_packages_of_an_index_must_be_wheels(
    tmp_path: Path, text: str, build: list[str], expected: list[str]
) -> None:
    (tmp_path / "uv.lock").write_text(text)
    lock = choice.Choice(choice.rows.of_name("uv")[0], tmp_path / "uv.lock")
    assert inputs.wheels(lock, build) == expected
