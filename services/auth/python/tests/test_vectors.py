"""Every vector holds: over HTTP against a running service, and at the verifier itself; nothing calls out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vectors
from conftest import Issuer, Service, environment
from fastapi import Depends, FastAPI
from platform_auth.clerk.session import Verifier
from platform_auth.errors import AuthError
from platform_auth.fastapi import Auth
from platform_auth.keys import StaticKey, pems
from platform_auth.settings import read
from seeded import SeededUsers
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


@pytest.fixture(scope="module")
def services(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    logs = tmp_path_factory.mktemp("logs")
    running = {}
    for name in vectors.APPS:
        environ = environment(name, issuer.url, REFUSE_WAY_OUT="1")
        running[name] = Service(environ, log=logs / name)
    yield running
    for service in running.values():
        service.stop()
    for service in running.values():
        log = service.log.read_text()
        assert "OUTBOUND" not in log, "the service called out"
        assert "Traceback" not in log, log
        for secret in (
            vectors.SERVICE,
            vectors.PREVIOUS,
            vectors.TEST_SECRET,
            vectors.token(vectors.APPS["local"], {})[:20],
        ):
            assert secret not in log, "a credential stands in the log"


def check(case: dict[str, Any], status: int, headers: dict[str, str], body: Any, named: dict[str, str]) -> None:
    assert (status, body.get("error", {}).get("code")) == (case["status"], case.get("code")), body
    for name, value in case.get("body", {}).items():
        assert body[name] == named.get(str(value), value)
    for name, value in case.get("response", {}).items():
        assert headers[name.lower()] == value
    if status >= 400:
        assert headers["cache-control"] == "no-store"
        assert body["error"]["request_id"] == headers["x-request-id"]
        assert body["error"]["message"]
    assert ("www-authenticate" in headers) == (status == 401)
    assert "x-auth-mode" not in headers or "test" in case.get("apps", [])


@pytest.mark.parametrize(
    ("name", "case"), vectors.cases(), ids=lambda value: value["name"] if isinstance(value, dict) else value
)
def test_vector_over_http(name: str, case: dict[str, Any], services: dict[str, Service]) -> None:
    app, service = vectors.APPS[name], services[name]
    if case.get("via") == "function":
        pytest.skip("HTTP cannot carry it; test_vector_at_the_verifier does it")
    headers, path = vectors.headers(app, case), case.get("path", "/me")
    if peer := case.get("peer"):
        status, told, body = from_peer(peer, app, headers, path)
        return check(case, status, told, body, vectors.values(app, case))
    answer = service.get(path, headers)
    check(case, answer.status, answer.headers, answer.body, vectors.values(app, case))
    if without := case.get("identical_without"):
        headers = [("X-Request-Id", "same"), *headers]
        kept = [(header, value) for header, value in headers if header not in without]
        one, two = service.get(path, headers), service.get(path, kept)
        one.headers.pop("date"), two.headers.pop("date")
        assert one == two
    return None


def from_peer(
    peer: str, app: vectors.App, headers: list[tuple[str, str]], path: str
) -> tuple[int, dict[str, str], Any]:
    """The same app called as a server calls it, but with a peer that loopback tests cannot have."""
    environ = environment(app.name, "http://127.0.0.1:1")
    auth = Auth(read(environ, ["uvicorn"]), SeededUsers({}))
    asgi = FastAPI()
    auth.install(asgi)
    asgi.get("/me", dependencies=[Depends(auth.current_user)])(lambda: {"status": "ok"})
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "path": path,
        "headers": raw,
    }
    scope |= {
        "client": (peer, 4000),
        "server": ("127.0.0.1", 80),
        "query_string": b"",
        "scheme": "http",
        "root_path": "",
    }
    trusting = ProxyHeadersMiddleware(asgi, trusted_hosts="*")  # a server told to believe every X-Forwarded-For
    asyncio.run(trusting(scope, receive, send))
    told = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], told, json.loads(b"".join(message.get("body", b"") for message in sent[1:]))


def with_token() -> list[tuple[str, dict[str, Any]]]:
    return [(name, case) for name, case in vectors.cases() if "headers" not in case and "path" not in case]


@pytest.mark.parametrize(
    ("name", "case"), with_token(), ids=lambda value: value["name"] if isinstance(value, dict) else value
)
def test_vector_at_the_verifier(name: str, case: dict[str, Any]) -> None:
    app = vectors.APPS[name]
    verifier = Verifier(app.issuer, (app.party,), 5)
    keys = StaticKey(vectors.PEM) if name == "clerk" else None
    code = None
    try:
        token = vectors.token(app, case)
        kid = verifier.kid(token)
        pem = keys.get(kid) if keys else pems(vectors.jwks()).get(kid)
        if pem is None:
            raise AuthError("token_invalid", "kid")
        verifier.session(token, pem)
    except AuthError as error:
        code = error.code
    assert code == (case.get("code") if case["status"] == 401 else None)


def test_there_are_enough_vectors() -> None:
    assert len(vectors.CASES) >= 80
    assert len({case["name"] for case in vectors.CASES}) == len(vectors.CASES)


def test_the_kit_does_not_contain_the_backdoor() -> None:
    for file in (Path(__file__).parents[1] / "platform_auth").rglob("*"):
        if file.is_file() and file.suffix != ".pyc":
            assert "x-test-" not in file.read_text().lower(), file
