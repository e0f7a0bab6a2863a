"""The two daemons of the rig, engine and registry: started, found, ended; nobody else's are touched."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from facts.engine import Engine, EngineError
from tests.real import network
from tests.real.place import SBIN, Place

KEEPER = Path(__file__).with_name("keeper.py")
RECIPES_KEPT = 3
"""Builds of one image that stay in the registry's storage, so that going from branch to branch builds nothing."""
PATIENCE = 60.0
"""Seconds a daemon has to answer after its start, and to end."""


def engine_answers(place: Place) -> bool:
    """Whether the rig's dockerd is there and speaks."""
    try:
        return bool(Engine(place.host).get("/_ping", timeout=5) == "OK")
    except (OSError, EngineError):
        return False


def engine_pid(place: Place) -> int | None:
    """The rig's dockerd, if it lives."""
    return _living(place.run / "docker.pid", "dockerd")


def registry_pid(place: Place) -> int | None:
    """The rig's registry, if it lives."""
    return _living(place.run / "registry.pid", "docker-registry")


def registry_port(place: Place) -> int:
    """The registry's port on loopback: chosen once, kept as long as nobody else takes it."""
    chosen = place.root / "registry.port"
    port = int(chosen.read_text()) if chosen.exists() else 25000 + int(place.key, 16) % 2000
    if registry_pid(place) is None and not engine_answers(place):
        while _listens("127.0.0.1", port):
            port += 1
        chosen.write_text(str(port))
    return port


def start_registry(place: Place) -> str:
    """A running registry on loopback; gives its address. No TLS: engines trust 127.0.0.0/8 as it is."""
    port = registry_port(place)
    if registry_pid(place) is None:
        serve_registry(place, "127.0.0.1", port, place.run / "registry.pid")
    return f"127.0.0.1:{port}"


def mirror(place: Place) -> str:
    """The registry once more, read-only and on the bridge: for engines inside containers; gives its address."""
    host, port = network.gateway(network.bring_up(place)), registry_port(place)
    pid_file = place.run / "mirror.pid"
    if _living(pid_file, "docker-registry") is None:
        serve_registry(place, host, port, pid_file, read_only=True)
    return f"{host}:{port}"


def serve_registry(place: Place, host: str, port: int, pid_file: Path, read_only: bool = False) -> None:
    """Start a registry over the rig's storage and wait until it answers."""
    storage = place.root / "registry"
    storage.mkdir(parents=True, exist_ok=True)
    maintenance = (
        "\n  maintenance: { uploadpurging: { enabled: false }, readonly: { enabled: true } }" if read_only else ""
    )
    place.run.mkdir(mode=0o711, exist_ok=True)
    config = pid_file.with_suffix(".yml")
    config.write_text(
        "version: 0.1\nlog: { level: warn }\nstorage:\n"
        f"  filesystem: {{ rootdirectory: {json.dumps(str(storage))} }}\n  delete: {{ enabled: true }}{maintenance}\n"
        f"http: {{ addr: '{host}:{port}' }}\n"
    )
    _keep(place, pid_file.stem, [str(shutil.which("docker-registry", path=SBIN)), "serve", str(config)], pid_file)
    _wait(lambda: _registry_answers(host, port), "the registry does not answer", place.root / f"{pid_file.stem}.log")


def start_engine(place: Place, registry: str) -> None:
    """A running dockerd on the rig's own socket, bridge and data, with the registry as its mirror."""
    ranges = network.bring_up(place)
    if engine_answers(place):
        return
    config = place.root / "daemon.json"  # an empty one, or it would read the machine's
    config.write_text("{}\n")
    argv = [str(shutil.which("dockerd", path=SBIN)), "--config-file", str(config), "--host", place.host]
    argv += ["--data-root", str(place.root / "data"), "--exec-root", str(place.run / "exec")]
    argv += ["--pidfile", str(place.run / "docker.pid"), "--bridge", place.bridge, "--iptables=false"]
    argv += [
        "--default-address-pool",
        f"base={network.pool(ranges)},size=24",
        "--registry-mirror",
        f"http://{registry}",
    ]
    argv += ["--insecure-registry", f"{network.gateway(ranges)}/32"]
    if engine_pid(place) is None:
        _keep(place, "engine", argv)
    _wait(lambda: engine_answers(place), "dockerd does not answer", place.root / "engine.log")


