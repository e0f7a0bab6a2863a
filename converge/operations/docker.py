"""A Docker engine that answers, a user who may ask it, a Compose that is new enough, and no disk full of old layers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.compose
import facts.daemon
import facts.docker
import facts.layers
import facts.machine
import facts.packages
import facts.tools
from converge import daemon, data_engine, tools
from converge.context import ConvergeContext
from converge.daemon import by_hand, stop_own
from converge.desired import Docker as Wants
from converge.operations import machine as amounts
from converge.operations import packages
from converge.steps import Item, Step
from facts.daemon import Daemon
from facts.docker import Docker
from facts.engine import Engine
from facts.layers import Layers
from facts.probe import AnyProbe, Observation
from facts.value import Unknown, replace

if TYPE_CHECKING:
    from converge.machine import Machine

__all__ = ["apply", "items", "probes", "stop_own"]

PACKAGES = {"apt": "docker.io", "dnf": "moby-engine", "pacman": "docker"}
"""Package manager -> its package of the engine. Homebrew has none: macOS needs a virtual machine."""
OFF = 'to work without Docker, set docker.engine = "off" in desired_state.local.toml'
APPS = {
    "desktop": ("Docker Desktop", "systemctl --user start docker-desktop"),
    "colima": ("colima", "colima start"),
    "orbstack": ("OrbStack", "open -a OrbStack"),
    "podman": ("podman", "systemctl --user start podman.socket"),
    "rootless": ("the rootless engine", "systemctl --user start docker"),
}
"""Whose engine it is -> its name, and the command that starts it."""
SWITCH = "in Docker Desktop, enable this distribution: Settings > Resources > WSL integration"
DISK_FREE = ">=2 GiB"
"""Free disk space that an engine needs if [machine] does not say."""
LAYERS_SHOWN_FROM = 100 << 20
"""Bytes of old layers from which on they are reported."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """The engine, its surroundings, Compose and, if disk space is low, its layers; nothing without [docker]."""
    wants = context.desired.docker
    if wants is None or wants.engine == "off":
        return []
    room = amounts.amount(context.desired.machine.disk_free or DISK_FREE)[1]
    around = [p for p in facts.machine.probes() if p.name in ("machine.system", "machine.surroundings")]
    return [
        facts.docker.probe(), facts.daemon.probe(), facts.compose.probe(tools.versions()), facts.packages.manager(),
        facts.layers.probe(room), *around, data_engine.probe(context.instance, context.desired.infra),
        facts.tools.probe(
            "docker-compose", tools.COMPOSE, tools.home("docker-compose", tools.COMPOSE) / tools.COMPLETE, ""
        ),
    ]  # fmt: skip


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Engine, access, Compose; the disk only where old layers fill it."""
    wants = context.desired.docker
    if wants is None:
        return
    if wants.engine == "off":
        source = context.loaded.source("docker.engine")
        yield Item("docker.engine", "docker", "skipped", "switched off", "off", source=source)
        return
    engine = _engine(context, observation)
    yield engine
    if engine.status in ("ok", "skipped", "drift"):
        yield from _access(context, observation["docker"], observation["docker.daemon"])
    yield _compose(context, observation)
    yield from _disk(context, observation["docker.layers"])


def _engine(context: ConvergeContext, observation: Observation) -> Item:
    """What is there, and whether it is ours to install or to start, or a person's."""
    facts_of = (observation[name] for name in ("docker", "docker.daemon", "packages.manager", "docker.data"))
    seen, daemon, manager, home = facts_of
    want, source = _wants(context).engine, context.loaded.source("docker.engine")
    base = Item("docker.engine", "docker", "manual", "absent", want, source=source)
    if unknown := next((fact for fact in (seen, daemon, manager, home) if isinstance(fact, Unknown)), None):
        return replace(base, status="unknown", found="?", because=unknown.because)
    if seen.state == "ready":
        return _answering(base, seen, daemon, manager)
    if seen.state == "denied":
        return replace(base, status="skipped", found="there, but this user has no access", because=seen.because)
    found = f"{seen.origin} says {seen.host}" if seen.origin and seen.host else seen.because
    if words := data_engine.diagnosis(seen, home):
        return replace(base, found=found, because=words[0], hint=words[1], code="engine-elsewhere")
    if seen.state in ("wrong-host", "wrong-context"):
        named = seen.origin.partition(" ")[0]  # DOCKER_HOST, DOCKER_CONTEXT, or the context of the config file
        way = f"unset {named}" if named.isupper() else "docker context use default"
        return replace(base, found=found, because=seen.because, hint=way, code="engine-elsewhere")
    if seen.flavour != "engine":
        return _app(base, seen, observation)
    return _ours(base, context, seen, daemon, manager)


