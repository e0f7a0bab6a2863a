"""Trust of a checkout: who is asked, what it is kept by, whose checkouts are refused."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converge import confined, trust, userfiles
from tests.conftest import HEAD, TOOL, Checkout
from tests.stories.test_cli import on_terminal
from tests.trust import hostile
from tests.trust.hostile import Hostile
from tests.trust.test_hostile import addresses, listeners, looked_at, run, victim

__all__ = ["listeners", "victim"]
SERVICE = '[services.w]\nkind = "command"\ndev = "touch ran; exec sleep 1000"\n'
CHANGES = (
    ("start",), ("start", "w"), ("doctor", "--fix"), ("doctor", "--fix", "--yes", "--json"), ("restart",), ("test",),
    ("test", "--list"), ("shell",), ("data", "list"), ("debug", "w"), ("handoff", "w"),
    ("token",), ("sign-in",), ("bundle",), ("lock",), ("secrets", "list"), ("images", "list"), ("clean", "--force"),
)  # fmt: skip
ADDRESS = "https://example.com/team/shop.git"


@pytest.fixture
def stranger(checkout: Checkout) -> Checkout:
    """A checkout that its user has not trusted."""
    checkout.env |= {"DEV_TRUST": "", "XDG_STATE_HOME": "", "XDG_CACHE_HOME": ""}
    checkout.state(SERVICE)
    return checkout


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same, for the functions alone."""
    monkeypatch.delenv("DEV_TRUST")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = tmp_path / "checkout"
    made.mkdir()
    (made / "desired_state.toml").write_text(HEAD)
    return made


def clone(path: Path, address: str = ADDRESS) -> None:
    """Make the directory a repository with a remote."""
    subprocess.run(["git", "init", "-q", path], check=True)
    subprocess.run(["git", "-C", path, "remote", "add", "origin", address], check=True)


def test_what_changes_something_is_refused_without_a_terminal(stranger: Checkout, tmp_path: Path) -> None:
    job = {
        "name": "x", "env": stranger.environment(), "cwd": str(tmp_path),
        "commands": [["-C", str(stranger.path), *argv] for argv in CHANGES],
    }  # fmt: skip
    for each in run([job], tmp_path):
        assert each["code"] == 4 and "error[not-trusted]" in each["err"], each
        assert "because you have not trusted it yet" in each["err"] and "hint: " in each["err"], each
    assert [path.name for path in stranger.path.iterdir()] == ["desired_state.toml"]


