"""A tiny platform in a place of its own, of root or of a second real user, and what can be seen of it from outside."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests import artefacts
from tests.conftest import NO_ENGINE, TOOL, neighbours, ports, tree
from tests.promises import oracle
from tests.promises.place import PORTS, sweep

SYSTEM = "/usr/bin/python3"
"""A Python that every user can run."""
HANG = 60.0
"""Seconds after which a command counts as hanging."""
LEFT = "dev-specimen-"
"""With what the names of the directories of specimens begin; then the pid of the process that made it."""
CONTENT = "greeting = hello\n"
STATE = """schema = 1
[project]
name = "tiny"
[tools]
hello = "1.0"
[env]
MODE = "development"
TOKEN = {{ generate = "token", bytes = 32, secret = true }}
TOKEN_PREVIOUS = {{ required = false, secret = true }}
[files]
"conf/app.ini" = {{ content = "greeting = hello\\n" }}
"conf/spool" = {{ directory = true, mode = "0755" }}
[services.one]
kind = "command"
dev = "{command}"
debug = "{command} {{debug_port}}"
port = {port}
ready = {{ http = "/" }}
stop_grace = 1
[services.two]
kind = "command"
dev = "exec sleep 98765"
ready_after = 0.01
stop_grace = 1
"""
SERVER = """import http.server, sys
class Here(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *_): pass
if len(sys.argv) > 3:
    import socket
    held = socket.create_server(("127.0.0.1", int(sys.argv[3])))
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Here).serve_forever()
"""


@dataclass(frozen=True)
class Ran:
    """What one command gave."""

    argv: tuple[str, ...]
    code: int | None
    """None: it was ended after `HANG` seconds."""
    text: str
    """Both streams."""


@dataclass
class Specimen:
    """The platform below `base`; everything of it belongs to `uid`, and commands run as that user."""

    base: Path
    uid: int
    port: int = field(default_factory=lambda: neighbours(ports(20000, 22000), PORTS))

    @property
    def live(self) -> Path:
        """What commands work on; a copy of it as it is at the beginning is beside it."""
        return self.base / "live"

    @property
    def checkout(self) -> Path:
        return self.live / "checkout"

    @property
    def tool(self) -> Path:
        """The tool that it is used with: for another user a copy, whose Python that user can reach."""
        return TOOL if self.uid == os.geteuid() else self.base / "tool"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")}
        return kept | {
            "HOME": str(self.live / "home"), "DOCKER_HOST": NO_ENGINE, "DEV_SHARED": "no", "PIP_NO_INDEX": "1",
            "DEV_STORE": str(self.live / "store"), "PIP_FIND_LINKS": str(self.base / "index"),
            "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1",
        }  # fmt: skip

    def argv(self, *words: str) -> list[str]:
        return [str(self.tool / "dev"), "-C", str(self.checkout), *words]

    def run(self, *words: str) -> Ran:
        """`./dev WORDS` as the specimen's user, ended with its group if it hangs."""
        who = {} if self.uid == os.geteuid() else {"user": self.uid, "group": self.uid, "extra_groups": []}
        process = subprocess.Popen(
            self.argv(*words), env=self.environment(), cwd="/", text=True, errors="replace", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **who,  # type: ignore[call-overload]
        )  # fmt: skip
        try:
            text, _ = process.communicate(timeout=HANG)
            return Ran(words, process.returncode, text)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return Ran(words, None, process.communicate()[0])

    def make(self) -> None:
        """Make it, use it once so that everything is there, stop it and put a copy aside."""
        self.base.chmod(0o755)
        for place in (self.base / "index", self.checkout, self.live / "home"):
            place.mkdir(parents=True)
        if self.tool != TOOL:
            copy_of_the_tool(self.tool)
        (self.base / "server.py").write_text(SERVER)
        python = SYSTEM if os.path.exists(SYSTEM) else sys.executable
        command = f"exec {python} -S {self.base / 'server.py'} {{host}} {{port}}"
        (self.checkout / "desired_state.toml").write_text(STATE.format(port=self.port, command=command))
        (self.checkout / "desired_state.lock").write_text(artefacts.lock(artefacts.wheel(self.base / "index")))
        if self.uid != os.geteuid():
            subprocess.run(["chown", "-R", f"{self.uid}:{self.uid}", str(self.base)], check=True)
        for words in (("trust",), ("start",), ("stop",)):
            ran = self.run(*words)
            assert ran.code == 0, ran
        subprocess.run(["cp", "-a", str(self.live), str(self.base / "pristine")], check=True)

    def reset(self) -> None:
        """As after `make`, whatever became of it."""
        sweep(self.live)
        removed(self.live)
        subprocess.run(["cp", "-a", str(self.base / "pristine"), str(self.live)], check=True)

    def answers(self) -> str:
        """Why its services do not serve; empty if they do."""
        code, said = oracle.answer(self.port)
        commands = [each.command for each in oracle.processes(self.live)]
        sleeping = sum(each.endswith("98765") for each in commands)
        serving = sum(str(self.base / "server.py") in each and "shim" not in each for each in commands)
        fine = (code, said, serving, sleeping) == (200, "ok", 1, 1)
        return "" if fine else f"one answers {code} {said}; one runs {serving} times, two runs {sleeping} times"

    def wrong(self) -> str:
        """What of the managed files, the values and the tool is not as declared; empty if all is."""
        file, spool, values = (self.checkout / each for each in ("conf/app.ini", "conf/spool", ".dev/values"))
        try:
            if file.is_symlink() or file.read_text() != CONTENT or file.stat().st_mode & 0o777 != 0o644:
                return "conf/app.ini is not as declared"
            if spool.is_symlink() or not spool.is_dir() or spool.stat().st_mode & 0o777 != 0o755:
                return "conf/spool is not as declared"
            rows = [row.partition("=") for row in values.read_text().splitlines() if not row.startswith("#")]
            if values.stat().st_mode & 0o077 or len({name: value for name, _, value in rows if value}["TOKEN"]) < 32:
                return ".dev/values is open or has no TOKEN"
            hello = subprocess.run([self.live / "store/tools/hello/1.0/bin/hello"], capture_output=True)
        except (OSError, KeyError, ValueError) as problem:
            return f"{type(problem).__name__}: {problem}"
        return "" if hello.stdout == b"hello 1.0\n" else "the tool does not run"


