"""A program that has ended below its reloader is told at once, in its own words; a compiler is seen as one."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from facts import family
from facts.family import Member
from runtime.health import reloaders
from runtime.services import rebuilding
from tests.conftest import Checkout, wait_until

REBUILD = rebuilding.LOOP


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("/store/air/1.67.4/bin/air -c air.toml", "Air"),
        ("/venv/bin/python -m uvicorn main:app --reload --host 127.0.0.1", "uvicorn --reload"),
        ("/venv/bin/python3.11 /venv/bin/uvicorn --reload main:app", "uvicorn --reload"),
        ("node /app/node_modules/.bin/nodemon --inspect server.js", "nodemon"),
        ("node --watch server.js", "node --watch"),
        ("/usr/bin/node --watch-path=src --enable-source-maps server.js", "node --watch"),
        ("node /app/node_modules/tsx/dist/cli.mjs watch server.ts", ""),
        ("node /app/node_modules/.bin/tsx watch server.ts", "tsx watch"),
        ("/store/node/bin/node node_modules/next/dist/bin/next dev -H 127.0.0.1", "next dev"),
        ("watchexec -r -e rs -- cargo run", "watchexec"),
        ("/home/me/.cargo/bin/cargo-watch watch -x run", "cargo watch"),
        (f"{sys.executable} -I {REBUILD} --suffix=go . --build go build --run /bin/x", "./dev's rebuild"),
        ("sh /usr/bin/reflex -r go -- go run .", "reflex"),
        ("/venv/bin/python -m uvicorn main:app", ""),
        ("node node_modules/next/dist/bin/next start", ""),
        ("node server.js --watch", ""),
        ("python -c 'import nodemon'", ""),
        ("node rebuild.js", ""),
        ("/usr/bin/air-traffic --watch", ""),
        ("node", ""),
    ],
)
def test_a_reloader_is_known_by_its_command_line(line: str, name: str) -> None:
    found = reloaders.of(shlex.split(line))
    assert (found.name if found else "") == name


def tree(*rows: str, had: bool = True, age: float = 6.0) -> list[Member]:
    """One below the other as they are indented; `!` is a zombie, `x` one that has had children."""
    members: list[Member] = []
    above: list[int] = [0]
    for pid, row in enumerate(rows, 10):
        depth = len(row) - len(row.lstrip())
        above = [*above[: depth + 1], pid]
        words = tuple(shlex.split(row.lstrip(" !")))
        members.append(Member(pid, above[depth], words, age, "!" in row, had and reloaders.of(words) is not None))
    return members


@pytest.mark.parametrize(
    ("members", "state"),
    [
        (tree("sh -c air", " air", "  sh -c ./x", "   ./x"), ""),
        (tree("sh -c air", " air"), "ended"),
        (tree("air", had=False), ""),
        (tree("air", had=False, age=60), "ended"),
        (tree("air", age=4), ""),
        (tree("node next dev", age=14), ""),
        (tree("node next dev", age=16), "ended"),
        (tree("nodemon", " !node server.js", had=False), "ended"),
        (tree("npm run dev", " sh -c nodemon", "  node /x/.bin/nodemon app.js"), "ended"),
        (tree("concurrently", " nodemon dist.js", " node tsc-watcher.js"), ""),
        (tree("uvicorn a:b --reload", " python -c 'from multiprocessing.resource_tracker import main'"), "ended"),
        (tree("uvicorn a:b --reload", " python -c 'from multiprocessing.spawn import spawn_main'"), ""),
        (tree("air", " sh -c 'go build'", "  go build -o x .", "   /go/pkg/tool/compile -o x"), "compiling"),
        (tree("watchexec -r cargo run", " cargo run", "  rustc --crate-name x"), "compiling"),
        (tree("sh -c 'cargo run'", " cargo run"), "compiling"),
        (tree("go run .", " /tmp/go-build1/exe/x"), ""),
        (tree("go run .", " compile -o x"), "compiling"),
        (tree("cargo-watch watch -x run", " ./target/debug/x"), ""),
        (tree("node tsc --watch"), ""),
        (tree("node tsc -p ."), "compiling"),
        (tree("python server.py"), ""),
        (tree("nodemon", " nodemon inner.js"), "ended"),
        ([], ""),
    ],
)  # fmt: skip
def test_what_the_processes_are_at(members: list[Member], state: str) -> None:
    assert reloaders.judge(members).state == state


@pytest.mark.parametrize(
    ("members", "runs"),
    [
        (tree("air", " sh -c 'go build'", "  go build -o x .", "   /go/pkg/tool/compile -o x"), False),
        (tree("air", " sh -c 'go build'", "  go build -o x .", "   /bin/helper", " ./x"), True),
        (tree("sh -c air", " air", "  go build .", "  sh -c ./x", "   ./x"), True),
        (tree("python -I rebuild.py --build cargo build --run x", " cargo build", "  rustc a"), False),
        (tree("watchexec -r cargo run", " cargo run", "  rustc --crate-name x"), False),
    ],
)
def test_the_program_of_the_build_before_may_run_while_it_is_compiled(members: list[Member], runs: bool) -> None:
    work = reloaders.judge(members)
    assert (work.state, work.runs) == ("compiling", runs)


def test_a_tree_of_real_processes_is_read(tmp_path: Path) -> None:
    script = "sh -c 'exec sleep 600' & sh -c : & wait %2; echo; exec sleep 601"
    with subprocess.Popen(["/bin/sh", "-c", f"{script}"], stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout and process.stdout.readline()
            found = wait_until(lambda: (all_ := family.of(process.pid)) and len(all_) == 2 and all_, 30)
            assert sorted(member.argv[-1] for member in found) == ["600", "601"] or len(found) == 2
            assert found[0].pid == process.pid and found[1].parent == process.pid
            assert 0 <= found[0].age < 120 and not found[0].ended
            if sys.platform == "linux":
                assert found[0].had_children and not found[1].had_children
        finally:
            os.killpg(process.pid, 9)
    assert family.of(process.pid) == ()


def test_rows_of_ps_are_read() -> None:
    text = "    1     0 Ss   2-03:04:05 /sbin/init\n   77     1 Z    01:02 (sh)\n   78    77 R+   03:00:00 go build .\n"
    first, second, third = family.parse(text)
    assert (first.age, second.age, third.age) == (2 * 86400 + 3 * 3600 + 4 * 60 + 5, 62, 10800)
    assert second.ended and not first.ended and third.argv == ("go", "build", ".") and third.parent == 77


RELOADER = """
import subprocess, sys, time
from pathlib import Path
Path(sys.argv[1] + ".seen").touch()
while True:
    began = Path(sys.argv[1]).stat().st_mtime_ns
    subprocess.run([sys.executable, sys.argv[1]])
    while Path(sys.argv[1]).stat().st_mtime_ns == began:
        time.sleep(0.05)