def test_its_own_dev_asks_nothing(stranger: Checkout) -> None:
    for argv in (["status"], ["-C", str(TOOL), "status"], ["start", "no-such-component"]):
        ran = subprocess.run(
            [str(TOOL / "dev"), *argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
            env=stranger.environment(), cwd=TOOL / "docs" if argv[0] != "-C" else stranger.path,
        )  # fmt: skip
        assert ran.returncode in (0, 2, 64) and "trust" not in ran.stdout + ran.stderr


def test_trust_is_given_listed_and_revoked(stranger: Checkout) -> None:
    assert stranger.dev("start").code == 4
    given = stranger.dev("trust")
    assert given.code == 0 and str(stranger.path) in given.out
    assert stranger.dev("start").code == 0 and (stranger.path / "ran").exists()
    (listed,) = stranger.dev("trust", "--list", "--json").json["trusted"]
    assert listed["path"] == str(stranger.path) and listed["valid"] is True and listed["since"] > 0
    assert stranger.dev("stop").code == 0
    assert stranger.dev("trust", "--revoke", str(stranger.path)).code == 0
    assert stranger.dev("trust", "--list", "--json").json == {"schema": 1, "trusted": []}
    assert stranger.dev("start").code == 4
    assert stranger.dev("trust", "--list", "--revoke").code == 64


def test_for_scripts_there_is_an_option_and_a_variable(stranger: Checkout) -> None:
    assert stranger.dev("--trust", "doctor", "--fix").code == 0
    assert stranger.dev("doctor", "--fix", env={"DEV_TRUST": "1"}).code == 0
    assert stranger.dev("doctor", "--fix", env={"DEV_TRUST": str(stranger.path.parent)}).code == 0
    assert stranger.dev("doctor", "--fix", env={"DEV_TRUST": "/elsewhere"}).code == 4, "nothing was kept"


def test_a_person_is_asked_once_and_no_is_the_default(stranger: Checkout) -> None:
    clone(stranger.path, "https://user:hidden@example.com/shop.git")
    code, shown = on_terminal(stranger, "start", columns=200, typed=b"\n")
    assert code == 4 and "[y/N]" in shown and "not-trusted" in shown and shown.count("Trust it?") == 1
    assert str(stranger.path) in shown and "touch ran; exec sleep 1000" in shown
    assert "https://example.com/shop.git" in shown and "hidden" not in shown
    assert not (stranger.path / "ran").exists()
    code, shown = on_terminal(stranger, "doctor", "--fix", columns=200, typed=b"y\n")
    assert code == 0 and "Trust it?" in shown
    code, shown = on_terminal(stranger, "doctor", "--fix", columns=200)
    assert code == 0 and "Trust it?" not in shown


def test_a_look_at_a_running_checkout_runs_no_command_and_ends_nothing(
    stranger: Checkout, free_port: Callable[[], int]
) -> None:
    stranger.state(
        '[services.w]\nkind = "command"\ndev = "sleep 1000"\nready = { exec = "echo asked >>asked" }\n'
        '[services.v]\nkind = "command"\ndev = "sleep 1000"\n'
    )
    assert stranger.dev("--trust", "start").code == 0
    asked = (stranger.path / "asked").read_text()
    states = {each["name"]: each for each in stranger.dev("status", "--json").json["components"]}
    assert states["w"]["state"] == "unknown" and states["w"]["reason"].startswith("the checkout is not trusted")
    assert states["v"]["state"] == "ready" and states["v"]["pid"]
    stopped = stranger.dev("stop")
    assert stopped.code == 4 and "error[not-trusted]" in stopped.err and "w, v" in stopped.err
    assert (stranger.path / "asked").read_text() == asked
    assert stranger.components("--trust")["v"]["pid"] == states["v"]["pid"]
    assert stranger.dev("--trust", "stop").code == 0


@pytest.mark.parametrize(
    ("with_remote", "change", "kept"),
    [
        (True, "nothing", True), (True, "state", True), (True, "local", True), (True, "remote", False),
        (True, "second remote", False), (True, "made again", True), (True, "made again, other state", False),
        (False, "nothing", True), (False, "source", True), (False, "state", False), (False, "local", False),
        (False, "lock", False), (False, "compose", False), (False, "remote", False), (False, "made again", True),
    ],
)  # fmt: skip
def test_trust_is_kept_by_remote_or_content(place: Path, with_remote: bool, change: str, kept: bool) -> None:
    if with_remote:
        clone(place)
    assert trust.missing(place)
    trust.keep(place)
    assert trust.missing(place) == ""
    config = place / ".git/config"
    (place / ".git").mkdir(exist_ok=True)
    if change == "remote":
        config.write_text('[remote "origin"]\n\turl = https://example.com/other.git\n')
    elif change == "second remote":
        config.write_text(config.read_text() + '[remote "fork"]\n\turl = https://example.com/fork.git\n')
    elif change.startswith("made again"):
        shutil.copytree(place, place.with_name("copy"))
        place.rename(place.with_name("old"))
        place.with_name("copy").rename(place)
    elif change != "nothing":
        names = {"local": "desired_state.local.toml", "lock": "desired_state.lock", "compose": "compose/infra.yaml"}
        path = place / names.get(change, "main.py" if change == "source" else "desired_state.toml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD + "# changed\n")
    if change == "made again, other state":
        (place / "desired_state.toml").write_text(HEAD + SERVICE)
    assert (trust.missing(place) == "") is kept


@pytest.mark.parametrize("how", ["worktree", "below", "submodule"])
def test_the_remote_is_that_of_the_repository(place: Path, tmp_path: Path, how: str) -> None:
    main = tmp_path / "main"
    main.mkdir()
    clone(main)
    if how == "below":
        (main / "apps/shop").mkdir(parents=True)
        assert trust.remotes(main / "apps/shop") == (ADDRESS,)
        return
    (place / ".git").write_text(f"gitdir: {main}/.git{'/worktrees/x' if how == 'worktree' else ''}\n")
    if how == "worktree":
        (main / ".git/worktrees/x").mkdir(parents=True)
        (main / ".git/worktrees/x/commondir").write_text("../..\n")
    assert trust.remotes(place) == (ADDRESS,)


@pytest.mark.parametrize("how", ["pipe", "link to itself", "huge", "no file"])
def test_a_repository_that_attacks_is_read_without_harm(place: Path, how: str) -> None:
    (place / ".git").mkdir()
    config = place / ".git/config"
    if how == "pipe":
        os.mkfifo(config)
    elif how == "link to itself":
        config.symlink_to("config")
    elif how == "huge":
        config.write_text("")
        os.truncate(config, 20_000_000_000)
    assert trust.remotes(place) == ()


@pytest.mark.parametrize(
    ("text", "given"),
    [("", False), ("1", True), ("0", False), ("yes", False), (".", False), ("{path}", True), ("{parent}", True),
     ("/a:{path}", True), ("{path}x", False), ("{path}/below", False), ("/", True)],
)  # fmt: skip
def test_the_variable_names_checkouts(place: Path, text: str, given: bool) -> None:
    value = text.format(path=place, parent=place.parent)
    assert trust.given(place, {"DEV_TRUST": value}) is given


def test_records_are_private_and_outside_of_checkouts(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust.keep(place)
    directory = userfiles.directory("trust")
    assert directory is not None
    (record,) = directory.iterdir()
    assert stat.S_IMODE(record.stat().st_mode) == 0o600 and stat.S_IMODE(directory.stat().st_mode) == 0o700
    value = json.loads(record.read_text())
    for damage in ("[]", "{", "[" * 100_000, json.dumps(value | {"inode": "x"}), json.dumps(value | {"path": "/else"})):
        record.write_text(damage)
        assert trust.missing(place) and len(trust.everything()) <= 1
    record.write_text(json.dumps(value))
    assert trust.missing(place) == ""
    shutil.copytree(directory, place / "dev/trust")
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
    assert trust.missing(place), "a checkout brings no trust along"


@pytest.mark.parametrize(
    ("path", "left"),
    [("/bin:/usr/bin", "/bin:/usr/bin"), (".:/bin", "/bin"), (":/bin", "/bin"), ("bin:/bin:../x", "/bin"),
     ("{path}:/bin", "/bin"), ("{path}/bin:/bin", "/bin"), ("{path}/../checkout/bin:/bin", "/bin"),
     ("{link}:/bin", "/bin"), ("{path}-other:/bin", "{path}-other:/bin"), ("", os.defpath)],
)  # fmt: skip
def test_no_program_of_the_checkout_is_on_the_path(place: Path, path: str, left: str) -> None:
    link = place.with_name("link")
    link.symlink_to(place)
    assert confined.path_without(place, path.format(path=place, link=link)) == left.format(path=place)


ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
SOMEBODY = 65534


@ROOT
@pytest.mark.parametrize("what", [".", "desired_state.toml", ".dev"])
def test_what_another_user_owns_is_refused(stranger: Checkout, tmp_path: Path, what: str) -> None:
    (stranger.path / ".dev").mkdir()
    os.chown(stranger.path / what, SOMEBODY, SOMEBODY)
    where = ["-C", str(stranger.path)]

    def job(argv: list[str], **env: str) -> dict[str, Any]:
        return {"name": "x", "env": stranger.environment() | env, "cwd": "/", "commands": [argv]}

    def codes(*jobs: dict[str, Any]) -> list[int]:
        found = run(list(jobs), tmp_path)
        assert all(("error[other-owner]" in each["err"]) == (each["code"] == 4) for each in found), found
        return [each["code"] for each in found]

    status, fix, sudo = [*where, "status"], [*where, "doctor", "--fix", "--only", "files"], str(SOMEBODY)
    # with sudo its caller may look at what is his, as with git, and leave nothing of root there
    mine = [job(status, SUDO_UID=sudo), job(fix, SUDO_UID=sudo)]
    accepted = [job(fix, DEV_TRUST="1"), job(["--trust", *fix]), job([*where, "trust"]), job(fix), job(status)]
    found = codes(job(status), job(fix), job([*where, "stop"]), *mine, *accepted)
    assert found == [4, 4, 4, 2, 4, 0, 0, 0, 0, 2]
    os.chown(stranger.path / what, SOMEBODY - 1, SOMEBODY)
    assert codes(job(fix)) == [4], "it was given away once more"


@ROOT
def test_an_ordinary_user_may_use_what_root_owns_and_no_other_user(request: pytest.FixtureRequest) -> None:
    place = Path(tempfile.mkdtemp(prefix="dev-"))  # pytest's own directory can be entered by root alone
    request.addfinalizer(lambda: shutil.rmtree(place))
    place.chmod(0o755)
    (place / "desired_state.toml").write_text(HEAD)
    script = (
        f"import sys; sys.path[:0] = {[str(TOOL), sysconfig.get_path('purelib')]!r}\n"
        "from pathlib import Path; from converge import trust\n"
        f"print(len(list(trust.foreign(Path({str(place)!r})))))"
    )
    for owner, count in ((0, "0"), (SOMEBODY, "0"), (SOMEBODY - 1, "2")):
        os.chown(place, owner, owner)
        os.chown(place / "desired_state.toml", owner, owner)
        python = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
        ran = subprocess.run([python, "-I", "-c", script], capture_output=True, text=True, user=SOMEBODY, cwd="/")
        if "Permission denied" in ran.stderr or "ModuleNotFoundError" in ran.stderr:
            pytest.skip("the checkout of the tool cannot be read by another user here")
        assert ran.stdout.strip() == count, ran.stderr


@pytest.fixture
def attack(tmp_path: Path, victim: Any, listeners: Any) -> Callable[..., Hostile]:
    """Makes one checkout of the corpus."""

    def make(name: str) -> Hostile:
        it = Hostile(tmp_path / "checkout", tmp_path / "canaries", victim, addresses(listeners))
        it.path.mkdir()
        it.canaries.mkdir()
        hostile.ALL[name](it)
        return it

    return make


@pytest.mark.parametrize("name", ["path_entry {path}/bin", "path_entry {link}", "tool_of_the_user"])
def test_the_canaries_sing_where_the_checkout_is_trusted(
    attack: Callable[..., Hostile], tmp_path: Path, name: str
) -> None:
    """Otherwise the corpus would show nothing."""
    it = attack(name)
    assert run([looked_at(it, tmp_path, (("doctor",),), DEV_TRUST="1")], tmp_path)[0]["code"] is not None
    assert list(it.canaries.iterdir())


@pytest.mark.parametrize("key", ["core.fsmonitor", "core.pager"])
def test_git_runs_nothing_of_a_repository_for_a_bundle(
    attack: Callable[..., Hostile], tmp_path: Path, key: str
) -> None:
    it = attack(f"git_config {key}")
    (it.path / ".gitattributes").unlink()
    subprocess.run(["git", "-C", it.path, "config", "user.email", "a@example.com"], check=True)
    looks = (("bundle", str(tmp_path / "bundle.tar.gz")), ("facts", "git"), ("doctor", "--only", "git"))
    found = run([looked_at(it, tmp_path, looks, DEV_TRUST="1")], tmp_path)
    assert [each["code"] for each in found] == [0, 0, 2]
    assert not list(it.canaries.iterdir())


def test_a_managed_file_is_not_written_through_a_link(checkout: Checkout, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (outside / "b").mkdir(parents=True, mode=0o700)
    (outside / "c").write_text("theirs")
    checkout.state("[files.'a/c']\ncontent = 'x'\n[files.'a/b/d']\ncontent = 'x'\n[files.'a']\ndirectory = true\n")
    (checkout.path / "a").symlink_to(outside)
    fixed = checkout.dev("doctor", "--fix", "--json")
    assert fixed.code == 4 and {item["status"] for item in fixed.json["items"] if item["noun"] == "files"} == {"manual"}
    assert (outside / "c").read_text() == "theirs" and stat.S_IMODE(outside.stat().st_mode) == 0o755
    assert not (outside / "b/d").exists()
    (checkout.path / "a").unlink()
    assert checkout.dev("doctor", "--fix").code == 0


def test_help_and_version_run_nothing_of_the_current_directory(attack: Callable[..., Hostile], tmp_path: Path) -> None:
    it = attack("path_entry .")
    job = looked_at(it, tmp_path, ())
    for argv in (["--version"], ["--help"], ["status", "--help"]):
        ran = subprocess.run(
            [str(TOOL / "dev"), *argv], cwd=it.path, env=job["env"], capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
    assert not list(it.canaries.iterdir())
