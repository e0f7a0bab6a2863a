"""Gets a Docker engine to run: by systemd, by its init script, or itself; what its log complains about is set right."""

from __future__ import annotations

import os
import re
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import facts.daemon
import facts.docker
from converge import network
from converge.errors import DevError, Exit
from converge.machine import Machine
from converge.redaction import patterns
from facts.docker import Here
from facts.value import dataclass, field

LOG = "/var/log/dev-dockerd.log"
"""What an engine that we started ourselves says."""
CONFIG, PID = "etc/docker/daemon.json", "var/run/docker.pid"
ANSWER_TIMEOUT = 40.0
"""Seconds from an engine's start to its first answer; with thousands of layers it needs many."""
LOADING_TIMEOUT = 180.0
"""Seconds that an engine started by ./dev has while its process lives."""
STARTED_TIMEOUT = 15.0
"""Seconds that an engine has after it reported that it started."""
SETTINGS = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE",
            "SSL_CERT_DIR")  # fmt: skip
"""What an engine needs of our environment to reach a registry."""
START = """set -u
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; export PATH
[ -d {socket} ] && ! [ -L {socket} ] && rmdir {socket}
mkdir -p {directory}
getent group docker >/dev/null || groupadd --system docker
rm -f {state}
setsid sh -c '
    boot=$(cat /proc/sys/kernel/random/boot_id); start=$(cut -d" " -f22 /proc/$$/stat)
    printf "{{\\"pid\\": %s, \\"start\\": %s, \\"boot\\": \\"%s\\"}}\\n" $$ "$start" "$boot" >{state}
    {secret}exec env {settings} {program} {options}' </dev/null >{log} 2>&1 &
n=0
while [ $n -lt {tenths} ]; do
    sleep 0.1; n=$((n + 1))
    grep -q "API listen on" {log} && exit 0
    pid=$(sed -n "s/.*\\"pid\\": \\([0-9]*\\).*/\\1/p" {state} 2>/dev/null)
    [ -z "$pid" ] || kill -0 "$pid" 2>/dev/null || {{ rm -f {state}; tail -n 6 {log} >&2; exit 1; }}
done"""
"""Starts dockerd in a session of its own, writes down who it is, and waits for its first answer or its last words."""
JOURNAL = """systemctl reset-failed docker.socket docker 2>/dev/null
systemctl start docker && exit 0
journalctl _SYSTEMD_UNIT=docker.service -n 8 -o cat --no-pager >&2; exit 1"""
"""A second try, as systemd itself gives up after five in a row; what the engine said, without what systemd adds."""
CGROUPS = """set -e
if awk '!/^#/ && $2 != 0 {found = 1} END {exit !found}' /proc/cgroups || ! grep -qw cgroup2 /proc/filesystems; then
    mountpoint -q /sys/fs/cgroup || mount -t tmpfs -o mode=0755 cgroup /sys/fs/cgroup
    for name in $(awk '!/^#/ && $4 == 1 {print $1}' /proc/cgroups); do
        mkdir -p "/sys/fs/cgroup/$name"
        mountpoint -q "/sys/fs/cgroup/$name" || mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" || true
    done
else
    mountpoint -q /sys/fs/cgroup || mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi"""
"""Version 1 where the kernel's controllers are bound to it already, else version 2."""
VFS = """set -e; mkdir -p /etc/docker; cd /etc/docker
[ -e daemon.json ] || echo '{"storage-driver": "vfs"}' >daemon.json"""
"""systemd takes no options from the command line; an existing file is not ours."""
LEGACY = "update-alternatives --set iptables /usr/sbin/iptables-legacy"
STALE = """pid=$(cat /var/run/docker.pid)
case "$(cat /proc/$pid/comm 2>/dev/null)" in
dockerd) echo "dockerd runs as pid $pid and does not listen" >&2; exit 1 ;;
*) mv /var/run/docker.pid /var/run/docker.pid.stale ;;
esac"""
"""The number of a dockerd that is gone was given to another process since."""


@dataclass
class Attempt:
    """What the next start is given; a cure may change it."""

    machine: Machine
    manager: str | None
    mirror: str
    here: Here
    patience: float
    options: list[str] = field(default_factory=list)
    scripted: bool = True
    """Whether the init script is still worth a try; it takes no mirror."""


