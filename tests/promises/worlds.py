"""Shells as people have them: variables, umask, limits, signals, descriptors; and a specimen to install in them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from converge.instance import store
from tests import artefacts

EVIL = "{junk}/evil"
"""Where nothing may ever be."""


@dataclass(frozen=True)
class World:
    """What is changed in a clean shell; `{junk}` in a value is a directory with settings of other programs."""

    env: Mapping[str, str | None] = field(default_factory=dict)
    shell: str = ""
    """Words of sh before the command."""
    prepare: Callable[[], None] | None = None
    """Called in the new process."""

    def variables(self, base: Path) -> dict[str, str | None]:
        """Its variables in this place."""
        return {name: value and value.replace("{junk}", str(base / "junk")) for name, value in self.env.items()}


def _signals() -> None:
    """As `nohup`, and a shell that puts a job into the background, leave them; some are blocked."""
    for each in (signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(each, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD, signal.SIGUSR1, signal.SIGALRM})


def _limits() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _all(**env: str) -> World:
    return World(dict(env))


VARIABLES = {
    "NODE_ENV": "production", "NPM_CONFIG_OMIT": "dev", "npm_config_global": "true", "npm_config_prefix": EVIL,
    "npm_config_ignore_scripts": "true", "npm_config_userconfig": "{junk}/.npmrc", "NODE_OPTIONS": "--require=/none.js",
    "PIP_TARGET": EVIL, "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1", "PIP_CONFIG_FILE": "{junk}/pip.conf",
    "PIP_NO_BINARY": ":all:", "UV_CONFIG_FILE": "{junk}/uv.toml", "UV_PYTHON": "/bin/false",
    "UV_PROJECT_ENVIRONMENT": EVIL, "UV_LINK_MODE": "symlink", "UV_COMPILE_BYTECODE": "1", "PYTHONHOME": "/tmp",
    "PYTHONPATH": "{junk}", "PYTHONSTARTUP": "{junk}/none", "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUSERBASE": EVIL, "VIRTUAL_ENV": "/tmp/none", "CONDA_PREFIX": "/tmp/none",
    "GOFLAGS": "-mod=vendor", "GOOS": "windows", "GOARCH": "arm64", "GOBIN": EVIL, "GOWORK": "/none/go.work",
    "GO111MODULE": "off", "CGO_ENABLED": "1", "CC": "false", "GOTOOLCHAIN": "go1.99", "GIT_DIR": "/none",
    "GIT_WORK_TREE": "/none", "GIT_INDEX_FILE": "/none", "GIT_CONFIG_COUNT": "x", "BASH_ENV": "{junk}/evil.sh",
    "ENV": "{junk}/evil.sh", "CDPATH": "/tmp:/", "GREP_OPTIONS": "-v", "IFS": "e", "SHELLOPTS": "xtrace:nounset",
    "POSIXLY_CORRECT": "1", "LD_PRELOAD": "/none.so", "LC_ALL": "tr_TR.UTF-8", "LANG": "POSIX", "TZ": "garbage",
    "COLUMNS": "0", "TERM": "dumb", "NO_COLOR": "1", "CI": "true", "DOCKER_CONTEXT": "none", "DOCKER_CONFIG": "/none",
    "COMPOSE_FILE": "/none.yaml", "COMPOSE_PROJECT_NAME": "evil", "COMPOSE_PROFILES": "none", "PGDATA": "/none",
    "PGHOST": "database.example", "PGOPTIONS": "-c x", "PGSERVICE": "x", "PGSSLMODE": "verify-full",
    "REDISCLI_AUTH": "x", "PORT": "1", "HOST": "0.0.0.0", "DATABASE_URL": "postgres://database.example/production",
    "HTTP_PROXY": "http://127.0.0.1:9", "XDG_CACHE_HOME": "relative", "XDG_CONFIG_HOME": "relative",
    "XDG_DATA_HOME": "relative", "XDG_STATE_HOME": "relative", "XDG_RUNTIME_DIR": "relative", "TMPDIR": "/none/tmp",
    "TAR_OPTIONS": "--nonsense", "BLOCK_SIZE": "1G", "SHELL": "/bin/false", "PLAIN": "no", "MAKEFLAGS": "-j9",
}  # fmt: skip
"""Each is a world of its own."""
WORLDS: dict[str, World] = {
    **{f"{name}={value}": World({name: value}) for name, value in VARIABLES.items()},
    "every variable together": World(VARIABLES),
    "no HOME": World({"HOME": None}), "an empty HOME": _all(HOME=""), "a relative HOME": _all(HOME="relative"),
    "a HOME that is not there": _all(HOME="/none/home"), "a TMPDIR with blanks": _all(TMPDIR="{junk}/t m p ü"),
    "no TERM": World({"TERM": None}), "no LANG": World({"LANG": None}), "a locale that is none": _all(LC_ALL="xx.none"),
    "umask 000": World(shell="umask 000"), "umask 027": World(shell="umask 027"),
    "umask 077": World(shell="umask 077"), "umask 777": World(shell="umask 777"),
    "256 files": World(prepare=_limits), "signals ignored": World(prepare=_signals),
    "core files": World(shell="ulimit -c unlimited || :"), "a small stack": World(shell="ulimit -s 2048"),
    "standard input closed": World(shell="exec <&-"), "standard output closed": World(shell="exec >&-"),
    "more descriptors": World(shell="exec 6</etc 7</dev/null 8>/dev/null 9</etc/passwd"),
    "low priority": World(prepare=lambda: os.setpriority(os.PRIO_PROCESS, 0, 10)),
    "other settings in the directory": World(shell='cd "$JUNK"', env={"JUNK": "{junk}"}),
    "a directory that is gone": World(
        shell='mkdir "$JUNK/gone"; cd "$JUNK/gone"; rmdir "$JUNK/gone"', env={"JUNK": "{junk}"}
    ),
    "a PATH with relative places": World(shell='cd "$JUNK"; PATH=.:bin:$PATH::/none', env={"JUNK": "{junk}"}),
}  # fmt: skip


def lacking() -> str:
    """Why the specimen cannot be installed on this machine; empty if it can."""
    programs = [name for name in ("npm", "node", "git") if not shutil.which(name)]
    return f"there is no {programs[0]}" if programs else "" if _uv() else "there is no uv"


def _uv() -> str:
    found = shutil.which("uv") or next(map(str, store().glob("tools/uv/*/bin/uv")), "")
    return os.path.dirname(found)


def clean(base: Path) -> dict[str, str]:
    """A shell without anything special, whose package index is a directory."""
    index = base / "index"
    system = [os.path.dirname(shutil.which(name) or "/usr/bin/x") for name in ("node", "git")]
    return {
        "PATH": os.pathsep.join([_uv(), *dict.fromkeys(system), "/usr/local/bin", os.defpath]),
        "HOME": str(base / "home"), "LANG": "C.UTF-8",
        "TERM": "xterm", "DEV_TRUST": "1", "DEV_SHARED": "no", "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(index), "PIP_RETRIES": "0", "UV_OFFLINE": "1", "UV_DEFAULT_INDEX": index.as_uri(),
        "UV_FIND_LINKS": str(index), "npm_config_offline": "true",
    }  # fmt: skip


STATE = """schema = 1
[project]
name = "world"
hooks_path = ".hooks"
[tools]
hello = "1.0"
[env]
PLAIN = "yes"
TOKEN = {{ generate = "token", secret = true }}
[files]
"out/made.txt" = {{ content = "made\\n", mode = "0640" }}
"out/spool" = {{ directory = true, mode = "0750" }}
[services.py]
kind = "python"
path = "py"
port = {port}
dev = "exec python3 -I -m http.server {{port}} --bind {{host}}"
[services.web]
kind = "node"
path = "web"
dev = "exec sleep 1000"
ready_after = 0.1
[tests.suite]
command = "umask >made-by-test; pwd | wc -l >>made-by-test; echo $PLAIN ${{DATABASE_URL:-none}} >>made-by-test"
"""


def specimen(base: Path, port: int) -> Path:
    """A checkout with packages of Python and Node, a tool, files and values; next to it its index and junk."""
    checkout, index = base / "checkout", base / "index"
    for each in (checkout / "py", checkout / "web", index, base / "home"):
        each.mkdir(parents=True)
    _junk(base / "junk")
    hello, library = artefacts.wheel(index), artefacts.wheel(index, "library")
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    (checkout / "py/requirements.lock").write_text(f"library==1.0 --hash=sha256:{digest}\n")
    (checkout / "desired_state.lock").write_text(artefacts.lock(hello))
    (checkout / "desired_state.toml").write_text(STATE.format(port=port))
    subprocess.run(["git", "init", "--quiet", str(checkout)], check=True, capture_output=True)
    _package(checkout / "web")
    return checkout


def _package(place: Path) -> None:
    """A package that only development needs."""
    about, content = tarfile.TarInfo("package/package.json"), b'{"name": "dev-only", "version": "1.0.0"}'
    about.size = len(content)
    with gzip.GzipFile(place / "dev-only.tgz", "wb", mtime=0) as file, tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(about, io.BytesIO(content))
    digest = base64.b64encode(hashlib.sha512((place / "dev-only.tgz").read_bytes()).digest()).decode()
    root = {"name": "web", "version": "1.0.0", "devDependencies": {"dev-only": "file:dev-only.tgz"}}
    one = {"version": "1.0.0", "resolved": "file:dev-only.tgz", "dev": True, "integrity": f"sha512-{digest}"}
    packages = {"": root, "node_modules/dev-only": one}
    (place / "package.json").write_text(json.dumps(root))
    lock = {"name": "web", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    (place / "package-lock.json").write_text(json.dumps(lock))


def _junk(place: Path) -> None:
    """Settings of other programs that nobody declared, and programs that only pretend to be others."""
    evil = EVIL.format(junk=place)
    (place / "bin").mkdir(parents=True)
    (place / "t m p ü").mkdir()
    for name, text in {
        "uv.toml": f'no-binary = true\nno-build = false\n[pip]\ntarget = "{evil}"\n',
        ".npmrc": f"omit=dev\nprefix={evil}\n", "pip.conf": f"[global]\ntarget = {evil}\n",
        "go.env": "GOFLAGS=-mod=vendor\nGOOS=windows\n", ".netrc": "machine none login none password none\n",
        "evil.sh": "export PATH=/none; exit 3\n", "sitecustomize.py": "raise SystemExit(9)\n",
    }.items():  # fmt: skip
        (place / name).write_text(text)
    for name in ("git", "id", "uname", "df", "python3", "node", "npm", "uv", "cut", "sed", "cmp", "readlink"):
        (place / "bin" / name).write_text("#!/bin/sh\necho a program of nobody >&2\nexit 9\n")
        (place / "bin" / name).chmod(0o755)
