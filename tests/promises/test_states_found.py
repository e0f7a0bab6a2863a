"""What the promises found broken once, each as its smallest case."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from converge import managed_paths, schema
from converge.errors import DevError
from converge.journal import Journal
from runtime.logs.files import LARGEST, Trail
from tests import stranger
from tests.conftest import HEAD, Checkout
from tests.promises import promise_crash_points, promise_states
from tests.promises.promise import Held
from tests.promises.promise_journal import line
from tests.promises.specimen import specimen, unreachable


@pytest.mark.parametrize("size", [LARGEST + 1, 20 << 30])
def test_a_log_of_any_size_is_read_from_near_its_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.log"
    path.touch()
    os.truncate(path, size)
    with path.open("ab") as file:
        file.write(b"\nlast\n")
    trail = Trail(path)
    try:
        read = b"".join(trail.earlier())
    finally:
        trail.close()
    assert read.endswith(b"\nlast\n") and len(read) <= LARGEST


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "intent", "id": "files.a"}, {"kind": "intent", "id": None, "change": "x"}, {"kind": 7, "id": "x"},
        {"kind": "intent", "id": ["x"], "change": "x"}, {"kind": "done", "id": {}}, {"kind": "intent", "change": "x"},
    ],
)  # fmt: skip
def test_a_record_of_another_shape_is_passed_over(tmp_path: Path, record: dict[str, object]) -> None:
    whole = line(kind="intent", id="files.b", change="make b")
    (tmp_path / "journal").write_bytes(line(**record) + whole + line(**record))
    assert Journal(tmp_path / "journal").interrupted() == {"files.b": "make b"}


def test_thousands_of_steps_that_were_not_ended_are_settled_at_once(checkout: Checkout) -> None:
    checkout.state("[files]\n'a' = { content = 'x' }\n")
    rows = [line(kind="intent", id=f"files.{number}", change="x") for number in range(5000)]
    checkout.write(".dev/journal", "").write_bytes(b"".join(rows))
    first, second = checkout.dev("doctor", "--fix"), checkout.dev("doctor", "--fix")
    assert first.code == 0 and "4950 more steps" in first.err and len(first.err.splitlines()) < 100
    assert second.code == 0 and "interrupted" not in second.err


@pytest.mark.parametrize("path", ["~/a", "~", " a", "a ", "a/ b", "a\t", "a\n", "a\u00a0", "a\u200bb", "a/\u202eb"])
def test_a_managed_path_that_looks_like_another_one_is_refused_at_its_line(path: str) -> None:
    text = "".join(c if (c.isalnum() and c.isascii()) or c in "/~ " else f"\\u{ord(c):04x}" for c in path)
    with pytest.raises(DevError) as caught:
        schema.parse(f'{HEAD}[files."{text}"]\ncontent = "x"\n'.encode())
    assert (caught.value.code, caught.value.source) == ("bad-path", "desired_state.toml:4")
    assert managed_paths.normal(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a file immutable")
def test_clean_says_what_it_could_not_remove_and_why(checkout: Checkout) -> None:
    checkout.state("[files]\n'a' = { content = 'x' }\n")
    assert checkout.dev("doctor", "--fix").code == 0
    file = checkout.path / ".dev/.gitignore"
    if subprocess.run(["chattr", "+i", file], capture_output=True).returncode:
        pytest.skip("no such flags on this file system")
    try:
        ran = checkout.dev("clean", "--force")
    finally:
        subprocess.run(["chattr", "-i", file], check=True)
    assert ran.code == 3 and f"{file} is immutable" in ran.err and "chattr -i" in ran.err, ran.err
    assert checkout.dev("clean", "--force").code == 0 and not (checkout.path / ".dev").exists()


FOUND = {
    "a file among the directories of components": (
        0,
        "running, stop",
        f"{promise_states.RUN}/one/state.json",
        "hard link",
    ),
    "a directory of the store of another user": (0, "fix", "store/tools/hello/", "others"),
    "a managed file that its user may not read": (stranger.UID, "fix", "checkout/conf/app.ini", "unreadable"),
}


@pytest.mark.parametrize("what", FOUND)
def test_a_state_that_was_not_healed_is(what: str) -> None:
    uid, walk, path, how = FOUND[what]
    if why := unreachable():
        pytest.skip(why)
    made = specimen(uid)
    try:
        assert promise_states.judge(made, promise_states.State(((path, how),), walk)) == Held()
    finally:
        made.reset()


@pytest.mark.parametrize(
    "point",
    [("handoff", "write", 4), ("handoff back", "unlink", 6), ("debug --off", "unlink", 2), ("lock", "fsync", 2)],
)
def test_a_command_killed_where_its_rerun_did_not_heal_heals(point: tuple[str, str, int]) -> None:
    if why := promise_crash_points.missing() or unreachable():
        pytest.skip(why)
    made = specimen(os.geteuid())
    try:
        assert promise_crash_points.judge(made, *point) == Held()
    finally:
        made.reset()