def start(
    machine: Machine,
    mirror: str = "",
    manager: str | None = None,
    here: Here | None = None,
    patience: float = STARTED_TIMEOUT,
) -> None:
    """Let an engine answer on the default socket. Raises DevError `engine-failed` with what it said of itself.

    Each thing its log may complain about is cured once; an engine that runs already is taken as it is.
    """
    if any(patterns.userinfo(mirror)):
        raise DevError(
            "value-wrong", "the registry mirror has a user or a password in its address",
            because="the Docker engine refuses such an address, and it would be in its command line",
            hint="remove it from docker.mirror or DEV_REGISTRY_MIRROR; `docker login` keeps a password",
            exit=Exit.BAD_STATE,
        )  # fmt: skip
    attempt = Attempt(machine, manager, mirror, here or Here(), patience, scripted=not mirror)
    cured: set[str] = set()
    while (said := _started(attempt)) is not None:
        name = next((name for name, cure in CURES.items() if name not in cured and re.search(cure.said, said)), None)
        if name is None:
            raise DevError(
                "engine-failed", "the Docker engine does not start", because=_words(said),
                hint='read its log; to work without Docker, set docker.engine = "off" in desired_state.local.toml',
            )  # fmt: skip
        machine.say(f"the engine reports: {_words(said)}; {CURES[name].does}")
        cured.add(name)
        CURES[name].cure(attempt)


def stop_own(machine: Machine) -> bool:
    """End the engine that we started ourselves, with its containers; whether there was one."""
    pid = facts.daemon.own()
    if not pid:
        return False
    machine.say(f"stopping the Docker engine (pid {pid})")
    # it gives its containers 10 s
    wait = f"n=0; while kill -0 {pid} 2>/dev/null && [ $n -lt 300 ]; do sleep 0.1; n=$((n + 1)); done"
    machine.pyinfra(
        "server.shell", commands=[f"kill {pid}; {wait}; ! kill -0 {pid} 2>/dev/null && rm -f {facts.daemon.STATE}"]
    )
    return True


def by_hand(daemon: facts.daemon.Daemon) -> str:
    """What a person would type to start the engine."""
    if daemon.systemd:
        return "sudo systemctl enable --now docker"
    if daemon.script:
        return "sudo service docker start"
    return f"sudo sh -c 'setsid dockerd </dev/null >{LOG} 2>&1 &'"


def _started(attempt: Attempt) -> str | None:
    """None if an engine answers; else what the last way to start it said."""
    here = attempt.here
    if _answers(here, 0.0):
        return None
    machine, daemon = attempt.machine, facts.daemon.look(here)
    if not daemon.program:
        return "there is no dockerd"
    if daemon.systemd and daemon.unit:  # it listens on the socket in the engine's place, even where that fails
        machine.say("systemd starts the Docker engine")
        return _tried(attempt, "systemd.service", service="docker", running=True, enabled=True) and _tried(
            attempt, "server.shell", commands=[JOURNAL]
        )
    _refuse_stranger(attempt)
    if daemon.script and attempt.scripted:
        machine.say("its init script starts the Docker engine")
        # the script's own word is worth nothing: it may be denied, or fail after it has started the engine
        if _tried(attempt, "sysvinit.service", service="docker", running=True) is None:
            return None
        attempt.scripted = False
    machine.say("starting the Docker engine")
    deadline = time.monotonic() + LOADING_TIMEOUT
    with _passwords(here) as secret:
        script = command(daemon.program, attempt.mirror, attempt.options, here, secret)
        said = _tried(attempt, "server.shell", commands=[script])
    while said is not None and facts.daemon.look(here).own and time.monotonic() < deadline:
        said = None if _answers(here, 1.0) else said
    return said


def _refuse_stranger(attempt: Attempt) -> None:
    """Raise DevError if a process that is not an engine listens on the socket: a second engine would replace it."""
    seen = facts.docker.look(attempt.here)
    there = seen.state == "down" and os.path.exists(seen.host.removeprefix("unix://"))
    if there and not _answers(attempt.here, attempt.patience):
        raise DevError(
            "engine-failed", "a process listens on the engine's socket and does not answer", because=seen.because,
            hint="find the process: sudo ss -xlp | grep docker.sock",
        )  # fmt: skip


def _tried(attempt: Attempt, operation: str, **args: object) -> str | None:
    """None if an engine answers after the operation, else what was said."""
    try:
        attempt.machine.pyinfra(operation, **args)
    except DevError as problem:
        twice = "pid file found" in problem.because and _lives(attempt.here)
        return None if _answers(attempt.here, attempt.patience if twice else 0.5) else problem.because
    return None if _answers(attempt.here, attempt.patience) else "it was started but does not answer"


