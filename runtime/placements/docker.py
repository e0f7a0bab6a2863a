"""Docker placement: a container of the instance's Compose project; all its state is read from its engine."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from converge import atomic, own_files
from converge.errors import DevError
from converge.instance import Instance
from facts.engine import Engine, EngineError, EngineGone, unframed
from runtime.component import Component
from runtime.docker import secret_files
from runtime.docker.compose import key
from runtime.placements import native
from runtime.placements.seen import Seen, State, full, lost

ENGINE_TIMEOUT = 5.0
"""Seconds in which the engine must answer a look."""
LEFT_OVER = ("port is already allocated", ": already exists", "id already in use")
"""Errors of the engine and containerd for a container whose start was interrupted by the engine's end (20.10)."""
RETRIES = 5
"""Restarts after which a container that ends at once has failed, as a native component has; the engine goes on, ever
more seldom, because its policy must be one that brings all containers back after its own restart, or none."""
AT_ONCE = 10.0
"""Seconds; a container that ran for longer did not end at once."""
ENDED = (0, 130, 137, 143)
"""Exit codes of a container that was asked to end."""


def engine(instance: Instance) -> Engine | None:
    """The engine that has the instance's containers; None if it never had any."""
    try:
        return Engine(own_files.text(instance.engine_record).strip())
    except OSError:
        return None


def remember(instance: Instance, used: Engine) -> None:
    """Record the engine of the instance's containers and volumes, before any is made."""
    if engine(instance) != used:
        atomic.write(instance.engine_record, used.host + "\n")