def _answering(base: Item, seen: Docker, daemon: Daemon, manager: str | None) -> Item:
    """A running engine is used as it is, or the user upgrades it: others may have containers in it."""
    if seen.flavour == "podman":
        found = f"podman {seen.engine}, which speaks Docker's API {seen.api}"
        if tools.satisfies(seen.api, f">={facts.docker.API}"):
            return replace(base, status="ok", found=f"{found}; ./dev is not tested with it")
        return replace(
            base,
            found=found,
            because=f"Compose v2 needs {facts.docker.API}",
            hint=f"upgrade podman, or: {OFF}",
            code="engine-old",
        )
    whose = APPS[seen.flavour][0] + " " if seen.flavour in APPS else ""
    started = f", started by ./dev as pid {daemon.own}" if daemon.own else ""
    found = f"{whose}{seen.engine} ({seen.host}{started})"
    if tools.satisfies(seen.engine, base.want):
        return replace(base, status="ok", found=found)
    package = PACKAGES.get(manager or "") if seen.flavour == "engine" else None
    way = packages.BY_HAND[manager].format(package) if manager and package else f"upgrade {whose or 'it'}"
    because = "a running engine is not replaced, because it may have containers of other users"
    return replace(base, found=found, because=because, hint=f"{way}; or: {OFF}", code="engine-old")


def _app(base: Item, seen: Docker, observation: Observation) -> Item:
    """Another program provides the engine and does not run; a second engine would hide its data."""
    name, way = APPS[seen.flavour]
    system, around = observation["machine.system"], observation["machine.surroundings"]
    if seen.flavour == "desktop" and not isinstance(around, Unknown) and "wsl" in around:
        because, way = "it does not run, or is not enabled for this WSL distribution", SWITCH
        return replace(base, found=f"{name} is not running here", because=because, hint=way, code="engine-app")
    if seen.flavour == "desktop" and not isinstance(system, Unknown) and system.name == "Darwin":
        way = "open -a Docker"
    if seen.flavour == "podman" and "/run/user/" not in seen.host:
        way = "sudo systemctl start podman.socket"
    return replace(
        base, found=f"{name} does not run", because=seen.because, hint=f"{way}; or: {OFF}", code="engine-app"
    )


def _ours(base: Item, context: ConvergeContext, seen: Docker, daemon: Daemon, manager: str | None) -> Item:
    """Install the distribution's engine if there is none, and start it."""
    start = by_hand(daemon)
    args = {"manager": manager, "mirror": _wants(context).mirror or ""}
    if daemon.program:
        words = {"stale": "its socket is there, but no process listens"}.get(seen.state, "it does not run")
        step = Step(base.id, "docker", "start the Docker engine", seen.because, "system", args=args, by_hand=start)
        return replace(base, status="drift", found=words, because=seen.because, code="engine-down", step=step)
    package = PACKAGES.get(manager or "")
    if package is None:
        brew = "brew install colima docker && colima start, or install Docker Desktop"
        hint = f"{brew if manager == 'brew' else 'install an engine by hand'}; or: {OFF}"
        because = (
            "on this system an engine needs a Linux virtual machine"
            if manager == "brew"
            else "the package manager of this system is not supported"
        )
        return replace(base, because=because, hint=hint, code="engine-missing")
    step = Step(
        base.id, "docker", f"install the package {package} with {manager} and start the Docker engine",
        "there is no Docker engine", "system", args={**args, "package": package},
        by_hand=f"{packages.BY_HAND[str(manager)].format(package)} && {start}",
    )  # fmt: skip
    return replace(base, status="drift", because="there is no Docker engine", code="engine-missing", step=step)


