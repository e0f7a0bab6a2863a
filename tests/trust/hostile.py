"""Checkouts that attack the user who looks at them: each function writes one that leaves a canary if it succeeds."""

from __future__ import annotations

import json
import os
import pickle
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from converge import schema
from facts import processes
from tests.conftest import HEAD

FAKES = ("git", "docker", "docker-compose", "go", "node", "npm", "uv", "python", "python3", "sudo", "sh", "id", "uname",
         "sha256sum", "shasum", "ls", "cat", "df", "air", "dlv", "systemctl", "cmp", "readlink", "ps")  # fmt: skip
"""Programs that some look may call by name."""
SERVICE = '[services.w]\nkind = "command"\ndev = "touch CANARY"\nport = 20871\n'


@dataclass
class Hostile:
    """One checkout, where its canaries come into being, and what it may attack."""

    path: Path
    canaries: Path
    victim: processes.Process
    listeners: dict[str, str]
    """Addresses on which the test listens: a program that connects was sent there by the checkout."""
    env: dict[str, str] = field(default_factory=dict)

    @property
    def touch(self) -> str:
        """A shell command that leaves a canary."""
        return f"touch {shlex.quote(str(self.canaries / 'ran'))}"

    def write(self, name: str, text: str | bytes, mode: int = 0o644) -> Path:
        """A file of the checkout."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            text = text.replace("CANARY", str(self.canaries / "ran")).encode()
        path.write_bytes(text)
        path.chmod(mode)
        return path

    def state(self, text: str) -> None:
        """Its desired state."""
        self.write("desired_state.toml", HEAD + text)
        self.write("desired_state.lock", "schema = 1\n[tools]\n")

    def program(self, name: str) -> Path:
        """A program that leaves a canary, and says that it is a version."""
        return self.write(name, f"#!/bin/sh\n/usr/bin/{self.touch}\necho 9.9.9\n", 0o755)

    def run(self, component: str = "w") -> str:
        """Where a shim would write of the component."""
        return f".dev/instances/default/run/{component}"

    def record(self, component: str = "w", **more: Any) -> None:
        """What a shim would have written down of its processes."""
        value = {"moment": processes.moment(), "uids": [self.victim.uid, os.getuid()], **more}
        self.write(f"{self.run(component)}/{processes.RECORD}", json.dumps(value))


class Canary:
    """Leaves a directory when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (self.path,)


Maker = Callable[[Hostile], None]
ALL: dict[str, Maker] = {}


def hostile(make: Maker) -> Maker:
    """One of the corpus."""
    ALL[make.__name__] = make
    return make


def variants(names: tuple[str, ...]) -> Callable[[Callable[[Hostile, str], None]], None]:
    """One of the corpus for each name."""

    def add(make: Callable[[Hostile, str], None]) -> None:
        for name in names:
            ALL[f"{make.__name__} {name}"] = lambda it, name=name: make(it, name)  # type: ignore[misc]

    return add


def poison(it: Hostile) -> bytes:
    return pickle.dumps(Canary(it.canaries / "unpickled"))


# caches


@variants(("desired.pickle", "versions.json", "compose-0123456789abcdef.json", "bytecode/cli/main.cpython-311.pyc"))
def cache(it: Hostile, name: str) -> None:
    it.state('[tools]\nnode = "1.2.3"\n' + SERVICE)
    it.write(f".dev/cache/{name}", poison(it))
    it.write(f".dev/cache/desired/{schema.cached(it.path)}", poison(it))


# forged state


@variants(("known", "keepers", "sessions"))
def forged_processes(it: Hostile, what: str) -> None:
    it.state(SERVICE)
    it.record(**{what: [list(it.victim.identity)]})
    it.write(f"{it.run()}/state.json", json.dumps({"state": "running", "pid": it.victim.pid, "shim": it.victim.pid}))


@variants(("running", "backoff", "stopped", "no-such-state"))
def forged_state(it: Hostile, state: str) -> None:
    it.state(SERVICE)
    it.write(f"{it.run()}/state.json", json.dumps({"state": state, "pid": it.victim.pid, "reason": "\x1b]0;x\x07"}))
    it.write(f"{it.run()}/lock", "")


@hostile
def forged_undeclared(it: Hostile) -> None:
    it.state("")
    for name in ("dev-edge", "gone", "..", "a\x1b[2Jb"):
        if name != "..":
            it.record(name, known=[list(it.victim.identity)], keepers=[list(it.victim.identity)])


@hostile
def forged_migration(it: Hostile) -> None:
    it.state(SERVICE + 'migrate = "touch CANARY"\n')
    about = {"pid": it.victim.pid, "start": it.victim.start, "began": "1e400"}
    it.write(f"{it.run()}/migrating.json", json.dumps(about))
    it.write(f"{it.run()}/failure.json", json.dumps({"because": ["\x1b[2J"], "hint": {}}))


