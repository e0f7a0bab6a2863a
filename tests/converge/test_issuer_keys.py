"""The public keys that services get as a value are those of the service that mints tokens."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from converge import issuer_keys
from converge.instance import Instance

SECRET = "a secret of the tests, 32 letters"
KIDS = {
    (SECRET, 18084): "ins_local_c176a9eadcce738f",
    (SECRET, 28084): "ins_local_595ddcf959f22080",
    (SECRET.removesuffix("s") + "S", 18084): "ins_local_92bbf578e9af33d4",
    ("ein Geheimnis mit Umlauten: äöü €, 𝔘", 1024): "ins_local_3eb7209f72f6a174",
    ("iss_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", 65535): "ins_local_7174dea0da502f00",
}
"""As in services/auth/issuer/derive_test.go."""


def kid(document: str) -> str:
    (key,) = json.loads(document)["keys"]
    return str(key["kid"])


def pipe(file: Path) -> None:
    os.mkfifo(file)


def cut(file: Path) -> None:
    file.write_text(issuer_keys.computed(SECRET, 28084)[:-9])


def foreign(file: Path) -> None:
    """Another key under the name of the right one."""
    other, right = (json.loads(issuer_keys.computed(SECRET, port))["keys"][0] for port in (28084, 18084))
    file.write_text(json.dumps({"keys": [{**other, "kid": right["kid"]}]}, separators=(",", ":")))


@pytest.mark.parametrize("secret, port", KIDS)
def test_the_key_is_the_one_that_the_service_makes(secret: str, port: int) -> None:
    (key,) = json.loads(issuer_keys.computed(secret, port))["keys"]
    assert key["kid"] == KIDS[secret, port] and key["e"] == "AQAB" and len(key["n"]) == 342


def test_a_kept_key_is_not_computed_again_and_is_for_its_secret_and_port_alone(tmp_path: Path) -> None:
    instance = Instance(tmp_path, "x")
    issuer_keys.keep(instance, SECRET, 18084)
    issuer_keys.computed.cache_clear()
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda _: issuer_keys.public(instance, SECRET, 18084), range(4)))
    assert issuer_keys.computed.cache_info().misses == 0
    assert {kid(each) for each in found} == {KIDS[SECRET, 18084]}
    assert kid(issuer_keys.public(instance, SECRET, 28084)) == KIDS[SECRET, 28084]
    (kept,) = (instance.state / "keys").iterdir()
    assert kept.stat().st_mode & 0o077 == 0 and kept.parent.stat().st_mode & 0o077 == 0
    issuer_keys.keep(instance, SECRET, 28084)
    (kept,) = (instance.state / "keys").iterdir()
    assert kid(kept.read_text()) == KIDS[SECRET, 28084]


@pytest.mark.parametrize(
    "damage", [Path.touch, cut, foreign, pipe, lambda file: file.write_text("[1]"), lambda file: file.symlink_to(file)]
)
def test_a_kept_key_that_is_not_whole_is_not_used_and_replaced(damage: Callable[[Path], None], tmp_path: Path) -> None:
    instance = Instance(tmp_path, "x")
    issuer_keys.keep(instance, SECRET, 18084)
    (kept,) = (instance.state / "keys").iterdir()
    kept.unlink()
    damage(kept)
    assert issuer_keys.public(instance, SECRET, 18084) == issuer_keys.computed(SECRET, 18084)
    issuer_keys.keep(instance, SECRET, 18084)
    assert kept.is_file() and kept.read_text() == issuer_keys.computed(SECRET, 18084)


def test_without_a_secret_there_is_no_value(tmp_path: Path) -> None:
    instance = Instance(tmp_path, "x")
    issuer_keys.keep(instance, "", 18084)
    assert issuer_keys.public(instance, "", 18084) == "" and not instance.state.exists()
