"""The desired state as values: what `desired_state.toml` says, already checked (see `schema.py` for the checking).

Plain frozen dataclasses so that a warm command can load them without pydantic; the docstring under each field is
the description in the JSON Schema and in the generated reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from converge import kinds
from converge.installers import rows
from facts.value import dataclass, field

_STRICT: dict[str, Any] = {"extra": "forbid", "strict": True, "use_attribute_docstrings": True, "frozen": True}

if TYPE_CHECKING:
    from converge.compose_file.composed import Composed

    ServiceKind = str
    InfraKind = str
    InstallerName = str
else:  # pydantic and the JSON Schema take the kinds from the tables; for mypy they are an open set
    ServiceKind = Literal[tuple(kinds.SERVICES)]
    InfraKind = Literal[tuple(kinds.INFRA)]
    InstallerName = Literal[rows.NAMES]
PlacementName = Literal["docker", "native", "ide"]


@dataclass(frozen=True, kw_only=True)
class Project:
    """Whose checkout this is."""

    __pydantic_config__ = _STRICT
    name: str
    """Name of the project: lower-case letters, digits and dashes; every name the tool makes starts with it."""
    dev: str | None = None
    """Versions of ./dev that the file is for, as comparisons: `">=0.2,<1"`; another version refuses the file."""
    system_test: str | None = None
    """Command that tests the running platform, run by `./dev test` in the checkout with NAME_URL of every component."""
    hooks_path: str | None = None
    """Directory of git hooks, relative to the checkout; `git config core.hooksPath` is kept at it."""


@dataclass(frozen=True, kw_only=True)
class MachineWants:
    """What the machine itself must offer."""

    __pydantic_config__ = _STRICT
    disk_free: str | None = None
    """Free disk space on the disk of the checkout, as a comparison: `">=5 GiB"`."""
    memory: str | None = None
    """Installed memory, as a comparison: `">=8 GiB"`."""
    open_files: str | None = None
    """Limit of open files for this user (`ulimit -n`), as a comparison: `">=4096"`."""
    inotify_watches: str | None = None
    """Linux only: `fs.inotify.max_user_watches`, which hot reload uses up, as a comparison."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """Where the version of a tool is written, and where a tool that ./dev does not know comes from."""

    __pydantic_config__ = _STRICT | {"alias_generator": lambda name: name.rstrip("_")}
    version: str | None = None
    """The version, exact or with fewer parts; either this or `from`."""
    from_: str | None = None
    """File of the checkout that has the version: `go.mod`, `.nvmrc`, `.node-version`, `.python-version`,
    `.tool-versions`, `mise.toml`, `package.json` (`volta`, `packageManager`, `engines`) or `rust-toolchain.toml`."""
    go: str | None = None
    """Go package that is built, as `go install` takes it: `github.com/sqlc-dev/sqlc/cmd/sqlc`."""
    npm: str | None = None
    """npm package that has the program and no dependencies. It is run by the `node` on PATH."""
    pypi: str | None = None
    """Python package whose wheel has the program, or an entry point of that name; with all that it depends on."""
    github: str | None = None
    """`OWNER/NAME` of a GitHub repository; the file of its release that is for the platform."""
    url: str | None = None
    """Address of the vendor's archive or program; `{version}`, `{os}` and `{arch}` are filled in."""
    checksums: str | None = None
    """With `url`: address of the vendor's file with sha256 sums; `{file}`, the last part of `url`, is filled in too.
    Without it, the sum in the lock is of what `./dev lock` downloaded."""
    os: dict[str, str] = field(default_factory=dict)
    """With `url`: what `{os}` is; default: `{ linux = "linux", macos = "darwin" }`."""
    arch: dict[str, str] = field(default_factory=dict)
    """With `url`: what `{arch}` is; default: `{ x64 = "amd64", arm64 = "arm64" }`."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A system package, wanted for the command it brings."""

    __pydantic_config__ = _STRICT
    command: str
    """The package is there when this command is on PATH; alternatives are separated by `|`."""
    apt: str | None = None
    """Package name for Debian and Ubuntu."""
    dnf: str | None = None
    """Package name for Fedora and its relatives."""
    pacman: str | None = None
    """Package name for Arch."""
    brew: str | None = None
    """Formula for Homebrew."""
    needed_for: Literal["start", "test"] = "start"
    """`test`: only `./dev test` misses it; doctor then calls its absence `skipped`, not drift."""


