"""Every forbidden environment ends the process with 78 before its port is open; every allowed one listens."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
import vectors
from conftest import Service, environment, free_port
from platform_auth.settings import MARKERS, Refused, read

SECRET = {"TEST_AUTH_SECRET": "s" * 32}
ISSUER = {"AUTH_LOCAL_ISSUER": "http://127.0.0.1:18084"}
PARTIES = {"AUTH_AUTHORIZED_PARTIES": "https://shop.example"}
PUBLISHABLE = "pk_test_Y2xlcmsuc2hvcC5leGFtcGxlJA"  # clerk.shop.example$
KEYS = {
    "none": {},
    "publishable": {"CLERK_PUBLISHABLE_KEY": PUBLISHABLE, **PARTIES},
    "pem": {"CLERK_JWT_KEY": vectors.PEM, "CLERK_ISSUER": "https://clerk.shop.example", **PARTIES},
    "no parties": {"CLERK_PUBLISHABLE_KEY": PUBLISHABLE},
    "pem alone": {"CLERK_JWT_KEY": vectors.PEM, **PARTIES},
    "issuer alone": {"CLERK_ISSUER": "https://clerk.shop.example", **PARTIES},
    "secret alone": {"CLERK_SECRET_KEY": "sk_test_x", **PARTIES},
    "another kind of secret": {"CLERK_PUBLISHABLE_KEY": PUBLISHABLE, "CLERK_SECRET_KEY": "sk_live_x", **PARTIES},
    "no publishable key": {"CLERK_PUBLISHABLE_KEY": "pk_test_!!", **PARTIES},
}
ENVS = (None, "", "production", "development", "test", "Test", "test ", "staging")
BINDS = ("127.0.0.1", "localhost", "0.0.0.0")
MARKED = (None, "KUBERNETES_SERVICE_HOST", "VERCEL_ENV")


@dataclass(frozen=True)
class Combination:
    """One environment and what it must lead to: a mode, or none for exit 78."""

    env: str | None
    bind: str
    keys: str
    marker: str | None
    more: dict[str, str] = field(default_factory=dict)

    @property
    def mode(self) -> str | None:
        if self.keys in ("publishable", "pem"):
            return None if self.env == "test" else "clerk"
        if self.keys != "none":
            return None
        if self.env == "development":
            return "local"
        if self.env == "test" and self.bind != "0.0.0.0" and not self.marker:
            return "test"
        return None

    @property
    def environ(self) -> dict[str, str]:
        found = {**SECRET, **ISSUER, **KEYS[self.keys], **self.more}
        if self.env is not None:
            found["APP_ENV"] = self.env
        if self.marker:
            found[self.marker] = "production"
        return found


MATRIX = [Combination(*each) for each in itertools.product(ENVS, BINDS, KEYS, MARKED)]


def test_matrix_as_values() -> None:
    for each in MATRIX:
        argv = ["uvicorn", "app:app", "--host", each.bind]
        try:
            mode = read(each.environ, argv).mode
        except Refused:
            mode = None
        assert mode == each.mode, each


def starts(environ: dict[str, str], bind: str) -> tuple[int | None, bool, str]:
    """Exit code (none while it runs), whether the port was ever open, and stderr."""
    port = free_port()
    path = environment("local", "")["PYTHONPATH"]
    command = [sys.executable, "-m", "uvicorn", "app:app", "--host", bind, "--port", str(port)]
    process = subprocess.Popen(
        command, env={"PYTHONPATH": path, **environ}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    opened = False
    deadline = time.monotonic() + 30
    while process.poll() is None and not opened and time.monotonic() < deadline:
        with socket.socket() as probe:
            opened = probe.connect_ex(("127.0.0.1", port)) == 0
        time.sleep(0.01)
    code = process.poll()
    process.kill()
    return code, opened, process.communicate()[1]


# As processes: one of each kind of difference, since a start takes a second.
PROCESSES = [
    each
    for each in MATRIX
    if (each.env in (None, "production", "development", "test"))
    and (each.keys in ("none", "publishable"))
    and (each.bind != "localhost")
    and (each.marker != "VERCEL_ENV")
]


def test_matrix_as_processes() -> None:
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda each: starts(each.environ, each.bind), PROCESSES))
    for each, (code, opened, told) in zip(PROCESSES, ended, strict=True):
        if each.mode:
            assert (code, opened) == (None, True), (each, told)
        else:
            assert (code, opened) == (78, False), (each, told)
            assert len(told.splitlines()) == 1
            assert told.startswith("platform_auth: refuses to start: ")


@pytest.mark.parametrize("marker", [*MARKERS, "VERCEL_ENV"])
def test_every_marker_of_production_refuses_test_mode(marker: str) -> None:
    with pytest.raises(Refused, match=marker):
        read({"APP_ENV": "test", **SECRET, **ISSUER, marker: "production"}, ["x"])


@pytest.mark.parametrize("secret", ["", "short", "s" * 31])
def test_backdoor_needs_a_secret_of_32_characters(secret: str) -> None:
    with pytest.raises(Refused, match="TEST_AUTH_SECRET"):
        read({"APP_ENV": "test", **ISSUER, "TEST_AUTH_SECRET": secret}, ["x"])


@pytest.mark.parametrize(
    ("environ", "argv"),
    [
        ({"HOST": "0.0.0.0"}, []),
        ({"HOST": "::"}, []),
        ({"HOST": "10.0.0.1"}, []),
        ({"HOST": "myhost"}, []),
        ({"UVICORN_HOST": "0.0.0.0"}, []),
        ({"UVICORN_FD": "3"}, []),
        ({"GUNICORN_CMD_ARGS": "--bind=0.0.0.0"}, []),
        ({"HOST": "127.0.0.1"}, ["--host", "0.0.0.0"]),
        ({}, ["--host=0.0.0.0"]),
        ({}, ["--host"]),
        ({}, ["--host", "127.0.0.1", "--host", "0.0.0.0"]),
        ({}, ["--bind", "0.0.0.0:80"]),
        ({}, ["-b", ":80"]),
        ({}, ["--uds", "socket"]),
        ({}, ["--fd", "3"]),
    ],
)
def test_backdoor_needs_loopback_alone(environ: dict[str, str], argv: list[str]) -> None:
    with pytest.raises(Refused, match="not loopback"):
        read({"APP_ENV": "test", **SECRET, **ISSUER, **environ}, ["uvicorn", *argv])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_opens_the_backdoor(host: str) -> None:
    assert read({"APP_ENV": "test", **SECRET, **ISSUER}, ["uvicorn", "--host", host]).backdoor is not None


@pytest.mark.parametrize(
    "more",
    [
        {"AUTH_LOCAL_ISSUER": ""},
        {"AUTH_LOCAL_ISSUER": "http://issuer.evil.example"},
        {"AUTH_LOCAL_ISSUER": "https://127.0.0.1"},
        {"AUTH_LOCAL_ISSUER": "http://8.8.8.8:80"},
        {"AUTH_LOCAL_ISSUER": "http://user@127.0.0.1"},
        {"AUTH_LOCAL_ISSUER": "http://127.0.0.1/path"},
        {"AUTH_LOCAL_ISSUER_KEYS": "x"},
        {"AUTH_LOCAL_ISSUER_KEYS": '{"keys": []}'},
        {"AUTH_CLOCK_SKEW_S": "-1"},
        {"AUTH_CLOCK_SKEW_S": "61"},
        {"AUTH_CLOCK_SKEW_S": "5.0"},
        {"SERVICE_AUTH_TOKEN": "secret"},
        {"SERVICE_AUTH_TOKEN": "svc_short"},
        {"SERVICE_AUTH_TOKEN_PREVIOUS": "svc_" + "ä" * 43},
    ],
)
def test_what_cannot_be_meant_refuses(more: dict[str, str]) -> None:
    with pytest.raises(Refused, match=next(iter(more))):
        read({"APP_ENV": "development", **ISSUER, **more}, ["x"])


@pytest.mark.parametrize(
    "url", ["http://issuer:18084", "http://host.docker.internal:1", "http://[::1]:18084", "http://172.17.0.1:1"]
)
def test_local_issuer_may_be_in_a_container_network(url: str) -> None:
    assert read({"APP_ENV": "development", "AUTH_LOCAL_ISSUER": url}).mode == "local"


@pytest.mark.parametrize(
    "parties", ["*", "https://*.example", "https://shop.example/", "shop.example", "https://a.example,*"]
)
def test_parties_are_whole_origins(parties: str) -> None:
    with pytest.raises(Refused, match="AUTH_AUTHORIZED_PARTIES"):
        read({**KEYS["pem"], "AUTH_AUTHORIZED_PARTIES": parties})


def test_publishable_key_names_issuer_and_keys() -> None:
    settings = read({"CLERK_PUBLISHABLE_KEY": PUBLISHABLE, **PARTIES})
    assert settings.issuer == "https://clerk.shop.example"
    assert settings.jwks_url == "https://clerk.shop.example/.well-known/jwks.json"


def test_pem_may_be_written_in_one_line() -> None:
    one_line = vectors.PEM.replace("\n", "\\n")
    assert read({**KEYS["pem"], "CLERK_JWT_KEY": one_line}).jwt_key == vectors.PEM.strip()


def test_without_the_testing_distribution_test_mode_has_no_backdoor() -> None:
    """As in an image: no header is believed, nothing about loopback or the secret is asked."""
    environ = environment("test", "http://127.0.0.1:1")
    del environ["TEST_AUTH_SECRET"]
    environ["PYTHONPATH"] = ":".join(part for part in environ["PYTHONPATH"].split(":") if "python-testing" not in part)
    service = Service(environ, host="0.0.0.0")
    try:
        answer = service.get("/me", [("X-Test-User", "alice"), ("X-Test-Secret", vectors.TEST_SECRET)])
    finally:
        service.stop()
    assert (answer.status, answer.body["error"]["code"]) == (401, "auth_required")


def test_secrets_are_not_shown() -> None:
    settings = read({"APP_ENV": "development", **ISSUER, "SERVICE_AUTH_TOKEN": vectors.SERVICE})
    assert vectors.SERVICE not in repr(settings)
    assert "AUTH MODE LOCAL" in settings.banner()
