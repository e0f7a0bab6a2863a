"""Doctor's noun auth, on files and keys of a throw-away checkout."""

from __future__ import annotations

import base64
import stat
from pathlib import Path
from typing import Any

import pytest

from facts import auth
from tests.conftest import Checkout

STATE = """
[auth]
issuer = "issuer"
[env]
APP_ENV = "development"
CLERK_PUBLISHABLE_KEY = { required = false }
CLERK_SECRET_KEY = { required = false, secret = true }
AUTH_AUTHORIZED_PARTIES = { required = false }
[services.issuer]
kind = "command"
port = 20001
dev = "true"
"""
KEY = "pk_test_" + base64.b64encode(b"clerk.shop.example$").decode()


def doctor(checkout: Checkout, *argv: str) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in checkout.dev("doctor", "--only", "auth", "--json", *argv).json["items"]}


def test_keys_are_the_whole_switch(checkout: Checkout) -> None:
    checkout.state(STATE)
    assert doctor(checkout)["auth.mode"]["found"] == "local"
    values = f"CLERK_PUBLISHABLE_KEY={KEY}\nAUTH_AUTHORIZED_PARTIES=http://127.0.0.1:18080\n"
    checkout.write(".dev/values", values, 0o600)
    assert doctor(checkout)["auth.mode"]["found"] == "clerk"


def test_keys_of_two_instances_are_named_and_never_shown(checkout: Checkout) -> None:
    checkout.state(STATE)
    checkout.write(".dev/values", f"CLERK_PUBLISHABLE_KEY={KEY}\nCLERK_SECRET_KEY=sk_live_mysecret\n", 0o600)
    ran = checkout.dev("doctor", "--only", "auth", "--json")
    found = {item["id"]: item for item in ran.json["items"]}
    assert ran.code == 4 and "mysecret" not in ran.out + ran.err and KEY not in ran.out
    assert found["auth.CLERK_SECRET_KEY"]["code"] == "auth-pair"
    assert found["auth.CLERK_SECRET_KEY"]["source"].startswith("desired_state.toml:")
    assert found["auth.AUTH_AUTHORIZED_PARTIES"]["code"] == "auth-parties"


def test_what_no_service_would_start_with_stops_a_start(checkout: Checkout) -> None:
    checkout.state(STATE.replace('"development"', '"production"'))
    assert doctor(checkout)["auth.mode"]["code"] == "auth-refused"
    started = checkout.dev("start")
    assert started.code == 4 and "error[auth-refused]" in started.err


def test_without_an_issuer_missing_keys_are_nobodys_business(checkout: Checkout) -> None:
    checkout.state("[env]\nCLERK_PUBLISHABLE_KEY = { required = false }\n")
    assert doctor(checkout)["auth.mode"]["status"] == "skipped"
    assert checkout.dev("status", "--json").json["auth"] is None
    checkout.state("")
    assert doctor(checkout) == {}


def test_secrets_that_others_could_read_are_closed(checkout: Checkout) -> None:
    checkout.state(STATE)
    kept = checkout.write(".dev/instances/default/private/issuer/key.pem", "secret", 0o644)
    outside = checkout.write("outside", "x", 0o644)
    (kept.parent / "link").symlink_to(outside)
    kept.parent.chmod(0o750)
    kept.parent.parent.chmod(0o700)
    assert doctor(checkout)["auth.files"]["status"] == "drift"
    assert doctor(checkout, "--fix")["auth.files"]["status"] == "changed"
    assert mode(kept) == 0o600 and mode(kept.parent) == 0o700 and mode(outside) == 0o644
    assert kept.read_text() == "secret" and doctor(checkout)["auth.files"]["status"] == "ok"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "key", ["", "pk_test_", "pk_test_!!", "sk_test_" + KEY[8:], KEY + "x", KEY.lower(), "pk_prod_x"]
)
def test_only_a_publishable_key_names_an_instance(key: str) -> None:
    assert auth.issuer_of(key) is None and auth.issuer_of(KEY) == "https://clerk.shop.example"