def _access(context: ConvergeContext, seen: Docker, daemon: Daemon) -> Iterable[Item]:
    """May this user ask the engine: now, from the next login on, or never."""
    source, want = context.loaded.source("docker"), f"group {daemon.group}"
    if daemon.user == "root" or seen.flavour != "engine" or (seen.state == "ready" and not daemon.member):
        return
    if not daemon.member:
        step = Step(
            "docker.access", "docker", f"add {daemon.user} to the group {daemon.group} (equal to root)",
            f"only root and the group {daemon.group} may use the engine", "system", ("docker.engine",),
            {"user": daemon.user, "group": daemon.group}, f"sudo usermod -aG {daemon.group} {daemon.user}",
        )  # fmt: skip
        yield Item(
            "docker.access", "docker", "drift", f"{daemon.user} is not in the group", want, step.because, source=source,
            code="engine-access", step=step,
        )  # fmt: skip
        return
    yield Item("docker.access", "docker", "ok", f"{daemon.user} is in group {daemon.group}", want, source=source)
    if seen.state == "denied":
        because, hint = seen.because, "ask the administrator of this machine"
        if not daemon.joined:
            because = f"{daemon.user} is in group {daemon.group}; that is effective after the next login"
            hint = f"log in again, or use at once: sg {daemon.group} -c './dev start'"
        yield Item(
            "docker.login", "docker", "manual", "not in this session", want, because, hint, source, "engine-access"
        )


def _compose(context: ConvergeContext, observation: Observation) -> Item:
    """The plugin that `docker` finds, else the store's."""
    want, source = _wants(context).compose, context.loaded.source("docker.compose")
    plugin, stored = observation["docker.plugin"], observation["tools.docker-compose"]
    base = Item("docker.compose", "docker", "ok", "", want, source=source)
    if unknown := next((fact for fact in (plugin, stored) if isinstance(fact, Unknown)), None):
        return replace(base, status="unknown", found="?", because=unknown.because)
    if plugin.version and tools.satisfies(plugin.version, want):
        return replace(base, found=f"{plugin.version} ({plugin.path})")
    if version := tools.stored_version(context.desired, stored):
        return replace(base, found=f"{version} (in the store)")
    found = f"{plugin.version or 'no version'} ({plugin.path})" if plugin.path else "absent"
    because = f"{plugin.path} is older" if plugin.version else "there is no Compose v2"
    after = ("tools.go", "tools.docker-compose")
    step = Step(
        base.id,
        "docker",
        "install the Docker Compose plugin (link it into ~/.docker/cli-plugins)",
        because,
        after=after,
    )
    return replace(base, status="drift", found=found, because=because, code="compose-missing", step=step)


def _disk(context: ConvergeContext, layers: Layers | Unknown | None) -> Iterable[Item]:
    """Only if disk space is low and old layers use much of it; they are deleted only with consent."""
    if layers is None or isinstance(layers, Unknown) or layers.unused < LAYERS_SHOWN_FROM:
        return
    want = context.desired.machine.disk_free or DISK_FREE
    free, unused = (amounts.shown(size, ">=1 GiB") for size in (layers.free, layers.unused))
    by_hand = "docker image prune -f && docker builder prune -f"
    because = f"untagged images and unused build cache take {unused} of it"
    step = Step("docker.disk", "docker", f"delete {unused} of old layers", because, "destructive", by_hand=by_hand)
    yield Item(
        "docker.disk", "docker", "drift", f"{free} free in {layers.root}", want, because, by_hand,
        context.loaded.source("machine.disk_free"), "layers-old", step,
    )  # fmt: skip


def _wants(context: ConvergeContext) -> Wants:
    return context.desired.docker or Wants()


def apply(step: Step, machine: Machine) -> None:
    """Install and start the engine, admit the user, fetch Compose, or delete what was allowed to be deleted."""
    {
        "docker.engine": _apply_engine, "docker.access": _apply_access, "docker.compose": _apply_compose,
        "docker.disk": _apply_disk,
    }[step.id](step, machine)  # fmt: skip


def _apply_engine(step: Step, machine: Machine) -> None:
    if step.args.get("package"):
        packages.apply(step, machine)
    daemon.start(machine, os.environ.get("DEV_REGISTRY_MIRROR") or step.args["mirror"], step.args["manager"])


def _apply_access(step: Step, machine: Machine) -> None:
    user, group = step.args["user"], step.args["group"]
    machine.say(f"adding {user} to the group {group}")
    machine.pyinfra("server.group", group=group, system=True)
    machine.pyinfra("server.user", user=user, groups=[group], append=True, ensure_home=False)


def _apply_compose(step: Step, machine: Machine) -> None:
    from converge import supply  # saves 4 ms where nothing is installed

    supply.install("docker-compose", tools.COMPOSE, machine)


def _apply_disk(step: Step, machine: Machine) -> None:
    engine = Engine(facts.docker.look().host)
    machine.say("deleting untagged images and unused build cache")
    engine.post("/images/prune", 600, filters={"dangling": ["true"]})
    engine.post("/build/prune", 600)