@variants(("list", "number", "deep", "huge", "types"))
def damaged(it: Hostile, how: str) -> None:
    texts = {
        "list": "[]", "number": "1", "deep": "[" * 100_000, "huge": "9" * 10_000,
        "types": '{"state": [], "pid": {}, "began": "x", "restarts": null, "name": 1, "until": "x", "since": []}',
    }  # fmt: skip
    it.state(SERVICE)
    for name in ("state.json", "spec.json", "processes.json", "served", "ready.json", "migrating.json", "failure.json"):
        it.write(f"{it.run()}/{name}", texts[how])
    for name in ("handoff/w.json", "placed/w", "routes/owner.map", "compose/applied.json", "compose/network.json"):
        it.write(f".dev/instances/default/{name}", texts[how])


@hostile
def handed_off(it: Hostile) -> None:
    it.state(SERVICE)
    entry = {"name": "w", "state": "IDE_WAIT", "home": "native", "since": 1e300, "host": "127.0.0.1"}
    it.write(".dev/instances/default/handoff/w.json", json.dumps(entry))


@variants(("tcp", "unix"))
def another_engine(it: Hostile, kind: str) -> None:
    it.state(SERVICE)
    it.write(".dev/instances/default/compose/engine", it.listeners[kind] + "\n")


# files that are no plain files


@variants(("desired_state.toml", "desired_state.local.toml", "desired_state.lock", ".dev", ".dev/values", ".dev/lock",
           ".dev/instances/default/logs/w.log", ".dev/instances/default/run/w/lock",
           "web/package-lock.json"))  # fmt: skip
def pipe(it: Hostile, name: str) -> None:
    it.state(SERVICE + '[services.web]\nkind = "node"\npath = "web"\n[tools]\nnode = "1.2.3"\n')
    path = it.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)


@variants(("desired_state.toml", "desired_state.local.toml", ".dev", ".dev/values", ".dev/instances",
           ".dev/instances/default/logs/w.log"))  # fmt: skip
def link(it: Hostile, name: str) -> None:
    it.state(SERVICE)
    outside = it.path.parent / f"{it.path.name} outside"
    outside.mkdir()
    (outside / "file").write_text("secret that is none of yours\n")
    path = it.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(outside if name in (".dev", ".dev/instances") else outside / "file")


@hostile
def loop(it: Hostile) -> None:
    it.state(SERVICE)
    (it.path / ".dev").mkdir()
    (it.path / ".dev/instances").symlink_to("instances")


@hostile
def managed_file(it: Hostile) -> None:
    it.state('[files."a/b"]\ncontent = "x"\n[files."pipe"]\ncontent = "x"\n')
    (it.path / "a").symlink_to("/etc")
    os.mkfifo(it.path / "pipe")


# git


@variants(("core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "core.askPass", "diff.external",
           "filter.x.clean", "credential.helper", "gpg.program", "pager.config", "alias.config",
           "interactive.diffFilter"))  # fmt: skip
def git_config(it: Hostile, key: str) -> None:
    it.state('hooks_path = ".hooks"\n' + SERVICE)
    subprocess.run(["git", "init", "-q", it.path], check=True)
    value = str(it.program("tool")) if key != "alias.config" else f"!{it.program('tool')}"
    subprocess.run(["git", "-C", it.path, "config", key, value], check=True)
    it.write(".gitattributes", "* filter=x\n")
    it.write(".git/hooks/post-index-change", f"#!/bin/sh\n{it.touch}\n", 0o755)


# tools and PATH


@variants(("../../../tool", "/bin/sh", "./tool", "tool;touch", "$(tool)", "-rf", "a b"))
def tool_by_path(it: Hostile, name: str) -> None:
    it.program("tool")
    it.program("1.2.3/bin/tool")
    it.state(f"[tools]\n{json.dumps(name)} = '1.2.3'\n" + SERVICE)


@hostile
def tool_of_the_user(it: Hostile) -> None:
    """A program that its user would never run just to look at a checkout."""
    place = it.path.parent / f"{it.path.name} programs"
    place.mkdir()
    it.program("deploy").rename(place / "deploy")
    it.env["PATH"] = f"{place}:{os.environ['PATH']}"
    it.state('[tools]\ndeploy = "1.2.3"\n')


@variants((".", "", "bin", "{path}", "{path}/bin", "{link}"))
def path_entry(it: Hostile, entry: str) -> None:
    for name in FAKES:
        it.program(f"bin/{name}")
        it.program(name)
    away = it.path.parent / f"{it.path.name} link"
    away.symlink_to(it.path / "bin")
    it.env["PATH"] = f"{entry.format(path=it.path, link=away)}:{os.environ['PATH']}"
    it.state('hooks_path = "x"\n' + SERVICE + '[tools]\ngo = "1"\nnode = "1"\nuv = "1"\n')