def _lives(here: Here) -> bool:
    """Whether the engine's number is an engine's; after a crash it may have been given to any process."""
    try:
        pid = (here.root / PID).read_text().strip()
        return Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd"
    except OSError:
        return False


@contextmanager
def _passwords(here: Here) -> Iterator[str]:
    """A file (0600) that sets the proxies with a password, as every user can read a command line; empty without any."""
    env = network.environment(here.env)
    words = [
        f"export {name}={shlex.quote(env[name])}" for name in SETTINGS if any(patterns.userinfo(env.get(name, "")))
    ]
    if not words:
        yield ""
        return
    with tempfile.NamedTemporaryFile("w", prefix="dev-engine-") as file:
        file.write("\n".join([*words, ""]))
        file.flush()
        yield file.name


def command(program: str, mirror: str, options: list[str], here: Here, secret: str = "") -> str:
    """One POSIX sh script that starts the engine as root; what daemon.json says is not said twice.

    `secret` is a file with settings that have a password.
    """
    config = here.root / CONFIG
    known = config.read_text() if os.access(config, os.R_OK) else ""
    given = [*options, *([f"--registry-mirror={mirror}"] if mirror else [])]
    given = [option for option in given if option[2:].partition("=")[0] not in known]
    env = network.environment(here.env)
    settings = [f"{name}={env[name]}" for name in SETTINGS if env.get(name) and not any(patterns.userinfo(env[name]))]
    inner = [" ".join(shlex.quote(word) for word in words) for words in (settings, given, [secret])]
    inner = [text.replace("'", "'\\''") for text in inner]
    return START.format(
        socket=facts.docker.SOCKET, directory=os.path.dirname(facts.daemon.STATE), state=facts.daemon.STATE,
        secret=f". {inner[2]}; " if secret else "", settings=inner[0], program=program, options=inner[1], log=LOG,
        tenths=int(ANSWER_TIMEOUT * 10),
    )  # fmt: skip


def _answers(here: Here, patience: float) -> bool:
    """Whether an engine listens, as far as this user can tell; `patience` in seconds."""
    deadline = time.monotonic() + patience
    while facts.docker.look(here).state not in ("ready", "denied"):
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)
    return True


def _words(said: str) -> str:
    """The last line of a log, without its time and level: dockerd ends with the reason."""
    return re.sub(r'^time="[^"]*" level=\w+ msg="(.*)"$', r"\1", said.split(" | ")[-1].strip())[-400:]


@dataclass(frozen=True)
class Cure:
    """What a failed start says, what is done about it, in words and in deed."""

    said: str
    does: str
    cure: Callable[[Attempt], None]


def _shell(script: str) -> Callable[[Attempt], None]:
    return lambda attempt: attempt.machine.pyinfra("server.shell", commands=[script])


def _install_iptables(attempt: Attempt) -> None:
    if attempt.manager:
        attempt.machine.pyinfra(f"{attempt.manager}.packages", packages=["iptables"])


def _vfs(attempt: Attempt) -> None:
    around = facts.daemon.look(attempt.here)
    if around.systemd and around.unit:
        attempt.machine.pyinfra("server.shell", commands=[VFS])
    else:
        attempt.options.append("--storage-driver=vfs")


CURES = {
    "pid": Cure("pid file found", "its pid belongs to another process now", _shell(STALE)),
    "cgroups": Cure(
        r"(?i)cgroup\S* (isn't|is not|not) mounted|cgroup mountpoint does not exist|no cgroup mount found",
        "mounting the control groups", _shell(CGROUPS),
    ),
    "iptables": Cure(r"(?i)iptables(\": executable file)? not found", "installing iptables", _install_iptables),
    "nft": Cure(
        r"(?i)failed to initialize nft|iptables.*(table does not exist|protocol not supported)",
        "this kernel supports only the legacy iptables", _shell(LEGACY),
    ),
    "overlay": Cure(
        r"(?i)graphdriver|overlay.*(not supported|not permitted|invalid argument)|storage.driver",
        "using the storage driver vfs, which is slow and needs much disk space", _vfs,
    ),
}  # fmt: skip
"""Complaint -> cure, tried in this order and each once."""