def containers(instance: Instance, more: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The instance's containers as its engine lists them, without one-off runs; OSError if it does not answer."""
    used = engine(instance)
    if used is None:
        return []
    labels = [f"com.docker.compose.project={instance.compose_project}", "com.docker.compose.oneoff=False", *more]
    found = used.get("/containers/json", ENGINE_TIMEOUT, all="1", filters={"label": labels})
    return list(found) if isinstance(found, list) else []


def look(component: Component) -> Seen:
    """Its state by its engine; `lost` if the engine does not answer."""
    try:
        about = inspect(component)
    except EngineError as problem:
        return Seen("docker", state="lost", reason=f"its Docker engine does not answer: {problem}")
    if not about:
        return Seen("docker")
    state = about["State"]
    word, reason = state_of(state, component.once)
    if word == "backoff" and about.get("RestartCount", 0) >= RETRIES and _ended_at_once(state):
        word, reason = "failed", f"it ended with {state.get('ExitCode', 0)}, {about['RestartCount'] + 1} times in a row"
    if word == "running" and not reason:
        reason = cut_off(component.instance, about)
    return Seen(
        "docker", word in ("running", "paused", "backoff"), word, reason, state.get("Pid") or None,
        about.get("RestartCount", 0), _seconds(state.get("StartedAt", "")), about["Id"],
        image=str((about.get("Config") or {}).get("Image", "")), ailing=_ailing(state.get("Health")),
    )  # fmt: skip


def inspect(component: Component) -> dict[str, Any]:
    """The engine's description of its container; empty if there is none."""
    service = f"com.docker.compose.service={key(component)}"
    for row in containers(component.instance, (service,)):
        if (used := engine(component.instance)) is None:  # its record was deleted meanwhile
            return {}
        try:
            found = used.get(f"/containers/{row['Id']}/json", ENGINE_TIMEOUT)
        except EngineError as problem:
            if problem.status != 404:
                raise
            continue
        return found if isinstance(found, dict) else {}
    return {}


def cut_off(instance: Instance, about: Mapping[str, Any], networks: Mapping[str, str] | None = None) -> str:
    """Why nothing reaches the container: it is not in the network of the instance, or that was deleted.

    Empty if it is, or if its Compose file gives it another network. `about` is the engine's description of it;
    `networks` has the id of each network of the engine by its name. Without `networks` the id is not compared.
    """
    name = str((about.get("HostConfig") or {}).get("NetworkMode", ""))
    if not name.startswith(f"{instance.compose_project}_"):
        return ""
    own = ((about.get("NetworkSettings") or {}).get("Networks") or {}).get(name)
    if own is not None and (networks is None or (name in networks and own["NetworkID"] in ("", networks[name]))):
        return ""
    return f"its container is not in its network {name}; ./dev start makes it again"


def spawn(component: Component, container: str) -> None:
    """Start the container that Compose made for it."""
    if (used := engine(component.instance)) is None:
        raise lost(f"{component.name} was not started", "its record of the engine was deleted")
    if not native.lives(component):  # a native process serves until the container is ready
        native.forget(component)
    try:
        if used.get(f"/containers/{container}/json", ENGINE_TIMEOUT)["State"].get("Restarting"):
            used.post(f"/containers/{container}/stop", 30, t="0")  # else a start would do nothing
        _allow_restarts(component, used, container)
        used.post(f"/containers/{container}/start", 60)
    except EngineGone as problem:
        raise lost(f"{component.name} was not started", problem) from problem
    except EngineError as problem:
        if found := full(f"the container of {component.name} could not be started", str(problem)):
            raise found from problem
        left = any(words in str(problem) for words in LEFT_OVER)
        raise DevError(
            "engine-left-over" if left else "container-failed",
            f"the container of {component.name} could not be started", because=str(problem),
            hint="restart the engine, as `sudo systemctl restart docker`" if left else f"./dev logs {component.name}",
        ) from problem  # fmt: skip


def resume(component: Component) -> None:
    """Resume its paused container; DevError if its engine does not answer."""
    try:
        used, about = engine(component.instance), inspect(component)
        if used and about and about["State"].get("Paused"):
            used.post(f"/containers/{about['Id']}/unpause", 30)
    except EngineError as problem:
        raise lost(f"the container of {component.name} stays paused", problem) from problem


def halt(component: Component) -> bool:
    """Stop its container, which the engine will not start again; whether it ran.

    DevError if its engine does not answer.
    """
    try:
        used, about = engine(component.instance), inspect(component)
        if not used or not about or not about["State"].get("Running"):
            return False
        _forbid_restarts(component, used, about)
        grace = int(component.wants.stop_grace)
        used.post(f"/containers/{about['Id']}/stop", grace + 30, t=str(grace))
    except EngineError as problem:
        raise lost(f"the container of {component.name} cannot be stopped", problem) from problem
    return True


def stop(component: Component) -> bool:
    """Stop and delete its container; its log and its volumes are kept. Whether it ran."""
    ran = halt(component)
    try:
        used, about = engine(component.instance), inspect(component)
        if used and about:
            _keep_log(component)
            _gone(used, f"/containers/{about['Id']}", v="0", force="1")
            secret_files.remove(component.instance, component.name)
            if not containers(component.instance):
                _gone(used, f"/networks/{component.instance.compose_project}_default")
    except EngineError as problem:
        raise lost(f"the container of {component.name} cannot be deleted", problem) from problem
    return ran


def rows(component: Component, since: str = "", last: int | None = None) -> Iterator[str]:
    """Its output in the format of the log files, from the stamp `since` (UTC) on, or only the last lines."""
    used = engine(component.instance)
    try:
        about = inspect(component) if used else {}
        if not used or not about:
            return
        query = {"tail": "all" if last is None else str(last)}
        if since:
            query["since"] = _unix(since)
        said = used.log(about["Id"], ENGINE_TIMEOUT, **query)
    except EngineError:
        return
    for line in said.decode(errors="replace").removesuffix("\n").split("\n"):
        stamp, _, text = line.partition(" ")
        if stamp:
            yield f"{stamp[:23]}Z | {text}"


def execute(component: Component, argv: Sequence[str], more: Mapping[str, str] = {}) -> tuple[int, str]:
    """Run a command inside its container, with additional variables `more`; exit code and output.

    DevError `not-ready` if the container was removed or stopped meanwhile.
    """
    try:
        return _execute(component, argv, more)
    except EngineError as problem:
        if problem.status not in (404, 409):
            raise
        raise DevError(
            "not-ready", f"{component.name} has no container that runs", because=str(problem),
            hint=f"./dev start {component.name}",
        ) from problem  # fmt: skip


def _execute(component: Component, argv: Sequence[str], more: Mapping[str, str]) -> tuple[int, str]:
    used, about = engine(component.instance), inspect(component)
    if not used or not about:
        raise EngineError(404, "it was removed")
    order = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(argv)}
    order |= {"Env": [f"{name}={value}" for name, value in more.items()]} if more else {}
    run = used.post(f"/containers/{about['Id']}/exec", body=order)["Id"]
    with used.stream(f"/exec/{run}/start", 900, method="POST", body={"Detach": False, "Tty": False}) as answer:
        raw = answer.read()
    code = used.get(f"/exec/{run}/json")["ExitCode"]
    if code is None:
        raise EngineError(409, "it was stopped before the command had ended")
    return int(code), unframed(raw).decode(errors="replace")


def holding(component: Component, paths: Iterable[str]) -> Iterator[str]:
    """Those of the files that exist in its container, volumes included; the container need not run."""
    used, about = engine(component.instance), inspect(component)
    if used and about:
        yield from (path for path in paths if used.exists(f"/containers/{about['Id']}/archive", path=path))