@dataclass(frozen=True, kw_only=True)
class Docker:
    """The Docker engine that this machine should have; without the table none is checked."""

    __pydantic_config__ = _STRICT
    engine: str = ">=20.10"
    """Version of the engine, as a comparison; `"off"`: Docker is never used here."""
    compose: str = ">=2.24"
    """Version of the Compose plugin, as a comparison."""
    mirror: str | None = None
    """Registry mirror given to an engine that ./dev starts; `DEV_REGISTRY_MIRROR` in the environment goes first."""


@dataclass(frozen=True, kw_only=True)
class Compose:
    """A Compose file of the team. Its services with an `image` become infrastructure, each under its own name.

    Images, commands, variables, volumes, health checks and published ports are those of the file. `[infra.NAME]` in
    addition decides `kind`, `port`, `placement`, `databases`, `ready` and the like of one.
    """

    __pydantic_config__ = _STRICT
    file: tuple[str, ...]
    """Its path relative to the checkout, or a list of several files. `.env` beside the first gives `${NAME}`."""
    profiles: tuple[str, ...] = ()
    """Profiles whose services are taken too; `"*"` is all of them."""
    services: tuple[str, ...] | None = None
    """The services that are taken. Default: each with an `image` and without `build` that publishes a port."""


@dataclass(frozen=True, kw_only=True)
class EnvVar:
    """One environment variable that every service receives."""

    __pydantic_config__ = _STRICT
    value: str | None = None
    """The value itself; `NAME = "text"` is short for `NAME = { value = "text" }`. Addresses (`{postgres.url}`) are
    filled in; `{{postgres.url}}` is the text in braces itself."""
    generate: Literal["token"] | None = None
    """Made once on this machine and kept in the env file (0600): `token` is random URL-safe text."""
    prefix: str = ""
    """Text put before a generated value."""
    bytes: int = 32
    """Random bytes in a generated value."""
    secret: bool = False
    """Never printed, by no command."""
    required: bool = True
    """Whether the absence of a value that only a person can give is drift."""
    pattern: str | None = None
    """Regular expression the value must match."""
    only: tuple[str, ...] = ()
    """Components that get it; without: every one."""
    in_containers: bool = True
    """Whether components get it in containers, too: false for what their images have no use for."""


@dataclass(frozen=True, kw_only=True)
class Auth:
    """Who says who is calling while no identity provider is configured."""

    __pydantic_config__ = _STRICT
    issuer: str
    """The service that mints tokens on this machine; `./dev token` and `./dev sign-in` ask it."""