@cache
def specimen(uid: int) -> Specimen:
    """The one of this process and that user; it is ended and removed with the process."""
    for left in Path("/tmp").glob(f"{LEFT}*"):
        if not os.path.exists(f"/proc/{left.name.removeprefix(LEFT).partition('-')[0]}"):
            _remove(left)
    made = Specimen(Path(tempfile.mkdtemp(prefix=f"{LEFT}{os.getpid()}-", dir="/tmp")), uid)
    atexit.register(_remove, made.base)
    made.make()
    return made


def _remove(base: Path) -> None:
    sweep(base)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        removed(base)


def removed(place: Path) -> None:
    """Remove it, also where something in it is immutable."""
    if subprocess.run(["rm", "-rf", str(place)], capture_output=True).returncode:
        subprocess.run(["chattr", "-R", "-f", "-i", str(place)], capture_output=True)
        subprocess.run(["chmod", "-R", "u+rwX", str(place)], capture_output=True)
        subprocess.run(["rm", "-rf", str(place)], check=True, capture_output=True)


def unreachable() -> str:
    """Why there is no specimen of another user here; empty if there is."""
    if os.geteuid():
        return "only root can become another user"
    if not os.path.exists(SYSTEM) or shutil.which("chattr") is None:
        return f"there is no {SYSTEM} or no chattr"
    told = subprocess.run([SYSTEM, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    return "" if told.stdout.split() == [*map(str, sys.version_info[:2])] else f"{SYSTEM} is another Python"


def copy_of_the_tool(place: Path) -> None:
    """The working tree with an environment whose Python is the system's, which every user can run."""
    for name in tree():
        if name.startswith(("cli/", "runtime/", "converge/", "facts/", "compose/")) or "/" not in name:
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOOL / name, place / name)
    venv, libraries = place / ".dev" / "venv", f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    subprocess.run([SYSTEM, "-m", "venv", "--without-pip", str(venv)], check=True)
    shutil.copytree(TOOL / ".dev/venv" / libraries, venv / libraries, dirs_exist_ok=True)
    shutil.copy2(TOOL / "requirements.lock", venv)
