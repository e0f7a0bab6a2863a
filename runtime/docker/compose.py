"""The Compose project of an instance: plain files, the values this instance gives them, and the calls of Compose."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path

from converge import atomic, tools
from converge.errors import DevError, Exit
from converge.instance import Instance
from facts import docker, regular
from facts.engine import Engine
from facts.value import dataclass, replace
from runtime import infra
from runtime.component import Component
from runtime.docker import rendered, secret_files
from runtime.placements.seen import full
from runtime.platform import Platform

FILES = ("infra.yaml", "services.yaml", "routes.yaml")
"""The files of `compose/` in a checkout; without its own `infra.yaml` it uses that of ./dev."""
GATEWAY = tools.EMULATOR.parent / "gateway.yaml"
"""The file that replaces `routes.yaml` when services run in containers behind the gateway."""
GIVEN = ("PATH", "HOME", "DOCKER_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
         "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy")  # fmt: skip
"""Variables of the caller's environment that Compose gets; no others can change its result."""


SECRETS = "/run/secrets"
"""Where a container has its secrets as files."""
OURS = "/dev-secrets"
"""What stands for the directory of a component's secrets while the files are read."""


@dataclass(frozen=True)
class Entry:
    """A service of the Compose files."""

    image: str
    context: Path | None = None
    """Directory from which it is built; None if its image is only pulled."""
    dockerfile: str = "Dockerfile"
    published: bool = False
    """Whether the engine publishes a port of it on this machine."""
    aliases: tuple[str, ...] = ()
    """Additional names in a network."""
    secrets: bool = False
    """Whether it mounts a directory at `/run/secrets`: its program reads `NAME_FILE` in place of a secret `NAME`."""
    profiles: tuple[str, ...] = ()
    """Profiles of Compose in which it is wanted; empty: in all."""


@dataclass(frozen=True)
class Project:
    """One instance's project on one engine."""

    platform: Platform
    engine: Engine
    program: Path
    routed: bool = False
    """Whether some service runs in a container, so that the gateway is in front of all of them."""
    last: tuple[Path, ...] = ()
    """Files that change what the others say."""

    @property
    def instance(self) -> Instance:
        """The instance of these containers."""
        return self.platform.instance

    @property
    def name(self) -> str:
        """Compose's project name; every container, network and volume of the instance starts with it."""
        return self.instance.compose_project

    @property
    def files(self) -> tuple[Path, ...]:
        """The existing files, and those that this instance adds."""
        names = FILES[:2] if self.routed else FILES
        own = [self.instance.checkout / "compose" / name for name in names]
        found = [path for path in own if path.exists()]
        if own[0] not in found:
            found.insert(0, tools.EMULATOR.parent / FILES[0])
        if self.routed:
            found.append(GATEWAY)
        more = (
            self.instance.network_file,
            self.instance.rendered_file,
            *([self.instance.routes_file] if self.routed else ()),
        )
        return (*found, *(path for path in more if path.exists()), *self.last)

    @property
    def directory(self) -> Path:
        """The directory from which Compose resolves relative paths: `compose/` of the checkout, if it has a file."""
        own = self.instance.checkout / "compose"
        return own if any((own / name).exists() for name in FILES) else tools.EMULATOR.parent

    @cached_property
    def entries(self) -> dict[str, Entry]:
        """Every service of the files by its key; Compose is called once per content of the files."""
        ours = {variable(name, "SECRETS"): f"{OURS}/{name}" for name in self.platform.components}
        digest = sha256(f"{self.program}\0every profile\0{self.directory}\0{sorted(ours.items())}".encode())
        for path in self.files:
            digest.update(str(path).encode() + b"\0" + path.read_bytes())
        cache = self.instance.dev / "cache" / f"compose-{digest.hexdigest()[:16]}.json"
        try:
            model = regular.document(cache)
        except (OSError, ValueError):
            model = json.loads(self.run(["config", "--format", "json"], ours, 60))["services"]
            atomic.write(cache, json.dumps(model))
        return {key: _entry(value) for key, value in model.items()}

    def entry(self, component: Component) -> Entry | None:
        """The component's service in the files."""
        return self.entries.get(key(component))

    def run(
        self,
        argv: Iterable[str],
        values: Mapping[str, str],
        timeout: float = 900,
        say: Callable[[str], None] | None = None,
    ) -> str:
        """Compose's stdout; `say` gets each line of its stderr. DevError `compose-failed` if it fails."""
        words = list(argv)
        try:
            return run(self.command(words), self.environment(values), timeout, say)
        except DevError as problem:
            if found := full(f"Compose cannot `{words[0]}`", problem.because):
                raise found from problem
            names = " ".join(os.path.relpath(path, self.instance.checkout) for path in self.files)
            problem.what = f"Compose refused `{words[0]}` of {names}"
            problem.exit = Exit.BAD_STATE if words[0] == "config" else problem.exit
            raise

    def command(self, argv: Iterable[str]) -> list[str]:
        """Compose with this project's files."""
        files = [word for path in self.files for word in ("-f", str(path))]
        where = ["--project-directory", str(self.directory)]
        return [str(self.program), "-p", self.name, *where, *files, "--env-file", os.devnull, *argv]

    def environment(self, values: Mapping[str, str]) -> dict[str, str]:
        """The environment of Compose: a few variables of the caller, and the values of the files' variables."""
        env = {name: os.environ[name] for name in GIVEN if name in os.environ}
        fixed = {"DOCKER_HOST": self.engine.host, "COMPOSE_IGNORE_ORPHANS": "1", "BUILDKIT_PROGRESS": "plain"}
        fixed["COMPOSE_PROFILES"] = "*"  # a declared component is wanted in any profile
        if self.files[0].parent == tools.EMULATOR.parent:  # the tool's file, below the directory of the checkout
            fixed["DEV_PUBSUB_CONTEXT"] = str(tools.EMULATOR)
        if self.routed:
            fixed["DEV_GATEWAY_CONTEXT"] = str(GATEWAY.parent / "gateway")
        return env | fixed | dict(values)