@dataclass(frozen=True, kw_only=True)
class TestSuite:
    """A suite of `./dev test` that belongs to no service: a library, a kit."""

    __test__: ClassVar = False
    __pydantic_config__ = _STRICT
    command: str
    """Command that ends with 0 when all is well, run by the shell in `path`."""
    path: str = "."
    """Its directory, relative to the checkout."""
    needs: tuple[str, ...] = ()
    """Components that must be ready in the test instance first."""
    env: dict[str, str] = field(default_factory=dict)
    """Its environment, in addition to [env]; addresses are filled in as for services."""
    requirements: str | None = None
    """A lock file in `path` that is installed first, by the installer of its name; any other name has the form of
    `requirements.lock`, with hashes. Python packages get a venv that is first on its PATH."""
    build: tuple[str, ...] = ()
    """Packages of that lock file that are built from their source archive, as `build` of a service."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """A command with a name: seeds, generated code, lint. `./dev run NAME` runs it."""

    __pydantic_config__ = _STRICT
    run: str
    """The command, run by the shell in `path`; words after `--` are added at its end."""
    path: str = "."
    """Its directory, relative to the checkout."""
    needs: tuple[str, ...] = ()
    """Components that must be ready first; they are started."""
    env: dict[str, str] = field(default_factory=dict)
    """Its environment, in addition to [env] and yours; addresses are filled in as for services."""
    help: str = ""
    """What it does, in one line, for the list of `./dev run`."""


@dataclass(frozen=True, kw_only=True)
class ManagedFile:
    """A file whose whole content is kept as written here."""

    __pydantic_config__ = _STRICT
    content: str | None = None
    """The content, byte for byte; absent for a directory."""
    directory: bool = False
    """It is a directory."""
    mode: str = "0644"
    """Permission bits in octal."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """When a component counts as ready; with several keys all must hold. Without any: its port accepts a connection."""

    __pydantic_config__ = _STRICT
    http: str | None = None
    """Path that answers 200 to 399 on the component's port."""
    tcp: bool = False
    """The port accepts a connection."""
    exec: str | None = None
    """Command that exits 0, run in the checkout with the component's environment; ended with all it started after 5
    seconds. `{port}`, `{host}` and addresses are filled in."""
    log: str | None = None
    """Regular expression that a line of the component's log has matched since its process began."""
    timeout: float | None = None
    """Seconds after which a start gives up waiting and reports; the component is not killed. Default: 60, Go 180."""


