"""Where data are, by the note of the last start or by what is found; and which placement a component keeps."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from converge import schema
from converge.instance import Instance
from runtime import infra
from runtime.placements import choice
from runtime.platform import Platform
from tests.conftest import HEAD, NO_ENGINE

TEXT = "[infra.postgres]\nport = 20001\n[infra.relay]\nkind = 'command'\nrun = 'x'\nport = 20002\n"
TEXT += "[services.a]\nkind = 'command'\ndev = 'x'\nport = 20003\n"


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    monkeypatch.setenv("DOCKER_HOST", NO_ENGINE)
    monkeypatch.setenv("HOME", str(tmp_path))
    instance = Instance(tmp_path / "checkout", "x")
    yield Platform(schema.parse((HEAD + TEXT).encode()), instance)
    shutil.rmtree(instance.data, ignore_errors=True)  # for root it is not below the checkout


@pytest.mark.parametrize(
    ("noted", "directory", "found"),
    [(None, False, None), (None, True, "native"), ("native", False, "native"), ("docker", False, "docker"),
     ("docker", True, "docker"), ("docker\n", False, "docker"), ("podman", True, "native"), ("", False, None)],
)  # fmt: skip
def test_data_are_where_they_were_noted_or_found(
    platform: Platform, noted: str | None, directory: bool, found: str | None
) -> None:
    component = platform.infra["postgres"]
    if noted is not None:
        choice.keep(component, "native")
        choice._note(component).write_text(noted)
    if directory:
        (component.instance.data / component.name).mkdir(parents=True)
    assert choice.place(component) == found
    assert choice._kept(component, "auto", choice.Asked()) == (found or "auto")
    assert choice._kept(component, "native", choice.Asked()) == (found or "native"), "data are never left behind"


def test_a_service_has_no_data_of_its_own(platform: Platform) -> None:
    component = platform.component("a")
    (component.instance.data / "a").mkdir(parents=True)
    assert choice.place(component) is None


@pytest.mark.parametrize("placement", ["docker", "native"])
def test_a_note_is_kept_and_forgotten(platform: Platform, placement: choice.Name) -> None:
    component = platform.infra["postgres"]
    choice.keep(component, placement)
    assert choice.place(component) == placement
    choice.forget(component)
    assert choice.place(component) is None


def test_plain_data_get_a_directory_that_is_kept(platform: Platform) -> None:
    component = platform.infra["relay"]
    for _ in range(2):
        infra.kind(component).prepare(platform, component)
        (component.instance.data / "relay" / "kept").write_text("")
    assert choice.place(component) == "native"
