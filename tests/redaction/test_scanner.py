"""Forty planted secrets, every command, many errors: a secret is nowhere but where it belongs."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import re
import stat
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cli.main import COMMANDS
from tests.conftest import Checkout, Ran, elapse, wait_until
from tests.redaction.forms import CORE, PEM, SHAPES, Scanner

BELONG = (
    (r"\.dev/values$", "the values of this machine"),
    (r"desired_state(\.local)?\.toml$", "a person wrote it there"),
    (r"\.dev/instances/default/run/[\w-]+/spec\.json$", "what the shim starts: the environment of one service, 0600"),
    (r"\.dev/instances/default/logs/[\w-]+\.log$", "what a service itself says, 0600"),
    (r"\.cache/dev/desired/", "the user's own copy of the desired state, 0600 in 0700"),
)
"""Where a secret may be, by the end of the path, and why."""
ASIDE = {"test": "it runs a team's own tests", "lock": "it asks the network", "shell": "it becomes the user's shell"}
"""Commands that are not run, and why."""
ARGUMENTS = {
    "env": ("talker",), "restart": ("talker",), "logs": ("talker",), "debug": ("talker",), "handoff": ("talker",),
    "start": ("talker",), "stop": ("talker",),
}  # fmt: skip
LAST = ("stop", "clean")


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


@pytest.fixture(scope="module")
def planted() -> dict[str, str]:
    return {f"PLANTED_{at:02}": shape for at, shape in enumerate((*SHAPES, PEM))}


def _plant(checkout: Checkout, planted: dict[str, str]) -> None:
    """A third of them in .dev/values, a third in the local file, a third in the caller's environment."""
    names = list(planted)
    lines = [f"{name} = {{ secret = true }}" for name in names if _place(name) != "local" or "{" in planted[name]]
    lines += [
        f'{name} = {{ value = "to-be-replaced", secret = true }}' for name in names if f"{name} =" not in str(lines)
    ]
    checkout.state(
        "[docker]\nengine = \">=20.10\"\n[env]\n" + "\n".join(lines) + """
[services.talker]
kind = "command"
dev = "sh talk.sh; sleep 100"
[services.failing]
kind = "command"
dev = "sh fail.sh"
[services.slow]
kind = "command"
dev = "sleep 100"
ready = { exec = "sh fail.sh", timeout = 1 }
"""
    )  # fmt: skip
    local = {name: value for name, value in planted.items() if f"{name} = {{ value" in "\n".join(lines)}
    checkout.write("desired_state.local.toml", "[env]\n" + "".join(f"{n} = {_quoted(v)}\n" for n, v in local.items())
                   + f'[docker]\nmirror = "https://bo:{CORE}-mirror-1@mirror.invalid"\n', 0o600)  # fmt: skip
    rest = {name: value for name, value in planted.items() if name not in local}
    stored = {name: value for name, value in rest.items() if "\n" not in value and _place(name) == "stored"}
    checkout.write(".dev/values", "".join(f"{name}={value}\n" for name, value in stored.items()), 0o600)
    checkout.env |= {name: value for name, value in rest.items() if name not in stored}
    checkout.env["HTTPS_PROXY"] = f"http://bo:{CORE}-proxy-1@127.0.0.1:9"
    said = "".join(f'printf "%s\\n" "${name}" >&2\n' for name in planted)
    encoded = 'printf "%s" "$PLANTED_01" | base64 >&2; printf "%s" "$PLANTED_04" | od -An -tx1 >&2\n'
    checkout.write("talk.sh", said + encoded + 'echo "said all"\n')
    checkout.write("fail.sh", 'echo "refused: $PLANTED_12 $PLANTED_30 $PLANTED_01" >&2; exit 7\n')


def _place(name: str) -> str:
    return ("stored", "local", "given")[int(name[-2:]) % 3]


class Watch:
    """Samples the command lines of every process of the machine."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    try:
                        self.seen.add(Path(f"/proc/{entry}/cmdline").read_bytes())
                    except OSError:
                        continue
            elapse(0.03)


def _lines() -> Iterator[tuple[str, ...]]:
    """A line for each command, from the command line's own table; with --json where there is one."""
    for name, module in COMMANDS.items():
        found = importlib.import_module(module)
        functions = {(): found.run} if hasattr(found, "run") else {(sub,): each for sub, each in found.COMMANDS.items()}
        for sub, function in functions.items():
            words = (name, *sub)
            if name in ASIDE:
                continue
            yield (*words, *ARGUMENTS.get(name, ()))
            if "json" in function.__annotations__ and not sub:
                yield (*words, *ARGUMENTS.get(name, ()), "--json")