@dataclass(frozen=True, kw_only=True)
class Infra:
    """An infrastructure component: services need it, and it is not developed in this checkout."""

    __pydantic_config__ = _STRICT
    kind: InfraKind | None = None
    """What it is; default: the component's own name if that is a kind and `run` is not given, else `command`."""
    port: int
    """The one port of the component, the same from everywhere."""
    image: str | None = None
    """Container image for the `docker` placement; for Postgres its major also decides the embedded one."""
    container_port: int | None = None
    """Port on which the program in `image` listens. With it no Compose file is needed: the container is made from this
    entry alone, and `port` is where it is published on 127.0.0.1."""
    command: tuple[str, ...] = ()
    """With `container_port`: the words that the image gets instead of its own command."""
    volumes: tuple[str, ...] = ()
    """With `container_port`: `NAME:/path` for a volume of its own, `./path:/path:ro` for a file of the checkout."""
    placement: Literal["auto", "docker", "native"] = "auto"
    """Where it runs; `auto` is Docker if available, else embedded."""
    fallback: bool = True
    """Whether `auto` may fall back to the embedded placement."""
    databases: tuple[str, ...] = ()
    """Postgres: databases that must exist; the role of the same name owns each."""
    extensions: tuple[str, ...] = ()
    """Postgres: extensions created in each database."""
    topics: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Pub/Sub: topic -> its subscriptions, provisioned at every start."""
    run: str | None = None
    """Kind `command`: how it is run natively. `{host}` (the address on which it must listen), `{port}`, `{data}` (its
    data directory) and addresses are filled in."""
    needs: tuple[str, ...] = ()
    """Components that must be ready first."""
    env: dict[str, str] = field(default_factory=dict)
    """Environment of its own; addresses are filled in as for services."""
    ready: Ready | None = None
    """When it counts as ready; every kind has a default."""
    stop_grace: float = 10.0
    """Seconds between asking it to end and ending it."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """An application service: something engineers edit, run natively with hot reload."""

    __pydantic_config__ = _STRICT
    kind: ServiceKind
    """Gives the dev command, environment conventions, and dependency and test recipes."""
    path: str = "."
    """Its directory, relative to the checkout."""
    port: int | None = None
    """The one port of the service, the same from everywhere; none for a worker."""
    ports: dict[str, int] = field(default_factory=dict)
    """More ports by name: with `{ grpc = 50051 }` it gets GRPC_PORT and `{grpc_port}`, and others get
    `{NAME.grpc_port}`, `{NAME.grpc_address}`, `{NAME.grpc_url}`. Such a service runs natively, on 127.0.0.1."""
    placement: Literal["native", "docker"] = "native"
    """Where it runs unless `./dev start --docker` says otherwise."""
    protocol: Literal["http", "h2c", "tcp"] = "http"
    """What it speaks; `h2c` is HTTP/2 without TLS, as gRPC has it. Connections of `tcp` stay where they began."""
    host: Literal["127.0.0.1"] | None = None
    """Set to `127.0.0.1` for a process that always listens there, and uses neither HOST nor `{host}` in `dev`."""
    needs: tuple[str, ...] = ()
    """Components that must be ready first."""
    uses: tuple[str, ...] = ()
    """Components it calls while it serves: started with it, not waited for."""
    ready: Ready | None = None
    """When it counts as ready; default: its port accepts a connection, or it runs, or (once) it has ended well."""
    env: dict[str, str] = field(default_factory=dict)
    """Its environment. `{postgres.url}`, `{db.url:postgresql+asyncpg}`, `{db.user}`, `{db.password}`, `{db.database}`,
    `{pubsub.address}`, `{port}` are filled in; `{state}` is a directory that only this service of this instance has
    (0700), in a container `/state`; `{{word}}` is `{word}`."""
    env_file: tuple[str, ...] = ()
    """Its own `.env` files, relative to `path`; its `env`, HOST and PORT have priority over them, and they over [env].
    Nothing in braces is filled in there, but `$NAME` and `${NAME:-default}` are."""
    dev: str | None = None
    """Command that runs it with hot reload; replaces the kind's own. `{host}`, `{port}`, `{state}` and addresses are
    filled in; other braces stay, and `{{port}}` is `{port}` itself."""
    debug: str | None = None
    """Command that runs it under a debugger; replaces the kind's own, and goes with `dev`. `{host}`, `{port}`,
    `{debug_port}` and addresses are filled in; the debugger listens on 127.0.0.1 and does not hold the service."""
    debug_port: int | None = None
    """Port of its debugger; default: at the same distance from each service's port, on ports that nothing else has."""
    app: str | None = None
    """Kind python: the ASGI application (`package.module:name`) given to uvicorn. Without it `dev` is needed."""
    install: InstallerName | None = None
    """What installs its packages: uv, poetry, pip, npm, pnpm, yarn, bun, go or cargo. Default: that of the nearest lock
    file, in `path` or above, that is for `path`; needed only where two installers have one in the same directory."""
    lock: str | None = None
    """Its lock file, relative to `path`, where that is another one or has a name of its own: `"../../uv.lock"`."""
    build: tuple[str, ...] = ()
    """Kind python: packages of its lock file that have no wheel and are built from their source archive. The lock has
    no hashes of what builds them: it comes from the package index as it is. Every other package is a wheel."""
    main: str = "."
    """Kind go: the package to build, relative to `path`. Kind rust: the program, where its package has several."""
    watch: tuple[str, ...] = ()
    """More directories, relative to `path`, whose change restarts it."""
    reload: bool = False
    """Whether ./dev itself restarts its `dev` when a source file in `path` or `watch` changes, for a command that does
    not reload by itself: a worker, a scheduler, a server without a reloader. In containers it has no effect."""
    once: bool = False
    """It runs to its end once per start (a seed, a code generator) and is ready when it has exited 0."""
    migrate: str | None = None
    """Command run after its needs are ready and before it starts, and while it runs whenever its inputs changed; must
    be idempotent."""
    migrate_inputs: tuple[str, ...] = ()
    """Globs, relative to `path`, of the files that `migrate` depends on. Default: what looks like a migration (`*.sql`,
    `*migrat*`, `alembic`) in `path` and `watch`, and the scripts that the command names."""
    test: str | None = None
    """Command that tests it; replaces the kind's own."""
    ready_after: float | None = None
    """Seconds that it must have run before it counts as ready. Default: 1 without `port` and `ready`, else 0."""
    compile_timeout: float = 600.0
    """Seconds after which a start gives up on a compiler that runs below it; they do not count as `ready.timeout`."""
    tty: bool = False
    """Whether it gets a terminal (24 x 80) as its standard input and output, for a program that ends or is silent
    without one. Nobody types there. In containers, `tty` of Compose does this."""
    retries: int = 5
    """Restarts after crashes in a row before it counts as failed."""
    stop_grace: float = 10.0
    """Seconds between asking it to end and ending it."""


