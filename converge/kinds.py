"""The kinds of services and infrastructure: what checks and repairs must know of each, as data.

How a kind is run, debugged and tested is said by the module of its name in `runtime/services/` or `runtime/infra/`.
A new kind is one entry here and one such module: docs/how-to/add-a-service-kind.md, docs/how-to/add-an-infra-kind.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from facts.value import dataclass, field

GO_BUILD: Mapping[str, str] = MappingProxyType({
    "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false -modcacherw", "GOWORK": "off",
})  # fmt: skip
"""Environment of a Go build that takes no other toolchain than its own."""


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """How the packages of a lock file are installed.

    In commands and paths `{lock}`, `{main}` (the key of the entry), `{own}` (the directory `.dev/services/NAME`) and
    `{TOOL}` (the program of each of `tools`) are filled in. A command runs in the directory of the lock file, and its
    first word is one of the tools, or a program in the same directory as one.
    """

    lock: str
    """Name of the lock file."""
    tools: tuple[str, ...]
    """Entries of [tools] that install. Another version of the last one makes an earlier installation useless."""
    install: tuple[tuple[str, ...], ...]
    """Commands that install; each must end with 0."""
    compile: tuple[str, ...] = ()
    """Command that compiles ahead, so that the first start is fast. It may fail: the start will say why."""
    installed: str = ""
    """Path that is there if something is installed; without one the stamp of the last installation is enough."""
    contents: tuple[str, ...] = ()
    """Patterns of files and directories that are counted after an installation; fewer of them later is damage."""
    build: str = ""
    """Word that is added to the last command for each package that may be built here; `{package}` is its name."""
    remove: str = ""
    """Directory that is removed before an installation."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the commands get besides those of `installing.environment`."""


@dataclass(frozen=True, kw_only=True)
class ServiceKind:
    """What converge knows of a kind of service."""

    dependencies: Dependencies | None = None
    """None: nothing is installed for it."""
    reloader: str = ""
    """Entry of [tools] that reloads it on a change, where that is a tool of its own."""
    requires: tuple[str, ...] = ()
    """Keys of which its entry must have one."""
    runs: str = ""
    """Why one of them is required, as a clause; shown to users."""
    example: str = ""
    """How to write them; shown to users."""


@dataclass(frozen=True, kw_only=True)
class InfraKind:
    """What converge knows of a kind of infrastructure."""

    tool: str = ""
    """Tool of the store that its embedded placement runs; `tools.EMBEDDED` says in which version."""
    named: bool = True
    """Whether a component of that name is of this kind although its entry says no `kind`."""
    requires: tuple[str, ...] = ()
    """Keys of which its entry must have one."""
    runs: str = ""
    """Why one of them is required, as a clause; shown to users."""
    example: str = ""
    """How to write them; shown to users."""


_NODE = Dependencies(
    lock="package-lock.json", tools=("node",), installed="node_modules",
    contents=("node_modules/*", "node_modules/*/package.json", "node_modules/@*/*/package.json"),
    environment={"NODE_COMPILE_CACHE": "{own}/node-compile-cache"},  # npm loads from it, by default out of TMPDIR
    install=(("npm", "ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"),),
)  # fmt: skip

SERVICES: Mapping[str, ServiceKind] = {
    "go": ServiceKind(
        dependencies=Dependencies(
            lock="go.sum", tools=("go",), install=(("go", "mod", "download"),),
            compile=("go", "build", "-o", "/dev/null", "{main}"), environment=GO_BUILD,
        ),
        reloader="air",
    ),
    "python": ServiceKind(
        dependencies=Dependencies(
            lock="requirements.lock", tools=("uv", "python"), installed="{own}/venv/bin/python", remove="{own}/venv",
            contents=tuple(f"{{own}}/venv/lib/python*/site-packages/{each}" for each in (
                "*", "*/__init__.py", "*.dist-info/RECORD")),
            install=(
                ("uv", "venv", "--quiet", "--no-config", "--no-project", "--python", "{python}", "{own}/venv"),
                ("uv", "pip", "install", "--quiet", "--no-config", "--python", "{own}/venv/bin/python",
                 "--only-binary=:all:", "--require-hashes", "--compile-bytecode", "-r", "{lock}"),
            ),
            build="--no-binary={package}",
        ),
        requires=("app", "dev"),
        runs="kind python runs an ASGI `app` by uvicorn, or what `dev` says",
        example='add app = "package.module:name" or dev = "…"',
    ),
    "node": ServiceKind(dependencies=_NODE),
    "next": ServiceKind(dependencies=_NODE),
    "rust": ServiceKind(
        dependencies=Dependencies(
            lock="Cargo.lock", tools=("cargo",), install=(("cargo", "fetch", "--locked"),),
            compile=("cargo", "build", "--locked"), environment={"CARGO_TARGET_DIR": "{own}/target"},
        ),
    ),
    "command": ServiceKind(
        requires=("dev",), runs="kind command runs what `dev` says", example='add dev = "…"'
    ),
}  # fmt: skip
"""Kind of service -> what is known of it."""

INFRA: Mapping[str, InfraKind] = {
    "postgres": InfraKind(tool="postgres"),
    "pubsub": InfraKind(tool="pubsub-emulator"),
    "redis": InfraKind(),
    "command": InfraKind(
        named=False, requires=("run", "image"),
        runs="an infra component of no other kind runs what `run` says, or an `image`",
        example='add run = "…", or image = "…" with an entry in compose/infra.yaml, or the kind that it is',
    ),
}  # fmt: skip
"""Kind of infrastructure -> what is known of it."""


def of_infra(name: str, kind: str | None, run: str | None) -> str:
    """The kind of an infra component: what its entry says; else `command` if it has a `run`; else its own name."""
    if kind:
        return kind
    return name if not run and name in INFRA and INFRA[name].named else "command"


def of_lock(lock: str) -> str | None:
    """The first kind whose lock file has that name."""
    found = ((kind, row.dependencies) for kind, row in SERVICES.items())
    return next((kind for kind, dependencies in found if dependencies and dependencies.lock == lock), None)