ERRORS: tuple[tuple[str, ...], ...] = (
    ("start", "slow"), ("-vv", "start", "failing"), ("env",), ("env", "nothing"),
    ("doctor", "--only", "nothing"), ("doctor", "--fix", "--only", "docker"), ("start", "--docker"),
    ("token", "--ttl", "x"), ("secrets", "rotate", "PLANTED_01"), ("data", "copy", "nothing"),
    ("--instance", "other", "status"), ("-vv", "env", "x"),
    ("bundle", "talk.sh/x"), ("handoff", "failing"), ("debug", "failing"), ("logs", "nothing"),
)  # fmt: skip


def _run(checkout: Checkout, words: tuple[str, ...]) -> Ran:
    process = checkout.popen(*words)
    out, err = process.communicate(timeout=300)
    return Ran(process.returncode, out, err)


def _files(*places: Path) -> Iterator[tuple[Path, int, str]]:
    """Path, mode and content of each file; what runs may remove one meanwhile."""
    for path in (path for place in places for path in place.rglob("*")):
        with contextlib.suppress(FileNotFoundError):
            if stat.S_ISREG(path.lstat().st_mode):
                yield path, path.lstat().st_mode, "\n".join(_texts(path))


def _texts(path: Path) -> Iterator[str]:
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            for member in archive:
                file = archive.extractfile(member)
                yield member.name + (file.read().decode("utf-8", "replace") if file else "")
    else:
        yield path.read_bytes().decode("utf-8", "replace")


def test_a_secret_is_nowhere_but_where_it_belongs(checkout: Checkout, tmp_path: Path, planted: dict[str, str]) -> None:
    places = {"TMPDIR": tmp_path / "tmp", "DEV_STORE": tmp_path / "store", "XDG_RUNTIME_DIR": tmp_path / "r"}
    for name, place in places.items():
        place.mkdir(mode=0o700)
        checkout.env[name] = str(place)
    _plant(checkout, planted)
    scanner = Scanner({**planted, "mirror": f"x://bo:{CORE}-mirror-1@", "proxy": f"x://bo:{CORE}-proxy-1@"})
    lines = list(_lines())
    last = [line for line in lines if line[0] in LAST and "--help" not in line]
    runs: dict[tuple[str, ...], Ran] = {}
    with Watch() as watch:
        started = runs["start", "talker"] = checkout.dev("start", "talker")
        assert started.code == 0, started.err
        wait_until(lambda: "said all" in checkout.dev("logs", "talker").out, 60)
        with ThreadPoolExecutor(4) as pool:
            wanted = [line for line in (*lines, *ERRORS) if line not in last and line[:2] != ("start", "talker")]
            runs.update(zip(wanted, pool.map(lambda line: _run(checkout, line), wanted), strict=True))
        broken = (checkout.path / "desired_state.local.toml").read_text()
        for text in (broken + "[services.talker]\nport = 'x'\n", broken + "=\n", broken + "[nothing]\nx = 1\n"):
            checkout.write("desired_state.local.toml", text, 0o600)
            for words in (("status",), ("doctor", "--json")):
                runs[(*words, text[-20:])] = checkout.dev(*words)
        checkout.write("desired_state.local.toml", broken, 0o600)
        files = {
            path: (found, mode) for path, mode, text in _files(checkout.path, tmp_path / "home", *places.values())
            if (found := scanner.found(text))
        }  # fmt: skip
        for line in last:
            runs[line] = checkout.dev(*line)
    assert {line[0] for line in runs} >= set(COMMANDS) - set(ASIDE)
    own = [words for words in runs if words[:1] == ("logs",)]
    said = {
        words: found
        for words, ran in runs.items()
        if words not in own and (found := scanner.found(ran.out + "\n" + ran.err))
    }
    assert said == {}
    kept = {
        str(path): found for path, (found, _) in files.items()
        if not any(re.search(place, str(path)) for place, _ in BELONG)
    }  # fmt: skip
    assert kept == {}
    assert len(watch.seen) > 20
    assert (
        scanner.found("\n\n".join(each.replace(b"\0", b" ").decode("utf-8", "replace") for each in watch.seen)) == set()
    )
    assert [path for path, (_, mode) in files.items() if mode & 0o077 and path.name != "desired_state.toml"] == []
