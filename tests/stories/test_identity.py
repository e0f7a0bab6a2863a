"""Identities without an account: a token, a link, a mode that is seen, and tests that bring their own."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converge import schema, tools
from tests.conftest import TOOL, Checkout, removed

STATE = """
[auth]
issuer = "issuer"
[env]
APP_ENV = "development"
AUTH_ISSUER_SECRET = { generate = "token", secret = true, only = ["issuer"] }
CLERK_PUBLISHABLE_KEY = { required = false }
AUTH_AUTHORIZED_PARTIES = { required = false }
[services.issuer]
kind = "command"
port = PORT
dev = "exec BINARY"
ready = { http = "/readyz" }
env = { AUTH_STATE_DIR = "{state}", AUTH_WEB_ORIGINS = "http://127.0.0.1:WEB" }
"""
READER = """
[services.reader]
kind = "command"
port = PORT
dev = 'printf %s "$KEYS" >seen; exec python3 -m http.server $PORT --bind 127.0.0.1'
uses = ["issuer"]
env = { KEYS = "{issuer.keys}" }
"""
CHECK = """
import os, sys
assert os.environ["SHARED"] == "all" and "OWN" not in os.environ
assert ".dev/services/kit/venv" in sys.prefix, sys.prefix
assert os.environ["URL"].startswith("http")
open("ran", "w").close()
"""
KEY = "pk_test_" + base64.b64encode(b"clerk.shop.example$").decode()


@pytest.fixture(scope="session")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our issuer, built from its source."""
    go = tools.executable(schema.load(TOOL), "go") or shutil.which("go")
    if go is None:
        pytest.skip("there is no Go: ./dev doctor --fix")
    made = tmp_path_factory.mktemp("issuer") / "issuer"
    env = {**os.environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
    subprocess.run([str(go), "build", "-o", str(made), "."], cwd=TOOL / "services/auth/issuer", env=env, check=True)
    return made


@pytest.fixture
def place(checkout: Checkout, binary: Path, free_port: Callable[[], int]) -> Checkout:
    """A checkout that has our issuer; nothing runs."""
    port = str(free_port())
    checkout.state(STATE.replace("PORT", port, 1).replace("BINARY", str(binary)).replace("WEB", str(free_port())))
    text = (checkout.path / "desired_state.toml").read_text()
    assert port in text
    return checkout


def claims(token: str, part: int = 1) -> dict[str, Any]:
    body = token.split(".")[part]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def header(token: str) -> dict[str, Any]:
    return claims(token, 0)


def kid(document: str | bytes) -> str:
    """Of the only key of a JWKS."""
    (key,) = json.loads(document)["keys"]
    return str(key["kid"])


def test_a_start_says_how_to_sign_in_and_a_token_is_one_word(place: Checkout) -> None:
    started = place.dev("start")
    assert started.code == 0, started.err
    assert "AUTH MODE LOCAL" in started.err and "./dev sign-in" in started.err and "AUTH MODE" not in started.out
    ran = place.dev("token", "--user", "bob", "--ttl", "30m", "--org", "acme:admin")
    assert ran.code == 0 and len(ran.out.split()) == 1 and ran.err == ""
    said = claims(ran.out)
    assert said["iss"] == "urn:platform:local" and "bob" in said["sub"] and said["exp"] - said["iat"] == 1800
    assert said["o"]["slg"] == "acme" and said["o"]["rol"] == "admin"
    assert claims(place.dev("token").out)["sub"] != said["sub"]
    found = place.dev("token", "--json").json
    assert found["schema"] == 1 and claims(found["token"])["sub"] == found["subject"]
    state = place.path / ".dev/instances/default/private/issuer"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700 and not any(state.iterdir())  # its private key is in no file
    assert place.dev("doctor").code == 0


def test_a_link_lets_a_browser_in(place: Checkout) -> None:
    assert place.dev("start").code == 0
    url = place.dev("sign-in").out.strip()
    assert url.startswith("http://127.0.0.1:") and "/enter?" in url
    with urllib.request.urlopen(url, timeout=60) as answer:
        assert answer.status == 200
    assert place.dev("sign-in", "--json").json["url"] != url


def test_the_mode_is_seen_in_the_status(place: Checkout) -> None:
    status = place.dev("status", "--json").json
    assert status["auth"] == {"mode": "local", "because": "APP_ENV is development, and no Clerk key is set"}
    assert any(line.startswith("auth ") and "local" in line for line in place.dev("status").out.splitlines())
    place.write(".dev/values", f"CLERK_PUBLISHABLE_KEY={KEY}\nAUTH_AUTHORIZED_PARTIES=http://127.0.0.1:18080\n", 0o600)
    assert place.dev("status", "--json").json["auth"]["mode"] == "clerk"
    started = place.dev("start")
    assert started.code == 0 and "AUTH MODE" not in started.err


def test_a_token_that_cannot_be_had_says_why(place: Checkout) -> None:
    down = place.dev("token")
    assert down.code == 3 and "error[issuer-down]" in down.err and "./dev start issuer" in down.err and down.out == ""
    assert place.dev("start").code == 0
    wrong = place.dev("token", "--user", "no such user!")
    assert wrong.code == 64 and "error[token-refused]" in wrong.err and "a user is" in wrong.err
    assert place.dev("token", "--ttl", "2d").code == 64
    secret = (place.path / ".dev/values").read_text()
    place.write(".dev/values", secret.replace("AUTH_ISSUER_SECRET=", "AUTH_ISSUER_SECRET=x"), 0o600)
    other = place.dev("token")
    assert other.code == 3 and "error[token-refused]" in other.err and "restart" in other.err
    place.write(".dev/values", "", 0o600)
    assert "error[secret-absent]" in place.dev("token").err
    place.write(".dev/values", f"CLERK_PUBLISHABLE_KEY={KEY}\nAUTH_AUTHORIZED_PARTIES=http://127.0.0.1:18080\n", 0o600)
    assert "error[auth-clerk]" in place.dev("token").err and "error[auth-clerk]" in place.dev("sign-in").err
    place.state("")
    assert "error[auth-absent]" in place.dev("token").err


def test_a_stranger_on_the_port_is_not_shown_the_secret(place: Checkout) -> None:
    assert place.dev("doctor", "--fix").code == 0
    port = place.components()["issuer"]["port"]
    stranger = subprocess.Popen(["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1"], cwd=place.home)
    try:
        while stranger.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
                break
            except OSError:
                continue
        assert "error[issuer-down]" in place.dev("token").err
    finally:
        stranger.kill()
        stranger.wait()


def test_services_get_the_keys_as_a_value_and_others_after_a_change_of_the_secret(
    place: Checkout, free_port: Callable[[], int]
) -> None:
    text = (place.path / "desired_state.toml").read_text()
    place.write("desired_state.toml", text + READER.replace("PORT", str(free_port()), 1))
    port, seen = place.components()["issuer"]["port"], place.path / "seen"

    def published() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/.well-known/jwks.json", timeout=60) as answer:
            return kid(answer.read())

    assert place.dev("start").code == 0
    first = kid(seen.read_text())
    assert first == published() == header(place.dev("token").out)["kid"]
    removed(place.path / ".dev/instances/default/keys")
    assert place.components()["reader"]["state"] == "ready" and place.dev("start").code == 0
    stored = (place.path / ".dev/values").read_text()
    place.write(".dev/values", stored.replace("AUTH_ISSUER_SECRET=", "AUTH_ISSUER_SECRET=x"), 0o600)
    assert place.dev("start").code == 0  # and nothing else is needed
    second = kid(seen.read_text())
    assert first != second == published() == header(place.dev("token").out)["kid"]


def test_tests_bring_their_own_identities(place: Checkout) -> None:
    text = (place.path / "desired_state.toml").read_text()
    # a developer's Clerk keys are not the tests' affair
    env = f"CLERK_PUBLISHABLE_KEY={KEY}\nAUTH_AUTHORIZED_PARTIES=http://127.0.0.1:18080\n"
    place.write(".dev/values", env, 0o600)
    place.write("desired_state.toml", text.replace("[auth]", 'system_test = "env > seen; env | sort"\n[auth]', 1))
    ran = place.dev("test", "--system", env={"CI": "true"})
    assert ran.code == 0, ran.err
    seen = dict(line.split("=", 1) for line in (place.path / "seen").read_text().splitlines() if "=" in line)
    assert seen["APP_ENV"] == "test" and seen["DEV_PLACEMENT"] == "native" and "CLERK_PUBLISHABLE_KEY" not in seen
    assert len(seen["TEST_AUTH_SECRET"]) >= 32 and len(seen["AUTH_ISSUER_SECRET"]) >= 32
    assert seen["ISSUER_URL"].startswith("http://127.0.0.1:")
    assert not (place.path / ".dev/instances/test/private").exists()
    assert place.dev("test", "--system").code == 0
    again = dict(line.split("=", 1) for line in (place.path / "seen").read_text().splitlines() if "=" in line)
    assert again["TEST_AUTH_SECRET"] != seen["TEST_AUTH_SECRET"]
    assert again["AUTH_ISSUER_SECRET"] == seen["AUTH_ISSUER_SECRET"]
    assert 'APP_ENV = "development"' in (place.path / "desired_state.toml").read_text()


def test_what_fails_in_a_test_can_be_shown_to_others(place: Checkout, tmp_path: Path) -> None:
    text = (place.path / "desired_state.toml").read_text()
    talk = 'dev = "echo heard: $TEST_AUTH_SECRET x$AUTH_ISSUER_SECRET; exec '
    place.write(
        "desired_state.toml",
        text.replace('dev = "exec ', talk, 1).replace("[auth]", 'system_test = "env > seen; exit 1"\n[auth]', 1),
    )
    ran = place.dev("test", "--system", env={"CI": "true"})
    assert ran.code == 3
    seen = dict(line.split("=", 1) for line in (place.path / "seen").read_text().splitlines() if "=" in line)
    (path,) = (place.path / ".dev").glob("bundle-*.tar.gz")
    with tarfile.open(path) as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers() if member.isfile()}
        texts = {name: file.read().decode() for name, file in members.items() if file}
    assert any("heard: ********" in text for text in texts.values())
    for name in ("TEST_AUTH_SECRET", "AUTH_ISSUER_SECRET"):
        assert not [part for part, text in texts.items() if seen[name] in text]