def key(component: Component) -> str:
    """Its key in the Compose files; the routes give a service its alias NAME, so its container has another key."""
    return f"{component.name}-box" if component.is_service else component.name


def variable(name: str, what: str) -> str:
    """The name of the variable in the Compose files, for example `POSTGRES_PORT`."""
    return f"{name.upper().replace('-', '_')}_{what}"


def find(platform: Platform) -> Project | str:
    """The instance's project, or why Docker cannot be used here, as a clause."""
    wants = platform.desired.docker
    if wants and wants.engine == "off":
        return f"Docker is switched off ({platform.loaded.source('docker.engine')})"
    seen = docker.look()
    if seen.state != "ready":
        return f"no Docker engine can be used: {seen.because}"
    if seen.api and not tools.satisfies(seen.api, f">={docker.API}"):
        return f"the engine {seen.engine} is too old: its API is {seen.api}, and {docker.API} is needed"
    program = tools.compose(platform.loaded)
    if program is None:
        return "there is no Compose v2"
    rendered.write(platform)
    return Project(platform, Engine(seen.host), program)


def values(project: Project, images: Mapping[str, str]) -> dict[str, str]:
    """The values of the files' variables in this instance: ports, passwords, user ids, and the given images."""
    instance = project.instance
    found = {"DEV_INSTANCE": instance.id, "DEV_CHECKOUT": str(instance.checkout)}
    found["DEV_ENV"] = str(instance.state / "env")
    if project.routed:
        found |= {"DEV_ROUTES": str(instance.routes), "DEV_GATEWAY_USER": _user(project.engine)}
    for name, component in project.platform.components.items():
        if component.port:
            found[variable(name, "PORT")] = str(component.port)
        found |= of_infra(project.platform, component)
        if directory := secret_files.directory(instance, name):
            found[variable(name, "SECRETS")] = str(directory)
            for each in secret_files.names(instance, name) & found.keys():
                found |= {each: "", f"{each}_FILE": f"{SECRETS}/{each}"}
    return found | {variable(name, "IMAGE"): image for name, image in images.items()}


def of_infra(platform: Platform, component: Component) -> dict[str, str]:
    """What the kind of an infra component gives to the Compose files, for example `POSTGRES_PASSWORD`."""
    if component.is_service:
        return {}
    more = infra.kind(component).variables(platform, component)
    return {variable(component.name, what): value for what, value in more.items()}


def run(argv: list[str], env: Mapping[str, str], timeout: float, say: Callable[[str], None] | None = None) -> str:
    """Run the command to its end; `say` gets each line of its stderr."""
    process = subprocess.Popen(
        argv, env=dict(env), text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd="/", start_new_session=True,
    )  # fmt: skip
    talk: list[str] = []
    out: list[str] = []

    def listen(stream: Iterable[str], heard: list[str]) -> None:
        for line in stream:
            heard.append(line)
            if say and line.strip():
                say(line.strip())

    listeners = [
        threading.Thread(target=listen, args=(stream, heard), daemon=True)
        for stream, heard in ((process.stdout, out), (process.stderr, talk))
    ]
    for listener in listeners:
        listener.start()
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        code = -signal.SIGKILL
        talk.append(f"it took longer than {timeout:g} s")
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for listener in listeners:
            listener.join(2)
    if code:
        raise DevError(
            "compose-failed", "Compose refused the call",
            because=_trouble([*out, *talk]) or f"it ended with {code}",
            hint="./dev bundle collects what a maintainer needs",
        )  # fmt: skip
    return "".join(out)


def _user(engine: Engine) -> str:
    """This user for the engine; in a rootless engine its root is this user."""
    rootless = any("rootless" in entry for entry in engine.get("/info").get("SecurityOptions") or ())
    return "0:0" if rootless else f"{os.geteuid()}:{os.getegid()}"


def _trouble(talk: list[str]) -> str:
    """The lines with the error: the last ones, without progress."""
    return " / ".join([line.strip() for line in talk if line.strip()][-4:])[:1200]


def _entry(value: dict[str, object]) -> Entry:
    build, networks, profiles = value.get("build"), value.get("networks"), value.get("profiles")
    found = Entry(
        str(value.get("image") or ""), published=bool(value.get("ports")), aliases=_aliases(networks),
        secrets=_mounts_secrets(value.get("volumes")),
        profiles=tuple(map(str, profiles)) if isinstance(profiles, list) else (),
    )  # fmt: skip
    if not isinstance(build, dict):
        return found
    return replace(found, context=Path(str(build["context"])), dockerfile=str(build.get("dockerfile") or "Dockerfile"))


def _mounts_secrets(volumes: object) -> bool:
    """Whether it mounts the directory that NAME_SECRETS names, and not another one of its own, at `/run/secrets`."""
    each = volumes if isinstance(volumes, list) else ()
    found = [volume for volume in each if isinstance(volume, dict) and str(volume.get("source")).startswith(f"{OURS}/")]
    return any(str(volume.get("target")).rstrip("/") == SECRETS for volume in found)


def _aliases(networks: object) -> tuple[str, ...]:
    each = networks.values() if isinstance(networks, dict) else ()
    return tuple(alias for network in each if isinstance(network, dict) for alias in network.get("aliases") or ())
