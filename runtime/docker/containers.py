"""The containers of an instance: one Compose call makes those that changed; each is started separately."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from converge import atomic, own_files
from converge.desired import Infra, Service
from converge.errors import DevError
from converge.instance import Instance
from facts.engine import EngineError
from facts.value import replace
from runtime.component import Component, InfraComponent, ServiceComponent
from runtime.docker import compose, rendered, secret_files, secrets, subnet
from runtime.docker.compose import Project
from runtime.environment import of_component
from runtime.placements import docker
from runtime.placements.seen import lost
from runtime.platform import Platform
from runtime.routes import gateway


def make(
    project: Project,
    wanted: Mapping[str, Component],
    images: Mapping[str, str],
    say: Callable[[str], None],
    before_stop: Callable[[Iterable[str]], None],
) -> dict[str, str]:
    """Component -> id of its container as the files declare it; made, or made again if it differs.

    `before_stop` is called first with the components whose containers this may stop.
    """
    docker.remember(project.instance, project.engine)
    subnet.settle(project)
    if project.routed:
        gateway.write(project)
        wanted = {**wanted, gateway.NAME: gateway.component(project.instance)}
    if apart := _apart(project, wanted):  # before the secrets are written: they go with the container
        before_stop(apart)
        for name in apart:
            docker.stop(wanted[name])
    for component in wanted.values():
        write_environment(project, component)
    values = compose.values(project, images)
    known, digest = _applied(project), _digest(project, wanted, values)
    found = _containers(project, wanted)
    if all(known.get(name) == f"{digest} {found.get(name)}" for name in wanted):
        return found
    before_stop(name for name in wanted if known.get(name) != f"{digest} {found.get(name)}")
    say("making containers")
    create = ["create", "--no-build", "--pull", "never", *map(compose.key, wanted.values())]
    try:
        project.run(create, values, 300)
    except DevError as problem:
        if "Pool overlaps" not in problem.because:
            raise
        subnet.settle(project, another=True)  # a killed engine reserves ranges of networks that it does not list
        project.run(create, values, 300)
    found = _containers(project, wanted)
    if missing := sorted(wanted.keys() - found.keys()):
        raise DevError("compose-failed", f"Compose made no container for {', '.join(missing)}")
    for name in wanted:
        secret_files.sweep(project.instance, name)
    _write(
        project.instance.state / "compose" / "applied.json",
        json.dumps(known | {name: f"{digest} {container}" for name, container in found.items()}),
    )
    return found


def one_off(
    project: Project, component: Component, command: str, images: Mapping[str, str]
) -> tuple[list[str], dict[str, str], Component]:
    """How a command is run in a temporary container of the component's image."""
    project = replace(project, routed=False)  # with the routes it would get the address of the container that runs
    argv = ["run", "--rm", "--no-deps", "-T", "--entrypoint", "/bin/sh", compose.key(component), "-c", command]
    return project.command(argv), project.environment(compose.values(project, images)), component


def drop_volumes(component: Component) -> None:
    """Delete its container, and those of its volumes that belong to the instance."""
    used = docker.engine(component.instance)
    if used is None:
        return
    mine = docker.volumes(component.instance, used)
    docker.stop(component)
    for name, key in mine.items():
        if key.split(".")[0] == component.name or key.startswith(f"{component.name}-"):
            used.delete(f"/volumes/{name}", 60)


def clear(instance: Instance) -> None:
    """Delete every container, volume and network of the instance; DevError if its engine does not answer."""
    used = docker.engine(instance)
    if used is None:
        return
    label = {"label": [f"com.docker.compose.project={instance.compose_project}"]}
    try:
        for row in used.get("/containers/json", all="1", filters=label):
            used.delete(f"/containers/{row['Id']}", 60, force="1", v="1")
        for name in docker.volumes(instance, used):
            used.delete(f"/volumes/{name}", 60)
        for row in used.get("/networks", filters=label):
            used.delete(f"/networks/{row['Id']}")
    except EngineError as problem:
        raise lost("containers and volumes of this instance cannot be removed", problem) from problem


def trace(instance: Instance) -> str:
    """The label of the instance's containers and volumes, for a user who searches them by hand."""
    return f"containers and volumes with the label com.docker.compose.project={instance.compose_project}"


def undeclared(platform: Platform) -> list[Component]:
    """Components that have containers and are no longer declared."""
    instance = platform.instance
    try:
        rows = docker.containers(instance)
    except EngineError:
        return []
    known = {gateway.NAME, *map(compose.key, platform.components.values())}
    keys = {row["Labels"]["com.docker.compose.service"] for row in rows} - known
    return [
        ServiceComponent(key.removesuffix("-box"), Service(kind="command"), instance)
        if key.endswith("-box") else InfraComponent(key, Infra(port=1), instance)
        for key in sorted(keys)
    ]  # fmt: skip


def write_environment(project: Project, component: Component) -> None:
    """Write its container's secrets, and its variables in the format in which Compose replaces none; mode 0600."""
    if not component.is_service and not component.wants.container_port:
        secrets.hand(project, component, compose.of_infra(project.platform, component))
    else:
        found = secrets.hand(project, component, _variables(project.platform, component))
        lines = [f"{name}={_quoted(value)}\n" for name, value in sorted(found.items())]
        _write(project.instance.state / "env" / f"{component.name}.env", "".join(lines))


def _variables(platform: Platform, component: Component) -> dict[str, str]:
    if component.is_service:
        return of_component(platform, component, "docker")
    return rendered.environment(platform, component)


def _quoted(value: str) -> str:
    """As Compose reads it back. Between single quotes nothing is replaced, but a backslash keeps the quote open.

    Source: https://github.com/compose-spec/compose-go/blob/main/dotenv/parser.go
    """
    if "'" not in value and not value.endswith("\\"):
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return f'"{escaped}"'


def _containers(project: Project, wanted: Mapping[str, Component]) -> dict[str, str]:
    keys = {compose.key(component): name for name, component in wanted.items()}
    rows = docker.containers(project.instance)
    services = {row["Labels"]["com.docker.compose.service"]: row["Id"] for row in rows}
    return {name: services[key] for key, name in keys.items() if key in services}


def _apart(project: Project, wanted: Mapping[str, Component]) -> list[str]:
    """Components whose containers were taken out of the network, or whose network was deleted."""
    rows, networks = docker.containers(project.instance), project.engine.get("/networks")
    ids = {row["Name"]: row["Id"] for row in networks}
    keys = {row["Labels"]["com.docker.compose.service"] for row in rows if docker.cut_off(project.instance, row, ids)}
    return [name for name, component in wanted.items() if compose.key(component) in keys]


def _applied(project: Project) -> dict[str, str]:
    try:
        found = own_files.document(project.instance.state / "compose" / "applied.json")
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _digest(project: Project, wanted: Mapping[str, Component], values: Mapping[str, str]) -> str:
    """A digest of all that Compose would read."""
    digest = sha256(json.dumps(values, sort_keys=True).encode())
    environment = project.instance.state / "env"
    for path in (*project.files, *(environment / f"{name}.env" for name in sorted(wanted))):
        digest.update(str(path).encode() + b"\0" + (path.read_bytes() if path.exists() else b""))
    return digest.hexdigest()[:16]


def _write(path: Path, text: str) -> None:
    """Write the file in one step, readable by this user only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.write(path, text)
