"""A tiny platform in a place of its own, of root or of a second real user, and what can be seen of it from outside."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests import artefacts
from tests.conftest import NO_ENGINE, TOOL, tree, wait_until

SYSTEM = "/usr/bin/python3"
"""A Python that every user can run."""
HANG = 60.0
"""Seconds after which a command counts as hanging."""
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
port = {port}
{debug}ready = {{ http = "/" }}
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
    port: int
    uid: int = field(default_factory=os.geteuid)
    debug: bool = False
    """Whether one has a debugger."""

    @property
    def checkout(self) -> Path:
        return self.base / "live" / "checkout"

    @property
    def home(self) -> Path:
        return self.base / "live" / "home"

    @property
    def store(self) -> Path:
        return self.base / "live" / "store"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "LC_ALL")}
        return kept | {
            "HOME": str(self.home), "DOCKER_HOST": NO_ENGINE, "DEV_SHARED": "no", "DEV_STORE": str(self.store),
            "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.base / "index"), "PIP_CONFIG_FILE": os.devnull,
            "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1",
        }  # fmt: skip

    @property
    def tool(self) -> Path:
        """The tool that it is used with: for another user a copy, whose Python that user can reach."""
        return TOOL if self.uid == os.geteuid() else self.base / "tool"

    def argv(self, *words: str) -> list[str]:
        return [str(self.tool / "dev"), "-C", str(self.checkout), *words]

    def popen(self, argv: list[str]) -> subprocess.Popen[str]:
        """The command as the specimen's user, in a process group of its own."""
        who = {} if self.uid == os.geteuid() else {"user": self.uid, "group": self.uid, "extra_groups": []}
        return subprocess.Popen(
            argv, env=self.environment(), cwd="/", text=True, errors="replace", stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **who,  # type: ignore[call-overload]
        )  # fmt: skip

    def run(self, *words: str) -> Ran:
        """`./dev WORDS`, ended with its group if it hangs."""
        process = self.popen(self.argv(*words))
        try:
            text, _ = process.communicate(timeout=HANG)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            return Ran(words, None, text)
        return Ran(words, process.returncode, text)

    def make(self) -> None:
        """Make it, use it once so that everything is there, stop it and put a copy aside."""
        self.base.mkdir(parents=True, exist_ok=True)
        self.base.chmod(0o755)
        for place in (self.base / "index", self.checkout, self.home):
            place.mkdir(parents=True, exist_ok=True)
        if self.tool != TOOL:
            copy_of_the_tool(self.tool)
        wheel = artefacts.wheel(self.base / "index")
        (self.base / "server.py").write_text(SERVER)
        python = SYSTEM if os.path.exists(SYSTEM) else sys.executable
        command = f"exec {python} -S {self.base / 'server.py'} {{host}} {{port}}"
        debug = f'debug = "{command} {{debug_port}}"\n' if self.debug else ""
        text = STATE.format(port=self.port, command=command, debug=debug)
        (self.checkout / "desired_state.toml").write_text(text)
        (self.checkout / "desired_state.lock").write_text(artefacts.lock(wheel))
        subprocess.run(["chown", "-R", f"{self.uid}:{self.uid}", str(self.base)], check=True)
        for words in (("trust",), ("start",), ("stop",)):
            ran = self.run(*words)
            assert ran.code == 0, ran
        shutil.rmtree(self.base / "pristine", ignore_errors=True)
        subprocess.run(["cp", "-a", str(self.base / "live"), str(self.base / "pristine")], check=True)

    def reset(self) -> None:
        """As after `make`, whatever became of it."""
        self.kill()
        live = self.base / "live"
        if subprocess.run(["rm", "-rf", str(live)], capture_output=True).returncode:
            subprocess.run(["chattr", "-R", "-i", str(live)], capture_output=True)
            subprocess.run(["rm", "-rf", str(live)], check=True)
        subprocess.run(["cp", "-a", str(self.base / "pristine"), str(live)], check=True)

    def kill(self) -> None:
        """End every process of it."""
        while left := self.processes():
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            wait_until(lambda left=left: not any(map(alive, left)))  # type: ignore[misc]

    def processes(self) -> list[int]:
        """Every living process that works below it, was started from it or has it in its command line."""
        here, found = os.fsencode(self.base / "live"), []
        for entry in os.listdir("/proc"):
            if entry.isdigit() and int(entry) != os.getpid() and alive(int(entry)) and here in _about(entry):
                found.append(int(entry))
        return found

    def answers(self) -> str:
        """Why its services do not serve; empty if they do."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/")
            if connection.getresponse().status != 200:
                return "one answers with an error"
        except (OSError, http.client.HTTPException) as problem:
            return f"one does not answer: {problem}"
        commands = [_read(f"/proc/{pid}/cmdline") for pid in self.processes()]
        sleeping = sum(b"98765" in each for each in commands)
        serving = sum(each.split(b"\0")[-2:-1] == [b"%d" % self.port] for each in commands)
        return "" if (sleeping, serving) == (1, 1) else f"one runs {serving} times, two runs {sleeping} times"

    def wrong(self) -> str:
        """What of the managed files and values is not as declared; empty if all is."""
        file, spool, values = self.checkout / "conf/app.ini", self.checkout / "conf/spool", self.checkout / ".dev/values"
        try:
            if file.is_symlink() or file.read_text() != CONTENT or file.stat().st_mode & 0o777 != 0o644:
                return "conf/app.ini is not as declared"
            if spool.is_symlink() or not spool.is_dir() or spool.stat().st_mode & 0o777 != 0o755:
                return "conf/spool is not as declared"
            rows = [row.partition("=") for row in values.read_text().splitlines() if not row.startswith("#")]
            if values.stat().st_mode & 0o077 or len({name: value for name, _, value in rows if value}["TOKEN"]) < 32:
                return ".dev/values is open or has no TOKEN"
            if subprocess.run([self.store / "tools/hello/1.0/bin/hello"], capture_output=True).stdout != b"hello 1.0\n":
                return "the tool does not run"
        except (OSError, KeyError, ValueError) as problem:
            return f"{type(problem).__name__}: {problem}"
        return ""


def reachable() -> str:
    """Why another user cannot have the tool here; empty if one can."""
    if os.geteuid():
        return "only root can become another user"
    told = subprocess.run([SYSTEM, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    return "" if told.stdout.split() == [*map(str, sys.version_info[:2])] else f"{SYSTEM} is another Python"


def copy_of_the_tool(place: Path) -> None:
    """The working tree with an environment whose Python is the system's, which every user can run."""
    for name in tree():
        if not name.startswith(("tests/", "docs/", "services/", "bench/")):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOOL / name, place / name)
    venv, libraries = place / ".dev" / "venv", f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    subprocess.run([SYSTEM, "-m", "venv", "--without-pip", str(venv)], check=True)
    shutil.copytree(TOOL / ".dev/venv" / libraries, venv / libraries, dirs_exist_ok=True)
    shutil.copy2(TOOL / "requirements.lock", venv)


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1] not in ([], [b"Z"], [b"X"])


def _about(pid: str) -> bytes:
    try:
        place = os.fsencode(os.readlink(f"/proc/{pid}/cwd"))
    except OSError:
        place = b""
    return b"\0".join((place, _read(f"/proc/{pid}/cmdline"), _read(f"/proc/{pid}/environ")))


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""
