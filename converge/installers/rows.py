"""The installers, one row for each form of a lock file: its commands, its tools, and what it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from converge.kinds import GO_BUILD
from facts.value import dataclass, field, replace

Family = Literal["go", "python", "node", "rust"]
"""A language, as lock files of two languages can be beside each other and both count."""


@dataclass(frozen=True, kw_only=True)
class Installer:
    """How the packages of a lock file are installed.

    In commands and paths `{lock}`, `{root}` (the directory of the lock file), `{own}` (a directory in `.dev` that all
    services with this lock file share), `{main}` (the key of the entry) and `{TOOL}` (the program of each of `tools`)
    are filled in. The first word of a command is one of the tools, or a program in the same directory as one.
    """

    name: str
    """How the key `install` calls it."""
    family: Family
    locks: tuple[str, ...]
    """Names of the lock file; of two in one directory the first counts."""
    manifest: str
    """Name of the file, in each directory with packages of its own, from which the lock file is made."""
    tools: tuple[str, ...]
    """Entries of [tools] that install. Another version of the last one makes an earlier installation useless."""
    install: tuple[tuple[str, ...], ...]
    """Commands that install, in the directory of the lock file; each must end with 0, and none changes that file."""
    write: str
    """How a person writes the lock file."""
    marker: str = ""
    """Text that the lock file has only if it has this form; empty for every other one."""
    member: str | None = None
    """Pattern in the lock file that says that it is for the directory `{path}` below it, too; None: it never is."""
    member_in: str = ""
    """Name of the file with that pattern, if it is not the lock file."""
    outer: bool = False
    """Whether it counts before the lock file of a directory that it is for."""
    compile: tuple[str, ...] = ()
    """Command in the directory of the service that compiles ahead, so that the first start is fast. It may fail: the
    start will say why."""
    installed: tuple[str, ...] = ()
    """Paths of which one is there if something is installed; without any the stamp of the last installation is enough.
    Here and in `contents` `{own}` is the directory of the service itself, and a relative path is below `{root}`."""
    contents: tuple[str, ...] = ()
    """Patterns of files and directories that are counted after an installation; fewer of them later is damage."""
    shared: str = ""
    """Name of the directory in `{own}` that the installation makes; each service has a link to it."""
    build: str = ""
    """Word that is added to the last command for each package that may be built here; `{package}` is its name."""
    wheels: tuple[str, str] | None = None
    """Variable for the names of the packages that may not be built, and what is between two of them."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the commands get besides those of `installing.environment`."""
    remove: bool = False
    """Whether what was installed is removed before the next installation."""


_MODULES = ("node_modules/*", "node_modules/*/package.json", "node_modules/@*/*/package.json")
_SITE = tuple(
    f"{{own}}/venv/lib/python*/site-packages/{each}" for each in ("*", "*/__init__.py", "*.dist-info/RECORD")
)  # fmt: skip
_HASHED = Installer(
    name="pip", family="python", locks=("requirements.lock", "requirements.txt"), manifest="pyproject.toml",
    tools=("uv", "python"), installed=("{own}/venv/bin/python",), contents=_SITE, shared="venv", remove=True,
    install=(
        ("uv", "venv", "--quiet", "--no-config", "--no-project", "--python", "{python}", "{own}/venv"),
        ("uv", "pip", "install", "--quiet", "--no-config", "--python", "{own}/venv/bin/python", "--only-binary=:all:",
         "--require-hashes", "--compile-bytecode", "-r", "{lock}"),
    ),
    build="--no-binary={package}", write="uv pip compile --generate-hashes pyproject.toml -o requirements.lock",
)  # fmt: skip
_VENV, _PIP = _HASHED.install
_NPM = Installer(
    name="npm", family="node", locks=("npm-shrinkwrap.json", "package-lock.json"), manifest="package.json",
    tools=("node",), installed=("node_modules",), contents=_MODULES, member=r'"{path}": *\{',
    environment={"NODE_COMPILE_CACHE": "{own}/node-compile-cache"},  # npm loads from it, by default out of TMPDIR
    install=(("npm", "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"),),
    write="npm install --package-lock-only",
)  # fmt: skip
_YARN = replace(
    _NPM, name="yarn", locks=("yarn.lock",), tools=("yarn", "node"), member=r'"workspaces"', member_in="package.json",
    install=(("yarn", "install", "--frozen-lockfile", "--production=false", "--non-interactive"),),
    write="yarn install",
)  # fmt: skip
_GO = Installer(
    name="go", family="go", locks=("go.sum",), manifest="go.mod", tools=("go",), install=(("go", "mod", "download"),),
    compile=("go", "build", "-ldflags=-w", "-o", "/dev/null", "{main}"), environment=GO_BUILD,
    write="go mod tidy",
)  # fmt: skip