@dataclass(frozen=True, kw_only=True)
class ServiceTable:
    """A kind of services of the team's own. Its keys are what an entry of that kind has where it does not say more."""

    __pydantic_config__ = _STRICT
    dev: str
    """Command that runs it with hot reload. `{app}` and `{main}` are those of the entry; the rest is as in a service.
    """
    base: ServiceKind = "command"
    """Kind whose dependencies, PATH, tests and debugger its services have."""
    debug: str | None = None
    """Command that runs it under a debugger."""
    test: str | None = None
    """Command that tests it."""
    migrate: str | None = None
    """Command that is run before it starts."""
    migrate_inputs: tuple[str, ...] = ()
    """Globs of the files on which `migrate` depends."""
    watch: tuple[str, ...] = ()
    """More directories, relative to `path` of the service, whose change restarts it."""
    reload: bool = False
    """Whether ./dev itself restarts it when a source file changes."""
    protocol: Literal["http", "h2c", "tcp"] = "http"
    """What it speaks."""
    env: dict[str, str] = field(default_factory=dict)
    """Its environment, under that of the entry."""
    ready: Ready | None = None
    """When it counts as ready; not for an entry with a `dev` of its own."""


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """Kinds that a team adds."""

    __pydantic_config__ = _STRICT
    services: dict[str, ServiceTable] = field(default_factory=dict)
    """Kinds of services, by name."""


@dataclass(frozen=True, kw_only=True)
class Desired:
    """Everything `desired_state.toml` says."""

    __pydantic_config__ = _STRICT
    schema: Literal[1]
    """Version of this file's format."""
    project: Project
    """Whose checkout this is."""
    machine: MachineWants = field(default_factory=MachineWants)
    """What the machine itself must offer."""
    tools: dict[str, str] = field(default_factory=dict)
    """Tool -> exact version; one with fewer parts (`python = "3.11"`) accepts any that starts so. Or a table."""
    tool_sources: dict[str, Tool] = field(default_factory=dict)
    """Tables of `[tools]`, by tool. Their versions are in `tools`, as those of all tools."""
    packages: dict[str, Package] = field(default_factory=dict)
    """System packages, by a name of your choice."""
    docker: Docker | None = None
    """The Docker engine this machine should have."""
    compose: Compose | None = None
    """The team's Compose file."""
    env: dict[str, EnvVar] = field(default_factory=dict)
    """Environment variables that every service receives."""
    env_file: tuple[str, ...] = ()
    """In `[env]`: `.env` files of the team, relative to the checkout, with the rules of Docker Compose. A later file
    has priority, and the variables of [env] have priority over them."""
    auth: Auth | None = None
    """Which service creates tokens on this machine."""
    files: dict[str, ManagedFile] = field(default_factory=dict)
    """Files and directories kept as described, by path relative to the checkout."""
    kinds: Kinds = field(default_factory=Kinds)
    """Kinds that the team adds."""
    infra: dict[str, Infra] = field(default_factory=dict)
    """Infrastructure components by name."""
    services: dict[str, Service] = field(default_factory=dict)
    """Services by name."""
    tests: dict[str, TestSuite] = field(default_factory=dict)
    """Suites of `./dev test` in addition to those of services, by name."""
    tasks: dict[str, Task] = field(default_factory=dict)
    """Commands of `./dev run`, by name."""


@dataclass(frozen=True)
class Loaded:
    """A desired state and where each of its keys stands."""

    desired: Desired
    lines: dict[str, str]
    """Dotted key (`infra.postgres.port`) -> `desired_state.toml:LINE`; local overrides name the local file."""
    overrides: tuple[str, ...] = ()
    """Dotted keys that `desired_state.local.toml` replaced."""
    trusted: bool = True
    """Whether what it says may be run; otherwise it may only be looked at (`converge/trust.py`)."""
    composed: Composed | None = None
    """What is taken of the files of [compose]."""

    def source(self, key: str) -> str:
        """`file:line` of the key, or of its nearest parent that is written down; empty if none is."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return self.lines.get(key, "")