def kill_engine(place: Place) -> None:
    """SIGKILL to dockerd alone, as a crash; containerd and the containers stay behind."""
    pid = engine_pid(place)
    assert pid is not None, "the rig's engine does not run"
    os.kill(pid, signal.SIGKILL)
    _wait(lambda: engine_pid(place) is None, "dockerd survived SIGKILL")


def end_engine(place: Place) -> None:
    """SIGTERM to dockerd, as the machine's end or an update of it; it ends the containers first."""
    pid = engine_pid(place)
    assert pid is not None, "the rig's engine does not run"
    os.kill(pid, signal.SIGTERM)
    _wait(lambda: engine_pid(place) is None, "dockerd does not end")


def stop(place: Place) -> None:
    """End engine, registry and everything they left, then the bridge and its rules."""
    mirror_pid = _living(place.run / "mirror.pid", "docker-registry")
    for pid in (engine_pid(place), mirror_pid, registry_pid(place)):
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            _wait(partial(_ended, pid), f"process {pid} does not end")
    for sent in (signal.SIGTERM, signal.SIGKILL):
        for pid in _others(place):
            os.kill(pid, sent)
        _settle(lambda: not _others(place))
    for mounted in sorted(_mounts(place), reverse=True):
        subprocess.run(["umount", "-l", mounted], check=False, capture_output=True)
    network.take_down(place)
    _trim_registry(place)
    shutil.rmtree(place.run, ignore_errors=True)


def _trim_registry(place: Place) -> None:
    """Forget images that were not built lately; only a registry that does not run may be swept."""
    old = []
    for tags in place.root.glob("registry/docker/registry/v2/repositories/*/*/_manifests/tags"):
        recipes = sorted(tags.glob("recipe-*"), key=lambda path: path.stat().st_mtime)
        old += recipes[:-RECIPES_KEPT]
    for recipe in old:
        shutil.rmtree(recipe)
    config = place.run / "registry.yml"
    if old and config.exists():
        argv = [str(shutil.which("docker-registry", path=SBIN)), "garbage-collect", "--delete-untagged", str(config)]
        subprocess.run(argv, check=False, capture_output=True)


def _keep(place: Place, name: str, argv: list[str], pid_file: Path | None = None) -> None:
    place.run.mkdir(mode=0o711, exist_ok=True)
    if pid_file:  # a shell writes its own pid and becomes the daemon
        argv = ["/bin/sh", "-c", 'echo $$ > "$0"; exec "$@"', str(pid_file), *argv]
    log = place.root / f"{name}.log"
    subprocess.run([sys.executable, "-I", str(KEEPER), str(log), *argv], check=True, env={**os.environ, "PATH": SBIN})


def _registry_answers(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/v2/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _listens(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def _living(pid_file: Path, command: str) -> int | None:
    try:
        pid = int(pid_file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if _alive(pid) and Path(os.fsdecode(words[0])).name == command else None


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _ended(pid: int) -> bool:
    return not _alive(pid)


def _others(place: Place) -> list[int]:
    """What names our run directory in its command line: containerd and its shims after a crash of dockerd."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            ours = entry.name.isdigit() and f"{place.run}/exec".encode() in (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if ours and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def _mounts(place: Place) -> list[str]:
    lines = Path("/proc/self/mounts").read_text().splitlines()
    points = [line.split()[1].encode().decode("unicode_escape") for line in lines]
    return [point for point in points if point.startswith((f"{place.root}/data", f"{place.run}/exec"))]


def _settle(true: Callable[[], bool], timeout: float = 5.0) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.05)
    return False


def _wait(true: Callable[[], bool], otherwise: str, log: Path | None = None) -> None:
    if not _settle(true, PATIENCE):
        said = "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log and log.exists() else ""
        raise RuntimeError(f"{otherwise} after {PATIENCE:.0f} s\n{said}")