def volumes(instance: Instance, used: Engine) -> dict[str, str]:
    """Name of each volume that the instance's project made -> its key in the Compose files."""
    label = f"com.docker.compose.project={instance.compose_project}"
    found = used.get("/volumes", ENGINE_TIMEOUT, filters={"label": [label]}).get("Volumes") or []
    return {row["Name"]: row["Labels"].get("com.docker.compose.volume", row["Name"]) for row in found}


def has_data(component: Component, used: Engine) -> bool:
    """Whether a volume of the component has content: Compose also makes empty volumes for components that never ran."""
    mine = [name for name, key in volumes(component.instance, used).items() if key.split(".")[0] == component.name]
    if not mine:
        return False
    rows = used.get("/system/df", 120)["Volumes"] or []
    return any(row["Name"] in mine and row["UsageData"]["Size"] != 0 for row in rows)


def _ailing(health: dict[str, Any] | None) -> str:
    """Why the engine's account of a health check is not `healthy`; empty if it is, or if there is no check."""
    if not health or health.get("Status") in ("", "none", "healthy"):
        return ""
    last = (health.get("Log") or [{}])[-1] or {}
    said = " ".join(str(last.get("Output") or "").split())[-200:]
    if not last.get("ExitCode"):
        return "its healthcheck has not passed yet"
    return f"its healthcheck ends with {last['ExitCode']}" + (f": {said}" if said else "")


def _forbid_restarts(component: Component, used: Engine, about: dict[str, Any]) -> None:
    """Prevent that the engine starts it: a restarted engine does so even for a stopped container (moby/moby#35166)."""
    policy = about["HostConfig"]["RestartPolicy"]
    if policy["Name"] not in ("", "no"):
        atomic.write(_policy(component), json.dumps({"container": about["Id"], "policy": policy}))
        _set_policy(used, about["Id"], {"Name": "no"})


def _allow_restarts(component: Component, used: Engine, container: str) -> None:
    """Restore the restart policy of Compose, so that the engine starts it again if it fails."""
    try:
        noted = own_files.document(_policy(component))
    except (OSError, ValueError):
        return
    if noted["container"] == container:
        _set_policy(used, container, noted["policy"])
    _policy(component).unlink()


def _set_policy(used: Engine, container: str, policy: dict[str, Any]) -> None:
    """Set the policy; an engine that cannot change it, for example podman before 5, keeps the old one."""
    try:
        used.post(f"/containers/{container}/update", body={"RestartPolicy": policy})
    except EngineGone:
        raise
    except EngineError:
        return


def _policy(component: Component) -> Path:
    """File with the container's original restart policy; absent while the container itself has it."""
    return component.instance.engine_record.with_name(f"{component.name}.restart.json")


def _gone(used: Engine, path: str, **query: Any) -> None:
    """Delete; an object that does not exist or is in use is ignored."""
    try:
        used.delete(path, 60, **query)
    except EngineError as problem:
        if problem.status not in (403, 404, 409):
            raise


def state_of(state: dict[str, Any], once: bool) -> tuple[State, str]:
    """The engine's state of a container as one word, and why."""
    code, status = state.get("ExitCode", 0), state.get("Status")
    if status == "restarting":
        return "backoff", f"it ended with {code} and is started again"
    if status == "paused":
        return "paused", "its container is paused"
    if status == "running":
        return "running", ""
    if status == "created" and not code:
        return "created", ""
    if state.get("OOMKilled"):
        return "failed", "it ran out of its memory limit"
    if state.get("Error"):
        return "failed", str(state["Error"])
    if once and code == 0:
        return "done", ""
    return ("stopped", f"its container ended ({code})") if code in ENDED else ("failed", f"it ended with {code}")


def _ended_at_once(state: Mapping[str, Any]) -> bool:
    return _seconds(state.get("FinishedAt", "")) - _seconds(state.get("StartedAt", "")) < AT_ONCE


def _keep_log(component: Component) -> None:
    text = "".join(f"{row[:24]} c {row[27:]}\n" for row in rows(component))
    if text:
        component.log.parent.mkdir(parents=True, exist_ok=True)
        with open(component.log, "ab", opener=atomic.private) as file:
            file.write(text.encode())


def _seconds(stamp: str) -> float:
    """Unix time of `2026-11-24T20:37:46.281330292Z`."""
    try:
        return datetime.datetime.fromisoformat(stamp[:19] + "+00:00").timestamp()
    except ValueError:
        return time.time()


def _unix(stamp: str) -> str:
    """Unix time with nanoseconds of a UTC stamp of our logs."""
    whole, _, rest = stamp.rstrip("Z").partition(".")
    return f"{int(datetime.datetime.fromisoformat(whole + '+00:00').timestamp())}.{rest or '0'}"
