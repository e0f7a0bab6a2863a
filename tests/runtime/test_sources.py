"""A container whose image is older than its sources is named; what changes nothing in an image is not."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from converge import schema
from converge.context import ConvergeContext
from converge.instance import Instance
from facts.engine import Engine
from runtime import status
from runtime.component import ServiceComponent
from runtime.docker import outdated, sources
from runtime.placements import docker
from runtime.placements.seen import Seen
from runtime.platform import Platform
from tests.conftest import HEAD
from tests.runtime import fake_engine


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A repository with a service and a library that it watches."""
    for name in ("a/inner/deep.py", "a/app.py", "a/Dockerfile", "lib/kit.py", "other/x.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    (tmp_path / ".gitignore").write_text("*.log\n.dev/\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    text = HEAD + "[services.a]\nkind = 'python'\npath = 'a'\napp = 'app:app'\nwatch = ['../lib']\nport = 20003\n"
    return Platform(schema.parse(text.encode()), Instance(tmp_path, "story"))


@pytest.fixture
def component(platform: Platform) -> ServiceComponent:
    return platform.services["a"]


def image(component: ServiceComponent) -> str:
    return f"story-a:{sources.digest(component, component.path, 'Dockerfile')}"


def edited(root: Path) -> None:
    (root / "a/inner/deep.py").write_text("changed\n")


def edited_within_the_tick_of_the_clock(root: Path) -> None:
    path = root / "a/app.py"
    before = path.stat()
    path.write_text("# longer than before\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def added(root: Path) -> None:
    (root / "a/inner/new.py").write_text("")


def added_in_a_new_directory(root: Path) -> None:
    (root / "a/fresh").mkdir()
    (root / "a/fresh/new.py").write_text("")


def removed(root: Path) -> None:
    (root / "a/inner/deep.py").unlink()


def renamed(root: Path) -> None:
    (root / "a/app.py").rename(root / "a/main.py")


def made_executable(root: Path) -> None:
    (root / "a/app.py").chmod(0o755)


def edited_in_a_watched_library(root: Path) -> None:
    (root / "lib/kit.py").write_text("changed\n")


def another_recipe(root: Path) -> None:
    (root / "a/Dockerfile").write_text("FROM y\n")


@pytest.mark.parametrize(
    "change",
    [edited, edited_within_the_tick_of_the_clock, added, added_in_a_new_directory, removed, renamed, made_executable,
     edited_in_a_watched_library, another_recipe],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_a_change_is_seen(component: ServiceComponent, tmp_path: Path, change: Callable[[Path], None]) -> None:
    made = image(component)
    assert not sources.changed(component, made)
    change(tmp_path)
    noted = sources.note(component.instance, "a").read_bytes()
    assert sources.changed(component, made)
    assert sources.note(component.instance, "a").read_bytes() == noted, "a look writes nothing"
    assert not sources.changed(component, image(component)), "the image of the present sources"


def touched(root: Path) -> None:
    os.utime(root / "a/app.py")


def ignored(root: Path) -> None:
    (root / "a/debug.log").write_text("")


def edited_beside(root: Path) -> None:
    (root / "a/inner/.deep.py.swp").write_text("")
    (root / "a/inner/.deep.py.swp").unlink()


def of_another_service(root: Path) -> None:
    (root / "other/x.py").write_text("changed\n")


def there_and_back(root: Path) -> None:
    (root / "a/app.py").write_text("changed\n")
    (root / "a/app.py").write_text("# a/app.py\n")


def no_note(root: Path) -> None:
    sources.note(Instance(root, "story"), "a").unlink()
    edited(root)


def damaged_note(root: Path) -> None:
    sources.note(Instance(root, "story"), "a").write_text('{"digest": "x", "marks": [1]}')


@pytest.mark.parametrize("change", [edited_beside, ignored], ids=lambda change: change.__name__)
def test_an_editors_temporary_file_has_no_sources_read(
    component: ServiceComponent, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    image(component)
    marks = json.loads(sources.note(component.instance, "a").read_text())["marks"]
    assert sources._same(marks)
    change(tmp_path)
    assert sources._same(marks) is (change is edited_beside)


@pytest.mark.parametrize(
    "change", [touched, ignored, of_another_service, there_and_back, no_note, damaged_note],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_what_changes_no_image_is_not_named(
    component: ServiceComponent, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    made = image(component)
    change(tmp_path)
    assert not sources.changed(component, made)


def test_an_image_of_others_is_not_compared(component: ServiceComponent, tmp_path: Path) -> None:
    image(component)
    edited(tmp_path)
    assert not any(sources.changed(component, name) for name in ("", "team/a:1.2", "other-a:0123", "story-ab:0123"))


def test_status_and_doctor_say_it(component: ServiceComponent, platform: Platform, tmp_path: Path) -> None:
    made = image(component)
    row = {"Labels": {"com.docker.compose.service": "a-box"}, "Image": made, "State": "running"}
    context = ConvergeContext(platform.loaded, platform.instance)

    def looked() -> tuple[str, list[tuple[str, str, str]]]:
        (probe,) = outdated.probes(context)
        found = outdated.items(context, {"images": probe.look()})  # type: ignore[union-attr]
        return status._outdated(component, seen), [(item.status, item.because, item.hint) for item in found]

    seen = Seen("docker", True, "running", image=made)
    with fake_engine.engine({"/containers/json": (200, [row])}) as engine:
        docker.remember(platform.instance, Engine(engine.host))
        assert looked() == ("", [("ok", "", "")])
        edited(tmp_path)
        words = "sources changed since this image"
        assert looked() == (f"{words}; ./dev start --docker", [("manual", words, "./dev start --docker")])
    (sources.note(platform.instance, "a")).unlink()
    assert outdated.probes(context) == []
