"""`./dev clean` takes its entries out of an IDE's files; what a person wrote or edited stays, and is named."""

from __future__ import annotations

import json
import resource
import subprocess
from pathlib import Path

import pytest

from converge import schema
from converge.instance import Instance
from runtime import editors
from runtime.editors import removal
from runtime.platform import Platform
from tests.conftest import HEAD

LAUNCH, TASKS = ".vscode/launch.json", ".vscode/tasks.json"
OWN = """{
    // ours, see the wiki
    "version": "0.2.0",
    "configurations": [
        { "name": "mine", "type": "go" }, // keep
    ],
}
"""


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """A checkout below a repository, as in one with many projects."""
    monkeypatch.setenv("TERM_PROGRAM", "vscode")
    checkout = tmp_path / "apps" / "shop"
    checkout.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    text = HEAD + "[services.a]\nkind = 'go'\npath = 'a'\nport = 20003\n"
    return Platform(schema.parse(text.encode()), Instance(checkout, "story"))


def write(platform: Platform, name: str, text: str) -> Path:
    path = platform.instance.checkout / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def tree(platform: Platform) -> dict[str, str]:
    checkout = platform.instance.checkout
    return {str(path.relative_to(checkout)): path.read_text() for path in checkout.rglob("*") if path.is_file()}


def test_what_is_ours_goes_with_its_files_and_its_lines_in_git(platform: Platform, tmp_path: Path) -> None:
    exclude = tmp_path / ".git/info/exclude"
    before = exclude.read_text() + "/apps/of-a-person\n"
    exclude.write_text(before)
    (platform.instance.checkout / ".run").mkdir()
    assert len(editors.sync(platform).files) == 3
    done = removal.remove(platform)
    assert sorted(done.files) == [".run/dev a.run.xml", LAUNCH, TASKS] and done.stays == []
    assert tree(platform) == {} and exclude.read_text() == before
    assert not (platform.instance.checkout / ".vscode").exists()
    again = removal.remove(platform)
    assert (again.files, again.stays) == ([], [])


@pytest.mark.parametrize("own", [OWN, OWN.replace("\n", "\r\n"), '{"version": "0.2.0", "configurations": []}\n', "{}"])
def test_a_persons_file_is_as_it_was(platform: Platform, own: str) -> None:
    path = write(platform, LAUNCH, "")
    path.write_bytes(own.encode())
    editors.sync(platform)
    assert b"dev: a" in path.read_bytes()
    removal.remove(platform)
    after = path.read_bytes().decode()
    assert after == own or (own in ("{}", '{"version": "0.2.0", "configurations": []}\n') and "dev: " not in after)


def edited(path: Path) -> str:
    found = json.loads(path.read_text())
    found["configurations"][0]["args"] = ["--mine"]
    path.write_text(json.dumps(found, indent=4))
    return "`dev: a` in .vscode/launch.json, not as ./dev wrote it"


def named_alike(path: Path) -> str:
    found = json.loads(path.read_text())
    found["configurations"].append({"name": "dev: mine", "type": "go"})
    path.write_text(json.dumps(found, indent=4))
    return "`dev: mine` in .vscode/launch.json, not as ./dev wrote it"


def read_only(path: Path) -> str:
    path.chmod(0o444)
    return f"{LAUNCH}: it is read-only"


def linked(path: Path) -> str:
    target = path.with_name("other.json")
    path.rename(target)
    path.symlink_to("other.json")
    return f"{LAUNCH}: launch.json is a link to other.json"


def broken(path: Path) -> str:
    path.write_text(path.read_text() + "}")
    return f"{LAUNCH}: it is not readable"


def not_a_list(path: Path) -> str:
    path.write_text('{"configurations": {"dev: a": 1}}')
    return f"{LAUNCH}: it is not readable"


@pytest.mark.parametrize(
    "change", [edited, named_alike, read_only, linked, broken, not_a_list], ids=lambda change: change.__name__
)
def test_what_a_person_changed_stays_and_is_named(platform: Platform, change: object) -> None:
    editors.sync(platform)
    path = platform.instance.checkout / LAUNCH
    assert callable(change)
    words = change(path)
    before = path.read_text()
    done = removal.remove(platform)
    assert [clause for clause in done.stays if clause.startswith(words)], done.stays
    assert path.exists() and (path.read_text() == before or "dev: attach a" not in path.read_text())
    assert not (platform.instance.checkout / TASKS).exists(), "the other file is taken away nevertheless"


def test_a_file_that_cannot_be_written_is_named_and_the_others_go(platform: Platform, tmp_path: Path) -> None:
    path = write(platform, LAUNCH, OWN)
    editors.sync(platform)
    before, exclude = path.read_text(), (tmp_path / ".git/info/exclude").read_text()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        done = removal.remove(platform)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert done.files == [TASKS] and not (platform.instance.checkout / TASKS).exists()
    named = [clause.partition(": ")[0] for clause in done.stays]
    assert named == [LAUNCH, f"the line of {TASKS} in git's info/exclude"]
    assert path.read_text() == before and (tmp_path / ".git/info/exclude").read_text() == exclude


def test_a_run_configuration_that_was_edited_stays(platform: Platform) -> None:
    (platform.instance.checkout / ".run").mkdir()
    editors.sync(platform)
    path = platform.instance.checkout / ".run/dev a.run.xml"
    path.write_text(path.read_text().replace("dev: a", "dev: my a"))
    done = removal.remove(platform)
    assert done.stays == [".run/dev a.run.xml, not as ./dev wrote it"] and path.exists()


def test_another_instance_takes_nothing_away(platform: Platform) -> None:
    editors.sync(platform)
    other = Platform(platform.loaded, Instance(platform.instance.checkout, "story", "two"))
    assert removal.remove(other).files == [] and (platform.instance.checkout / LAUNCH).exists()
