"""A hand-off leaves an IDE, or a terminal, all that it needs; and nothing of it when it is over."""

from __future__ import annotations

import os
import subprocess
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.conftest import removed
from tests.editors.conftest import NOTE, Place, sourced

ADDED = {"DEV_RUN_ID", "HOST", "UVICORN_HOST", "UVICORN_PORT"}
"""What is not as it was: the process is marked, and listens beside the address at which its callers are held."""
SHELL = {"PWD", "OLDPWD", "SHLVL", "_"}


@pytest.mark.parametrize("name", ["goer", "pythoner", "noder"])
def test_what_is_handed_off_has_the_environment_it_had(place: Place, name: str) -> None:
    native = place.native(name)
    assert native["NOTE"] == NOTE and native["TOKEN"]
    said = place.handoff(name)
    file = place.path / said["env_file"]
    assert said["env_file"] == f".dev/env/{name}.env" and file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    given = sourced(file)
    assert {key: value for key, value in given.items() if key not in ADDED | SHELL} == {
        key: value for key, value in native.items() if key not in ADDED
    }
    assert {value for key, value in given.items() if key.endswith("HOST")} == {"127.0.0.2"}
    assert given["DEV_RUN_ID"].endswith(f":{name}:ide")
    place.dev("handoff", name, "--back")
    assert not file.exists()