# what programs read where they are started


@hostile
def start_files(it: Hostile) -> None:
    evil = f"import os; os.mkdir({str(it.canaries / 'imported')!r})\n"
    for name in ("sitecustomize.py", "usercustomize.py", "json.py", "conftest.py", "facts.py", "typing.py"):
        it.write(name, evil)
    texts = {
        ".env": "PATH=.\n", "pip.conf": "[global]\nindex-url = http://127.0.0.1:1\n", ".npmrc": "script-shell=./tool\n",
        "uv.toml": "no-index = true\n", "pyproject.toml": "[build-system\n", ".yarnrc.yml": "yarnPath: ./tool\n",
        "rust-toolchain.toml": '[toolchain]\npath = "."\n', "go.mod": "module x\ngo 1.99\ntoolchain go1.99.9\n",
        ".python-version": "./tool\n", ".envrc": it.touch, "compose.yaml": "services: [",
        "docker-compose.yml": "services: {}\n", "compose/services.yaml": "include: [CANARY]\n",
    }  # fmt: skip
    for name, text in texts.items():
        it.write(name, text)
    it.program("tool")
    it.state('[tools]\ngo = "1"\nnode = "1"\nuv = "1"\npython = "3.11"\nrustc = "1.0"\nyarn = "1.0"\n' + SERVICE)


@hostile
def planted_python(it: Hostile) -> None:
    for name in (".dev/venv/bin/python", ".dev/services/w/venv/bin/python", "node_modules/.bin/next", "dev"):
        it.program(name)
    it.write(".dev/venv/requirements.lock", "")
    it.write(".dev/services/w/dependencies", "x\n")
    it.state('[services.w]\nkind = "python"\napp = "a:b"\nport = 20871\n[tools]\npython = "3.11"\nuv = "1"\n')


# what the desired state may say


@hostile
def commands(it: Hostile) -> None:
    it.state(
        f"""system_test = "{it.touch}"
hooks_path = ".hooks"
[packages]
p = {{ command = "$({it.touch})|-v|`{it.touch}`", apt = "-o Dpkg::Pre-Invoke::={it.touch}" }}
[env]
A = {{ value = "$({it.touch})" }}
[infra.cache]
port = 20872
run = "{it.touch}"
ready = {{ exec = "{it.touch}" }}
[services.w]
kind = "command"
dev = "{it.touch}"
migrate = "{it.touch}"
test = "{it.touch}"
debug = "{it.touch}"
ready = {{ exec = "{it.touch}" }}
env = {{ NODE_OPTIONS = "--require ./tool", LD_PRELOAD = "./tool" }}
[tests.t]
command = "{it.touch}"
""",
    )


@hostile
def endless_pattern(it: Hostile) -> None:
    it.state('[env]\nA = { pattern = "^(a+)+$" }\n' + SERVICE + 'ready = { log = "^(a+)+$" }\n')
    it.write(".dev/values", "A=" + "a" * 60 + "!\n", 0o600)
    it.write(".dev/instances/default/logs/w.log", f"2026-01-01T00:00:00.000Z output {'a' * 60}!\n")


@hostile
def whole_disk(it: Hostile) -> None:
    """A migration whose inputs would be every file there is."""
    it.state(SERVICE + 'migrate = "x"\nwatch = ["../../../../../../../.."]\n')


@variants(("toml", "log", "values", "lock"))
def huge(it: Hostile, what: str) -> None:
    it.state(SERVICE + '[tools]\nnode = "1.2.3"\n')
    names = {"log": ".dev/instances/default/logs/w.log", "values": ".dev/values", "lock": "desired_state.lock"}
    path = it.write(names.get(what, "desired_state.toml"), "")
    os.truncate(path, 20_000_000_000)  # sparse: it takes no room


@variants(("toml", "directories", "lock"))
def deep(it: Hostile, what: str) -> None:
    it.state(SERVICE + '[tools]\nnode = "1.2.3"\n')
    if what == "directories":
        (it.path / ".dev/instances" / "/".join(["d"] * 300)).mkdir(parents=True)
    else:
        it.write(f"desired_state.{what}", "a = " + "[" * 50_000)


@hostile
def escapes(it: Hostile) -> None:
    sequence = "\x1b]0;title\x07\x1b[2J\x9b2J\x08\r"
    it.state(SERVICE + '[services.v]\nkind = "command"\ndev = "\\u001b[2J"\n[env]\nB = "\\u009b2J"\n')
    for name in ("w", "v"):
        stamp = "2026-01-01T00:00:00.000Z output "
        it.write(f".dev/instances/default/logs/{name}.log", f"{stamp}{sequence}hello\n")
        it.write(f"{it.run(name)}/state.json", json.dumps({"state": "failed", "reason": sequence}))
    it.write(".dev/journal", sequence)