ROWS: tuple[Installer, ...] = (
    replace(_GO, locks=("go.work",), outer=True, member=r"(?m)^\s*(use\s+)?\"?(\./)?{path}/?\"?\s*(//.*)?$",
            write="go work sync", environment={**GO_BUILD, "GOWORK": "{root}/go.work"}),
    _GO,
    replace(_HASHED, locks=("requirements.lock",)),
    replace(_HASHED, locks=("requirements.txt",), marker="--hash="),
    replace(_HASHED, locks=("requirements.txt",), install=(
        _VENV, tuple(word for word in _PIP if word != "--require-hashes"))),
    replace(
        _HASHED, name="uv", locks=("uv.lock",), member='= "{path}"', build="", wheels=("UV_NO_BUILD_PACKAGE", " "),
        environment={"UV_PROJECT_ENVIRONMENT": "{own}/venv"}, write="uv lock",
        install=(_VENV, ("uv", "sync", "--quiet", "--frozen", "--all-packages", "--compile-bytecode")),
    ),
    replace(
        _HASHED, name="poetry", locks=("poetry.lock",), tools=("poetry", "python"), build="", write="poetry lock",
        wheels=("POETRY_INSTALLER_ONLY_BINARY", ","), environment={"VIRTUAL_ENV": "{own}/venv"},
        install=(("python", "-m", "venv", "--without-pip", "{own}/venv"),
                 ("poetry", "install", "--no-interaction", "--no-ansi")),
    ),
    _NPM,
    replace(
        _NPM, name="pnpm", locks=("pnpm-lock.yaml",), tools=("pnpm", "node"), member=r"(?m)^  '?{path}'?:",
        installed=("node_modules/.modules.yaml",), contents=(*_MODULES, "node_modules/.pnpm/*"),
        install=(("pnpm", "install", "--frozen-lockfile", "--prod=false", "--config.confirm-modules-purge=false"),),
        write="pnpm install --lockfile-only",
    ),
    replace(
        _YARN, marker="__metadata:", member="@workspace:{path}\"", member_in="",
        installed=("node_modules", ".pnp.cjs"), contents=(*_MODULES, ".pnp.cjs"),
        environment={**_YARN.environment, "YARN_ENABLE_TELEMETRY": "0", "COREPACK_ENABLE_DOWNLOAD_PROMPT": "0"},
        install=(("yarn", "install", "--immutable"),),
    ),
    _YARN,
    replace(
        _NPM, name="bun", locks=("bun.lock",), tools=("bun",), install=(("bun", "install", "--frozen-lockfile"),),
        write="bun install --lockfile-only",
    ),
    Installer(
        name="cargo", family="rust", locks=("Cargo.lock",), manifest="Cargo.toml", tools=("cargo",),
        install=(("cargo", "fetch", "--locked"),), compile=("cargo", "build", "--locked"), shared="target",
        environment={"CARGO_TARGET_DIR": "{own}/target"}, member=r"(?m)^\[workspace", member_in="Cargo.toml",
        write="cargo generate-lockfile",
    ),
)  # fmt: skip
"""Of the rows for one lock file, one with a marker comes before that for every other form."""
NAMES: tuple[str, ...] = tuple(dict.fromkeys(row.name for row in ROWS))
"""Values of the key `install`."""
USUAL: Mapping[str, Installer] = {"go": _GO, "python": ROWS[2], "node": _NPM, "rust": ROWS[-1]}
"""Family -> what is meant where there is no lock file."""


def of_name(name: str) -> tuple[Installer, ...]:
    """The rows of an installer."""
    return tuple(row for row in ROWS if row.name == name)


def of_family(family: str) -> tuple[Installer, ...]:
    """The rows of a family; none for an empty name."""
    return tuple(row for row in ROWS if row.family == family)


def of_file(name: str) -> Installer | None:
    """A row that has a lock file of this name; of several forms of it, any. Any other `.txt` is one of pip."""
    found = (row for row in ROWS if name in row.locks)
    return next(found, USUAL["python"] if name.endswith(".txt") else None)
