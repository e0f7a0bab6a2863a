"""What each noun makes of an observation: pure, so a case is a value; and steps that do what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from converge import envfile, schema
from converge.consent import Consent, refusals
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.instance import Instance
from converge.local_machine import LocalMachine
from converge.lockfile import this_platform
from converge.operations import OPERATIONS, load
from converge.plan import make_plan
from converge.steps import Item
from facts.containers import Container
from facts.dependencies import Installed
from facts.docker import Docker
from facts.files import Entry
from facts.git import Repository
from facts.local import LocalReader
from facts.ports import Owner
from facts.probe import observe
from facts.processes import read
from facts.tools import Tool
from facts.value import Unknown
from tests.operations.conftest import record

HEAD = 'schema = 1\n[project]\nname = "x"\n'
AWAY = Unknown("no answer within 10 s")


def context(text: str, checkout: Path = Path("/nowhere"), **more: Any) -> ConvergeContext:
    return ConvergeContext(schema.parse((HEAD + text).encode()), Instance(checkout, "x"), **more)


def items(noun: str, target: ConvergeContext, observation: dict[str, Any]) -> dict[str, Item]:
    found = {item.id: item for item in load(noun).items(target, observation)}
    record(found)
    return found


def one(noun: str, target: ConvergeContext, observation: dict[str, Any]) -> Item:
    (item,) = items(noun, target, observation).values()
    return item


@pytest.mark.parametrize(
    ("want", "found", "status"),
    [
        (">=5 GiB", 5 << 30, "ok"), (">=5 GiB", (5 << 30) - 1, "manual"), (">=5 GB", 5 * 10**9, "ok"),
        ("<1 KiB", 1023, "ok"), (">=4096", 1024, "manual"), (">=4096", None, "ok"), (">=4096", AWAY, "unknown"),
    ],
)  # fmt: skip
def test_machine_is_compared_in_its_units(want: str, found: object, status: str) -> None:
    key = "open_files" if "B" not in want else "disk_free"
    target = context(f"[machine]\n{key} = '{want}'\n")
    assert one("machine", target, {f"machine.{key}": found, "machine.surroundings": ()}).status == status


def test_too_few_watches_are_raised_with_consent() -> None:
    target = context("[machine]\ninotify_watches = '>=100000'\n")
    item = one("machine", target, {"machine.inotify_watches": 8192, "machine.surroundings": ()})
    assert item.status == "drift" and item.step and item.step.reach == "system"
    assert item.step.by_hand == "sudo sysctl -w fs.inotify.max_user_watches=100000"


@pytest.mark.parametrize(
    ("checkout", "status"), [("/mnt/c/code", "manual"), ("/home/bo/code", "ok"), ("/mnt/cc", "ok")]
)
def test_wsl_checkout_on_a_windows_drive_is_named(checkout: str, status: str) -> None:
    item = one("machine", context("", Path(checkout)), {"machine.surroundings": ("wsl",)})
    assert item.status == status
    assert status == "ok" or (item.code == "wsl-drive" and "Linux home" in item.hint)


PACKAGE = "[packages]\ngit = { command = 'git', apt = 'git', brew = 'git' }\n"


@pytest.mark.parametrize(
    ("manager", "found", "status"),
    [("apt", "/usr/bin/git", "ok"), ("apt", None, "drift"), ("dnf", None, "manual"), (None, None, "manual"),
     ("apt", AWAY, "unknown")],
)  # fmt: skip
def test_packages_by_the_manager_there_is(manager: str | None, found: object, status: str) -> None:
    item = one("packages", context(PACKAGE), {"packages.manager": manager, "packages.git": found})
    assert item.status == status
    assert status != "drift" or (item.step and item.step.by_hand.startswith("sudo apt-get install"))


def test_what_only_tests_need_is_no_drift_for_a_start() -> None:
    text = PACKAGE.replace("}", ", needed_for = 'test' }")
    seen = {"packages.manager": "apt", "packages.git": None}
    assert one("packages", context(text), seen).status == "skipped"
    assert one("packages", context(text, purpose="test"), seen).status == "drift"


def test_a_debugger_is_missed_by_those_alone_who_debug() -> None:
    target, absent = context("[tools]\ndelve = '1.2.3'\n"), {"tools.delve": Tool()}
    assert one("tools", target, absent).status == "skipped"
    debugging = context("[tools]\ndelve = '1.2.3'\n", debuggers=frozenset({"delve"}))
    assert one("tools", debugging, absent).status == "drift"


@pytest.mark.parametrize(
    ("found", "status"),
    [(Tool("1.2.3", provider="wheel"), "ok"), (Tool("1.2.3", "/usr/bin/go"), "ok"), (Tool("1.2", "/b/go"), "drift"),
     (Tool("1.2.30", "/usr/bin/go"), "drift"), (Tool(), "drift"), (AWAY, "unknown")],
)  # fmt: skip
def test_tools_match_their_pin_exactly(found: object, status: str) -> None:
    assert one("tools", context("[tools]\ngo = '1.2.3'\n"), {"tools.go": found}).status == status


def test_a_damaged_tool_is_installed_again() -> None:
    item = one("tools", context("[tools]\ngo = '1.2.3'\n"), {"tools.go": Tool(damage="bin/go is gone")})
    assert (item.status, item.found) == ("drift", "damaged") and "bin/go is gone" in item.because and item.step


@pytest.mark.parametrize(("missing", "status"), [(None, "ok"), (0, "ok"), (9, "drift")])
def test_dependencies_that_are_gone_are_installed_again(missing: int | None, status: str) -> None:
    target = context("[tools]\nnode = '24'\n[services.a]\nkind = 'node'\nport = 5000\n")
    item = one("dependencies", target, {"dependencies.a": Installed(f"l node=24 {this_platform()}", "l", missing)})
    assert item.status == status
    assert status == "ok" or (item.found == "incomplete" and "9 of the files" in item.because and item.step)


@pytest.mark.parametrize(
    ("found", "status"), [(AWAY, "unknown"), (Installed("", "", None), "skipped"), (Installed("", "l", None), "drift")]
)
def test_dependencies_that_cannot_be_compared_have_one_item(found: object, status: str) -> None:
    target = context("[tools]\nnode = '24'\n[services.a]\nkind = 'node'\nport = 5000\n")
    assert one("dependencies", target, {"dependencies.a": found}).status == status


def test_a_repository_that_git_cannot_read_is_unknown() -> None:
    target = context("").desired
    hooks = replace(target, project=replace(target.project, hooks_path=".githooks"))
    seen = replace(context(""), loaded=replace(context("").loaded, desired=hooks))
    item = one("git", seen, {"git": Unknown("git says: detected dubious ownership")})
    assert item.status == "unknown" and "dubious" in item.because and item.hint
    assert one("git", seen, {"git": Repository(False)}).status == "skipped"


def test_a_shorter_pin_accepts_any_that_starts_so() -> None:
    target = context("[tools]\npython = '3.11'\n")
    assert one("tools", target, {"tools.python": Tool("3.11.9", "/usr/bin/python3")}).status == "ok"
    assert one("tools", target, {"tools.python": Tool("3.110.1", "/usr/bin/python3")}).status == "drift"


ENV = "[env]\nA = 'x'\nB = { generate = 'token' }\nC = { pattern = '^c' }\nD = { required = false }\n"


def test_env_of_every_kind() -> None:
    seen = {"env.mode": Entry("file", "644", "f"), "env.file": {"C": False}, "env.process": {}, "env.lent": ()}
    found = {name: item.status for name, item in items("env", context(ENV), seen).items()}
    assert found == {"env.file": "drift", "env.B": "drift", "env.C": "manual", "env.D": "skipped"}
    plan = make_plan(items("env", context(ENV), seen).values())
    assert [step.id for step in plan.steps] == ["env.file", "env.B"]
    lost = {"env.mode": AWAY, "env.file": AWAY, "env.process": {}, "env.lent": ()}
    assert one("env", context(ENV), lost).status == "unknown"


def test_generated_secrets_are_kept_and_private(tmp_path: Path) -> None:
    target = context(ENV, tmp_path)
    seen = {"env.mode": Entry("absent"), "env.file": {}, "env.process": {"C": True}, "env.lent": ()}
    (step,) = make_plan(items("env", target, seen).values()).steps
    file = tmp_path / ".dev/values"
    file.parent.mkdir()
    file.write_text("OWN=kept")
    for _ in range(2):
        load("env").apply(step, LocalMachine(target))
    lines = file.read_text().splitlines()
    assert lines[0] == "OWN=kept" and len(lines) == 2 and len(lines[1]) > 40
    assert file.stat().st_mode & 0o777 == 0o600


def test_many_secrets_are_written_at_once(tmp_path: Path) -> None:
    names = [f"A{at}" for at in range(1000)]
    target = context("[env]\n" + "".join(f"{name} = {{ generate = 'token' }}\n" for name in names), tmp_path)
    seen: Any = {"env.mode": Entry("absent"), "env.file": {"A7": True}, "env.process": {"A0": True}, "env.lent": ()}
    steps = make_plan(load("env").items(target, seen)).steps
    assert len(steps) == 998 and steps[0].id == "env.A1"
    load("env").apply(steps[0], LocalMachine(target))
    first = (tmp_path / ".dev/values").stat()
    for step in steps[1:]:
        load("env").apply(step, LocalMachine(target))
    assert (tmp_path / ".dev/values").stat() == first, "it is not written again"
    found = envfile.values(target.instance)
    assert sorted(found) == sorted({*names} - {"A0", "A7"}) and len({*found.values()}) == 998


def test_what_an_ide_is_given_is_for_its_owner_alone(tmp_path: Path) -> None:
    target, own = context("", tmp_path), tmp_path / ".dev/env"
    for directory in (own, own / "two"):
        directory.mkdir(parents=True)
        (directory / "a.env").write_text("A=1\n")
    assert observe(load("env").probes(target), LocalReader())["env.lent"], "doctor sees it"
    seen = {"env.mode": Entry("absent"), "env.file": {}, "env.process": {}}
    lent = {**seen, "env.lent": tuple(map(str, [*own.rglob("*"), own, tmp_path]))}
    (step,) = make_plan(items("env", target, lent).values()).steps
    load("env").apply(step, LocalMachine(target))
    assert {path.stat().st_mode & 0o077 for path in (own, *own.rglob("*"))} == {0}
    assert tmp_path.stat().st_mode & 0o777 == 0o700 and (own / "a.env").read_text() == "A=1\n"
    assert observe(load("env").probes(target), LocalReader())["env.lent"] == ()


def test_the_env_file_keeps_its_values_under_its_new_name(tmp_path: Path) -> None:
    instance, own = Instance(tmp_path, "x"), tmp_path / ".dev"
    own.mkdir()
    (own / "env").write_text("# mine\nA=old\nB='2'\n")
    (own / "env").chmod(0o600)
    assert envfile.values(instance) == {"A": "old", "B": "'2'"} and (own / "env").is_file(), "reading changes nothing"
    envfile.settle(instance)
    assert envfile.text(instance) == "# mine\nA=old\nB='2'\n" and not (own / "env").exists()
    assert (own / "values").stat().st_mode & 0o777 == 0o600
    (own / "values").write_text("# anew\nA=new\n")
    (own / "env").write_text("A=old\nB='2'\n")  # an older checkout of the tool ran here
    envfile.settle(instance)
    assert envfile.text(instance) == "# anew\nA=new\nB='2'\n" and not (own / "env").exists()
    assert (own / "values").stat().st_mode & 0o777 == 0o600
    (own / "env").mkdir()
    envfile.settle(instance)
    assert (own / "env").is_dir() and envfile.values(instance) == {"A": "new", "B": "'2'"}


PORT = "[services.a]\nkind = 'command'\ndev = 'x'\nport = 5000\n"


@pytest.mark.parametrize(
    ("owner", "lives", "status"),
    [(None, False, "ok"), ("own", True, "ok"), ("own", False, "drift"), ("stranger", False, "manual"),
     ("elsewhere", True, "manual")],
)  # fmt: skip
def test_ports_belong_to_us_or_are_left_alone(owner: str | None, lives: bool, status: str) -> None:
    target = context(PORT)
    marks = {"own": "", "stranger": "", "elsewhere": "ffffffffff:a:1"}
    whose = {"own": "a"}.get(owner or "", "")
    listening = None if owner is None else Owner(7, "nc", "bo", "/home/bo", marks[owner], belongs_to=whose)
    item = one("ports", target, {"ports": {5000: listening}, "containers": {}, "shims.a": lives})
    assert item.status == status
    assert status != "manual" or ("pid 7, user bo" in item.because and item.code == "port-taken" and not item.step)


def test_every_port_of_every_component_is_looked_at() -> None:
    text = "[infra.b]\nkind = 'command'\nrun = 'x'\nport = 5001\n" + PORT + "debug_port = 5002\n"
    listening = {port: Owner(7, "nc", "bo", "/home/bo", "") for port in (5000, 5001, 5002)}
    looked = {"ports": listening, "containers": {}, "shims.a": False, "shims.b": False}
    assert {key: item.source[-2:] for key, item in items("ports", context(text), looked).items()} == {
        "ports.b": ":7", "ports.a": "11", "ports.a.debug": "12"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "words"),
    [(Owner(), "`a process of another user` ()"), (Owner(7), "`a process of another user` (pid 7)"),
     (Owner(7, "nc"), "`nc` (pid 7)"), (Owner(0, "", "bo"), "`a process of another user` (user bo)"),
     (Owner(7, "nc", "bo", "/home"), "`nc` (pid 7, user bo, /home)")],
)  # fmt: skip
def test_what_could_not_be_read_of_an_owner_is_left_out(seen: Owner, words: str) -> None:
    assert str(seen) == words


@pytest.mark.parametrize(
    ("found", "statuses"),
    [({}, {"left-over": "ok"}), ({"a": "pid 7 `x`"}, {"a": "drift"}), (AWAY, {"left-over": "unknown"}),
     ({"a": "pid 7 `x`", "of-a-branch-before": "pid 8 `y`"}, {"a": "drift", "of-a-branch-before": "drift"})],
)  # fmt: skip
def test_what_components_left_over_is_named_and_ended(found: object, statuses: dict[str, str]) -> None:
    seen = items("processes", context(PORT), {"processes": found})
    assert {name: item.status for name, item in seen.items()} == {f"processes.{n}": s for n, s in statuses.items()}
    assert all((item.status == "drift") == (item.step is not None) == ("pid" in item.because) for item in seen.values())


LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))"
LISTEN += "; print('listens', flush=True); time.sleep(600)"


@pytest.mark.parametrize(
    ("mark", "later", "ends"),
    [("ID:a:1", 0, True), ("", 0, False), ("ID:b:1", 0, False), ("ID:a:1", 1, False), ("ffffffffff:a:1", 0, False)],
)
def test_a_left_over_process_is_ended_only_while_its_pid_is_still_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free_port: Callable[[], int], mark: str, later: int, ends: bool
) -> None:
    """Between the look and the repair the left-over process may end and its pid and port go to another one."""
    monkeypatch.setattr(load("ports"), "GRACE", 0.2)  # a process that is not ours is given no time
    port = free_port()
    target = context(PORT.replace("5000", str(port)), tmp_path)
    env = {**os.environ, "DEV_RUN_ID": mark.replace("ID", target.instance.id)}
    process = subprocess.Popen([sys.executable, "-c", LISTEN, str(port)], stdout=subprocess.PIPE, env=env)
    try:
        assert process.stdout and process.stdout.readline()
        began = read(process.pid)
        assert began
        seen = Owner(process.pid, "python", "bo", "/home/bo", "", began.start - later, "a")
        looked = {"ports": {port: seen}, "containers": {}, "shims.a": False}
        (item,) = load("ports").items(target, looked)  # not recorded: the pid and the port are this run's
        assert item.step
        load("ports").apply(item.step, LocalMachine(target))
        assert (process.poll() is not None) == ends
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(("project", "status"), [("", "manual"), ("other-1", "manual"), ("own", "ok")])
def test_a_port_that_a_container_publishes_is_ours_or_its_owner_is_named(project: str, status: str) -> None:
    target = context(PORT)
    box = Container("box-1", target.instance.compose_project if project == "own" else project)
    for listening in (None, Owner(7, "docker-proxy", "root")):  # an engine may do without its proxy
        seen = {"ports": {5000: listening}, "containers": {5000: box}, "shims.a": False}
        item = one("ports", target, seen)
        assert item.status == status and not item.step
        assert "box-1" in item.found + item.because and project.removeprefix("own") in item.because


FILE = "[files.'a.txt']\ncontent = 'x'\n[files.d]\ndirectory = true\nmode = '0700'\n"
X = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"


@pytest.mark.parametrize(
    ("entry", "status"),
    [(Entry("file", "644", X), "ok"), (Entry("file", "600", X), "drift"), (Entry("file", "644", "0"), "drift"),
     (Entry("absent"), "drift"), (Entry("directory", "755"), "manual"), (AWAY, "unknown")],
)  # fmt: skip
def test_files_are_whole_or_drift(entry: object, status: str) -> None:
    seen = {"files.a.txt": entry, "files.d": Entry("directory", "700")}
    found = items("files", context(FILE), seen)
    assert found["files.a.txt"].status == status and found["files.d"].status == "ok"


def test_hooks_of_a_repository_only() -> None:
    target = ConvergeContext(schema.parse((HEAD + "hooks_path = '.h'\n").encode()), Instance(Path("/nowhere"), "x"))
    found = [one("git", target, {"git": fact}).status for fact in (
        Repository(True, ".h"), Repository(True), Repository(True, "o"), Repository(False), AWAY)]  # fmt: skip
    assert found == ["ok", "drift", "drift", "skipped", "unknown"]


@pytest.mark.parametrize(
    ("entry", "major", "status"),
    [(Entry("absent"), "", "skipped"), (Entry("directory", "700"), "18", "ok"),
     (Entry("directory", "755"), "18", "drift"),
     (Entry("directory", "700"), "15", "blocked"), (Entry("file", "644", "x"), "", "blocked"), (AWAY, "", "unknown")],
)  # fmt: skip
def test_data_are_healed_or_blocked_never_replaced(entry: object, major: str, status: str) -> None:
    target = context("[infra.postgres]\nport = 5001\n")
    seen = {"data.postgres": entry, "data.postgres.major": major, "data.postgres.placement": ""}
    item = one("data", target, seen)
    assert item.status == status and (status == "drift") == (item.step is not None)


def test_data_that_lie_in_docker_are_said_to_lie_there() -> None:
    target = context("[infra.postgres]\nport = 5001\n")
    seen = {"data.postgres": Entry("absent"), "data.postgres.major": "", "data.postgres.placement": "docker"}
    item = one("data", target, seen)
    assert item.status == "skipped" and f"{target.instance.compose_project}_postgres" in item.found


def test_every_noun_without_wishes_has_nothing_to_say() -> None:
    target = context("")
    for noun in OPERATIONS:
        seen = {"machine.surroundings": (), "ports": {}, "processes": {}, "containers": {}, "env.mode": Entry("absent")}
        seen |= {"env.file": {}, "env.process": {}, "env.lent": (), "state.parts": (), "state.temporaries": ()}
        assert list(load(noun).items(target, seen)) == [], noun


def test_without_sudo_a_system_step_is_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "/nowhere")
    target = context(PACKAGE)
    plan = make_plan(items("packages", target, {"packages.manager": "apt", "packages.git": None}).values())
    refused = refusals(plan, Consent(yes=True), LocalMachine(target), {})
    (outcome,) = refused.values()
    assert outcome.code == "sudo-missing" and "sudo apt-get install" in outcome.hint


def test_docker_is_a_value() -> None:
    assert Docker("stale") == Docker("stale") != Docker("down")


@pytest.mark.skipif(os.geteuid() != 0, reason="system changes need root")
def test_the_engine_changes_the_machine_and_says_why_not(tmp_path: Path) -> None:
    with LocalMachine(context("", tmp_path)) as machine:
        machine.pyinfra("files.directory", path=str(tmp_path / "made"), mode="750")
        assert (tmp_path / "made").stat().st_mode & 0o777 == 0o750
        with pytest.raises(DevError) as caught:
            machine.pyinfra("server.shell", commands=["echo no such moon >&2; exit 3"])
        assert caught.value.code == "system-change" and "no such moon" in caught.value.because
        with pytest.raises(DevError):
            machine.pyinfra("server.no_such_operation")