"""
CRASH = 'print("building on sand", flush=True)\nraise SystemExit("I cannot find my hat")\n'
SERVE = """
import http.server, os
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def state(checkout: Checkout, port: int, dev: str, more: str = "") -> None:
    checkout.state(f"[services.a]\nkind = 'command'\ndev = '''{dev}'''\nport = {port}\nstop_grace = 1.0\n{more}\n")


def edit(path: Path, text: str) -> None:
    """Another content, and another time of change even on a coarse clock."""
    before = path.stat().st_mtime_ns
    path.write_text(text)
    if path.stat().st_mtime_ns == before:
        os.utime(path, ns=(before + 10**9, before + 10**9))


@pytest.mark.parametrize("how", ["nodemon", "node --watch"])
def test_a_crash_under_a_reloader_is_told_at_once(checkout: Checkout, free_port: Callable[[], int], how: str) -> None:
    if how == "nodemon":
        checkout.write("nodemon", RELOADER)
        program, crash, serve = checkout.write("app.py", CRASH), CRASH, SERVE
        dev = f"{sys.executable} nodemon app.py"
    else:
        if not shutil.which("node"):
            pytest.skip("no node")
        crash = 'console.log("building on sand"); throw new Error("I cannot find my hat")\n'
        serve = 'require("http").createServer((q, a) => a.end()).listen(process.env.PORT, "127.0.0.1")\n'
        program = checkout.write("app.js", crash)
        dev = "node --watch app.js"
    state(checkout, free_port(), dev, "ready = { http = '/', timeout = 170.0 }")
    began = time.monotonic()
    ran = checkout.dev("start", timeout=160)
    assert ran.code == 3 and "waits for the next change" in ran.err and "I cannot find my hat" in ran.err
    assert time.monotonic() - began < 150
    entry = checkout.components()["a"]
    assert entry["state"] == "failed" and "I cannot find my hat" in entry["reason"] and entry["pid"]
    edit(program, serve)
    wait_until(lambda: checkout.components()["a"]["state"] == "ready", 60)
    assert not checkout.components()["a"]["reason"]


def test_a_compiler_has_a_limit_of_its_own(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.write(
        "rustc", "import time\nfrom pathlib import Path\nwhile not Path('go').exists():\n    time.sleep(0.05)\n"
    )
    checkout.write("serve.py", SERVE)
    python = sys.executable
    state(checkout, free_port(), f"{python} rustc; exec {python} serve.py", "ready = { http = '/', timeout = 4.0 }")
    process = checkout.popen("start")
    began = time.monotonic()
    wait_until(lambda: checkout.components().get("a", {}).get("state") == "compiling", 60)
    wait_until(lambda: time.monotonic() > began + 6 or process.poll() is not None, 60)
    assert process.poll() is None, "it gave up on a compiler"
    entry = checkout.components()["a"]
    assert entry["state"] == "compiling" and entry["reason"].startswith("compiling, ")
    checkout.write("go", "")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said


def test_a_compiler_that_never_ends_is_given_up(checkout: Checkout, free_port: Callable[[], int]) -> None:
    checkout.write("rustc", "import time\ntime.sleep(600)\n")
    state(checkout, free_port(), f"{sys.executable} rustc; true", "ready = { timeout = 90.0 }\ncompile_timeout = 1.0")
    ran = checkout.dev("start", timeout=80)
    assert ran.code == 3 and "it still compiles after 1 s" in ran.err


def test_a_failed_build_is_shown_beside_the_program_that_runs_on(
    checkout: Checkout, free_port: Callable[[], int]
) -> None:
    checkout.write("serve.py", "#!" + sys.executable + "\n" + SERVE, 0o755)
    source = checkout.write("source.go", "good")
    build = "grep -q good source.go || { echo source.go:1: undefined: hat; exit 1; }"
    options = '--suffix=go . --build /bin/sh -c "$BUILD" --run ./serve.py'
    dev = f"exec {sys.executable} -I {REBUILD} {options}"
    state(checkout, free_port(), dev, f"ready = {{ http = '/' }}\nenv = {{ BUILD = '{build}' }}")
    ran = checkout.dev("start")
    assert ran.code == 0, ran.err
    assert not checkout.components()["a"]["reason"]
    edit(source, "bad")
    entry = wait_until(lambda: (found := checkout.components()["a"])["reason"] and found, 60)
    assert entry["state"] == "ready" and "source.go:1: undefined: hat" in entry["reason"]
    edit(source, "good again")
    wait_until(lambda: not checkout.components()["a"]["reason"], 60)