def test_a_suite_of_its_own_is_a_suite_of_dev_test(checkout: Checkout, free_port: Callable[[], int]) -> None:
    own = schema.load(TOOL).desired.tools
    shutil.copy(TOOL / "desired_state.lock", checkout.path)
    checkout.write("kit/requirements.lock", "# nothing\n")
    checkout.write("kit/check.py", CHECK)
    checkout.state(
        f"""
[tools]
uv = "{own["uv"]}"
python = "{own["python"]}"
[env]
SHARED = "all"
OWN = {{ value = "one", only = ["store"] }}
[services.store]
kind = "command"
port = {free_port()}
dev = "exec python3 -m http.server $PORT --bind 127.0.0.1"
[tests.kit]
path = "kit"
command = "python check.py"
requirements = "requirements.lock"
needs = ["store"]
env = {{ URL = "{{store.url}}" }}
[tests.bad]
command = "exit 7"
"""
    )
    listed = checkout.dev("test", "--list", "--json").json["suites"]
    assert [each["name"] for each in listed] == ["kit", "bad"]
    ran = checkout.dev("test", "kit", timeout=300)
    assert ran.code == 0 and "1 of 1 suites passed" in ran.out, ran.err
    assert (checkout.path / "kit/ran").exists() and checkout.components("--instance", "test")["store"]["pid"] is None
    failed = checkout.dev("test", "bad")
    assert failed.code == 3 and "failed (7)" in failed.out
    assert "dependencies.kit" not in checkout.dev("doctor", "--json").out
