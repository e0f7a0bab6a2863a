"""Whether other people use this machine."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from facts import users

ROOT = "root:x:0:0:root:/root:/bin/bash\n"
NOBODY = "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
OURS = "ann:x:1000:1000::/home/ann:/bin/bash\n"
ROWS: dict[str, tuple[str, set[int]]] = {
    "alone": (ROOT + OURS + NOBODY, set()),
    "two people": (ROOT + OURS + "bo:x:1001:1001::/home/bo:/bin/zsh\n", {1001}),
    "a service's account": (OURS + "postgres:x:110:118::/var/lib/postgresql:/bin/bash\n", set()),
    "accounts that cannot log in": (OURS + "ci:x:1002:1002::/:/usr/sbin/nologin\nx:x:1003:3::/:/bin/false\n", set()),
    "no shell, which is sh": (OURS + "bo:x:1001:1001::/home/bo:\n", {1001}),
    "a number from a directory service": (OURS + "nfs:x:4294967294:4294967294::/:/bin/sh\n", set()),
    "damaged": ("\n:::\nbo:x:many:1::/:/bin/sh\n+::::::\n" + OURS, set()),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
def test_accounts_of_people_are_those_that_can_log_in(case: str) -> None:
    text, wanted = ROWS[case]
    assert users.accounts(text.splitlines(keepends=True), {1000, 0}) == wanted


def test_who_has_a_session_is_there(tmp_path: Path) -> None:
    for name in ("1000", "70001", "42", "systemd"):
        (tmp_path / name).mkdir()
    assert users.sessions({1000}, str(tmp_path)) == {70001}
    assert users.sessions({1000}, str(tmp_path / "absent")) == set()


@pytest.mark.parametrize(("said", "wanted"), [("yes", True), ("no", False)])
def test_the_setting_decides(said: str, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(users.SETTING, said)
    assert users.shared() is wanted


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_daemon_is_nobody_who_uses_the_machine() -> None:
    """Its process, as one in a container, belongs to no login."""
    daemon = subprocess.Popen(["sleep", "1000"], user=54322, group=54322, extra_groups=[])
    try:
        led = Path(f"/proc/{daemon.pid}/loginuid")
        login = led.exists() and led.read_text().strip() not in ("", str(users.NO_SESSION))
        assert (54322 in users.processes({0})) is login
    finally:
        daemon.kill()
        daemon.wait()


def test_an_account_has_a_name_or_its_number() -> None:
    assert users.name(0) == "root" and users.name(987654) == "987654"