@pytest.mark.parametrize("name", ["goer", "pythoner", "noder"])
def test_the_printed_command_runs_it_and_the_way_back_ends_it(place: Place, name: str) -> None:
    said = place.handoff(name)
    text = place.dev("handoff", name).out
    assert f"    or by hand: {said['command']}\n" in text
    process = subprocess.Popen(
        ["/bin/sh", "-c", said["command"]], cwd=place.path, env=place.checkout.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert place.answers(name) == f"{NOTE} bo"
    assert place.checkout.components()[name]["placement"] == "ide"
    place.dev("handoff", name, "--back")
    assert process.wait(60) is not None and place.ask(name) == f"{NOTE} bo"
    assert place.checkout.components()[name]["placement"] == "native"


def test_a_process_that_needs_the_same_address_is_told_that_one(place: Place) -> None:
    said = place.handoff("pythoner", "--same-address")
    given = sourced(place.path / said["env_file"])
    assert (given["HOST"], given["UVICORN_HOST"]) == ("127.0.0.1", "127.0.0.1")


def test_the_environment_follows_a_start_and_a_rotation_and_ends_with_stop(place: Place) -> None:
    place.handoff("goer")
    file = place.path / ".dev/env/goer.env"
    place.declare(note="another")
    place.dev("start")
    now = sourced(file)
    assert now["NOTE"] == "another"
    place.dev("secrets", "rotate", "TOKEN")
    assert sourced(file)["TOKEN"] not in ("", now["TOKEN"]) and "TOKEN_PREVIOUS" not in sourced(file)
    assert not (place.path / ".dev/env/pythoner.env").exists(), "the others are none of it"
    place.dev("stop", "goer")
    assert not file.exists()


def test_the_first_handoff_makes_the_files_and_git_says_nothing_of_them(place: Place) -> None:
    said = place.handoff("goer")
    assert said["files"] == [".dev/env/goer.env", ".vscode/launch.json", ".vscode/tasks.json"]
    assert place.git("status", "--porcelain") == ""
    names = [f"dev: {word}{name}" for name in ("goer", "pythoner") for word in ("", "attach ")]
    assert list(place.entries()) == names
    tasks = place.entries("tasks.json")
    for entry in place.entries().values():
        assert entry["preLaunchTask"] in tasks and entry.get("postDebugTask", entry["preLaunchTask"]) in tasks
    text = (place.path / ".vscode/launch.json").read_text() + (place.path / ".vscode/tasks.json").read_text()
    assert str(place.path) not in text and str(Path.home()) not in text
    assert not any(value in text for key, value in place.native("pythoner").items() if key in ("TOKEN", "NOTE", "PATH"))
    before = {file: os.stat(place.path / file).st_mtime_ns for file in said["files"]}
    assert place.handoff("goer")["files"] == []
    assert {file: os.stat(place.path / file).st_mtime_ns for file in said["files"]} == before
    text = place.dev("handoff", "goer").out
    assert "VS Code: F5 on `dev: goer`" in text and "wrote" not in text


def test_a_team_that_shares_its_files_sees_what_changes_in_them(place: Place) -> None:
    before = '{\n  // ours\n  "configurations": [\n    { "name": "mine" },\n  ],\n}\n'
    place.checkout.write(".vscode/launch.json", before)
    place.git("add", ".vscode/launch.json")
    place.handoff("goer")
    assert place.git("diff", "--numstat").split()[1:] == ["0", ".vscode/launch.json"], "lines are added, none is lost"
    assert "vscode/launch.json" not in (place.path / ".git/info/exclude").read_text()
    place.git("rm", "-qf", "--cached", ".vscode/launch.json")


def test_entries_of_a_service_that_is_gone_go(place: Place) -> None:
    place.declare(f'[services.brief]\nkind = "go"\npath = "services/goer"\nport = {place.port + 9}\n')
    place.handoff("goer")
    assert "dev: brief" in place.entries() and "dev: hand off brief" in place.entries("tasks.json")
    place.declare()
    assert place.handoff("goer")["files"] == [".vscode/launch.json", ".vscode/tasks.json"]
    assert not any("brief" in name for name in [*place.entries(), *place.entries("tasks.json")])


def test_a_file_that_cannot_be_edited_is_left_and_said(place: Place) -> None:
    launch, tasks = place.path / ".vscode/launch.json", place.path / ".vscode/tasks.json"
    place.checkout.write(".vscode/launch.json", '{\n  "configurations": [\n    oops\n  ]\n}\n')
    place.checkout.write("elsewhere.json", "{}")
    tasks.symlink_to("../elsewhere.json")
    ran = place.dev("handoff", "goer")
    assert ".vscode/launch.json:3 was not changed: there is no value" in ran.err
    assert ".vscode/tasks.json was not changed: tasks.json is a link to ../elsewhere.json" in ran.err
    assert '"name": "dev: goer"' in ran.err and '"label": "dev: hand off goer"' in ran.err, "to be pasted"
    assert "pythoner" not in ran.err
    assert "oops" in launch.read_text() and (place.path / "elsewhere.json").read_text() == "{}"
    tasks.unlink()
    launch.write_text("{}")
    launch.chmod(0o444)
    ran = place.dev("handoff", "goer")
    assert ".vscode/launch.json was not changed: it is read-only" in ran.err and launch.read_text() == "{}"
    assert "wrote .vscode/tasks.json" in ran.out


def test_another_instance_has_files_of_its_own(place: Place) -> None:
    place.handoff("noder")
    launch = (place.path / ".vscode/tasks.json").read_bytes()
    (said,) = place.dev("--instance", "two", "handoff", "noder", "--json").json["services"]
    assert said["env_file"] == ".dev/env/two/noder.env" and said["files"] == [said["env_file"]]
    assert (place.path / ".vscode/tasks.json").read_bytes() == launch
    ports = [sourced(place.path / f".dev/env/{name}noder.env")["PORT"] for name in ("", "two/")]
    assert ports[0] == str(place.port + 2) != ports[1]
    place.dev("--instance", "two", "stop")
    assert not (place.path / said["env_file"]).exists() and (place.path / ".dev/env/noder.env").exists()
    place.dev("--instance", "two", "clean", "--force")


def test_jetbrains_ides_get_files_of_their_own(place: Place) -> None:
    (place.path / ".idea").mkdir()
    theirs = place.checkout.write(".run/dev pythoner.run.xml", "<component/>")
    ran = place.dev("handoff", "goer")
    assert ".run/dev pythoner.run.xml was not changed: it is not one that ./dev wrote" in ran.err
    assert theirs.read_text() == "<component/>" and not (place.path / ".vscode").exists()
    assert "JetBrains: debug `dev: goer`" in ran.out
    theirs.unlink()
    place.dev("handoff", "goer")
    assert place.git("status", "--porcelain") == ""
    types, first = {}, set()
    for name in ("goer", "pythoner", "noder"):
        root = ElementTree.parse(place.path / f".run/dev {name}.run.xml").getroot()
        types |= {each.attrib["name"]: each.attrib["type"] for each in root}
        first |= {each.attrib["run_configuration_name"] for each in root.iterfind(".//method/option")}
    assert types["dev: goer"] == "GoApplicationRunConfiguration"
    assert types["dev: attach goer"] == "GoRemoteDebugConfigurationType"
    assert types["dev: pythoner"] == "PythonConfigurationType"
    assert first <= set(types) and {types[name] for name in first} == {"ShConfigurationType"}
    assert "files" not in place.dev("handoff", "goer").out
    text = (place.path / "desired_state.toml").read_text()
    (place.path / "desired_state.toml").write_text(text[: text.index("[services.noder]")])
    place.dev("handoff", "goer")
    assert not (place.path / ".run/dev noder.run.xml").exists()


def test_a_bundle_holds_nothing_of_it(place: Place) -> None:
    place.handoff("goer")
    token = sourced(place.path / ".dev/env/goer.env")["TOKEN"]
    place.dev("bundle", str(place.checkout.home / "b.tar.gz"))
    with tarfile.open(place.checkout.home / "b.tar.gz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert "goer.env" not in member.name and file and token.encode() not in file.read(), member.name


def test_a_service_that_runs_under_an_ide_is_left_to_it_when_its_task_runs_again(place: Place) -> None:
    said = place.handoff("pythoner")
    process = subprocess.Popen(["/bin/sh", "-c", said["command"]], cwd=place.path, env=place.checkout.environment())
    place.answers("pythoner")
    task = place.entries("tasks.json")["dev: hand off pythoner"]
    words = [word.replace("${workspaceFolder}", str(place.path)) for word in (task["command"], *task["args"])]
    ran = subprocess.run(words, cwd=place.path, env=place.checkout.environment(), stdin=subprocess.DEVNULL, text=True,
                         capture_output=True, timeout=20)  # fmt: skip
    assert ran.returncode == 0 and process.poll() is None and place.ask("pythoner")
    place.dev("handoff", "pythoner", "--back")
    assert process.wait(60) is not None


def test_what_ran_in_containers_alone_gets_what_it_needs_outside_of_them(place: Place) -> None:
    place.dev("stop", "pythoner")
    removed(place.path / ".dev/services/pythoner")
    ran = place.dev("handoff", "pythoner")
    assert "install the packages of services/py thoner/requirements.lock" in ran.err and "goer" not in ran.err
    python = place.entries()["dev: pythoner"]["python"].replace("${workspaceFolder}", str(place.path))
    assert subprocess.run([python, "-c", "import uvicorn"]).returncode == 0
    assert "install" not in place.dev("handoff", "pythoner").err
