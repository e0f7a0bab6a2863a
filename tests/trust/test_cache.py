"""The desired state that was read is kept where no checkout can put it."""

from __future__ import annotations

import os
import pickle
import pwd
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converge import schema, userfiles
from tests.conftest import HEAD


class Canary:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (self.path,)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout, with a cache of its own beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = tmp_path / "checkout"
    (made / ".dev/cache").mkdir(parents=True)
    (made / "desired_state.toml").write_text(HEAD)
    return made


def kept(place: Path) -> Path:
    """The file in the user's cache."""
    directory = userfiles.directory("desired", place)
    assert directory is not None
    return directory / schema.cached(place)


def test_a_checked_state_is_read_back(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = schema.load(place)
    assert stat.S_IMODE(kept(place).stat().st_mode) == 0o600
    assert stat.S_IMODE(kept(place).parent.stat().st_mode) == 0o700
    monkeypatch.setattr(schema, "parse", None)
    assert schema.load(place) == first
    monkeypatch.undo()


@pytest.mark.parametrize("home", ["tmp", ".", "", None])
def test_a_home_that_leads_nowhere_is_that_of_the_account(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    account = pwd.getpwuid(os.geteuid()).pw_dir
    found = userfiles.directory("trust")
    assert found == (Path(account, ".local/state/dev/trust") if os.path.isdir(account) else None)


def test_nothing_is_unpickled_from_a_checkout(place: Path, tmp_path: Path) -> None:
    for name in ("desired.pickle", f"{schema.cached(place)}", "desired"):
        (place / ".dev/cache" / name).write_bytes(pickle.dumps(Canary(tmp_path / "canary")))
    schema.load(place)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("how", ["other key", "open file", "link", "open directory", "linked directory", "in checkout"])
def test_only_a_file_of_this_user_is_unpickled(
    place: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.load(place)
    file = kept(place)
    key = b"" if how == "other key" else file.read_bytes()[:32]
    poison = key + pickle.dumps(Canary(tmp_path / "canary"))
    if how == "link":
        (tmp_path / "elsewhere").write_bytes(poison)
        file.unlink()
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.write_bytes(poison)
    if how == "open file":
        file.chmod(0o666)
    elif how == "open directory":
        file.parent.chmod(0o777)
    elif how == "linked directory":
        file.parent.rename(tmp_path / "moved")
        file.parent.symlink_to(tmp_path / "moved")
    elif how == "in checkout":
        file.parent.parent.rename(place / "dev")
        monkeypatch.setenv("XDG_CACHE_HOME", str(place))
    assert schema.load(place).desired.project.name == "story"
    assert not (tmp_path / "canary").exists()


def test_the_poison_works_where_it_is_trusted(place: Path, tmp_path: Path) -> None:
    """Otherwise the tests above would show nothing."""
    schema.load(place)
    kept(place).write_bytes(kept(place).read_bytes()[:32] + pickle.dumps(Canary(tmp_path / "canary")))
    schema.load(place)
    assert (tmp_path / "canary").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_another_user_wrote_is_not_unpickled(place: Path, tmp_path: Path, what: str) -> None:
    schema.load(place)
    file = kept(place)
    file.write_bytes(file.read_bytes()[:32] + pickle.dumps(Canary(tmp_path / "canary")))
    os.chown(file if what == "file" else file.parent, 65534, 65534)
    schema.load(place)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("home", ["", "relative", "{place}/none"])
def test_a_home_that_does_not_exist_is_not_made(place: Path, home: str, monkeypatch: pytest.MonkeyPatch) -> None:
    home = home.replace("{place}", str(place))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", home)
    monkeypatch.chdir(place)
    assert schema.load(place).desired.project.name == "story"
    assert not (place / "none").exists() and not Path("/.cache/dev").exists() and not (place / "relative").exists()
