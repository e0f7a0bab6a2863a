"""The door and its gates: some are looked at before the process listens, some at every request."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from platform_auth.errors import AuthError, Refused

BIND_OPTIONS = ("--host", "--bind", "-b", "--hostname", "--uds", "--fd")
BIND_VARIABLES = ("HOST", "UVICORN_HOST", "UVICORN_UDS", "UVICORN_FD", "GUNICORN_CMD_ARGS")
PROXIED = (
    *(b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"),
    *(b"true-client-ip", b"cf-connecting-ip"),
)
NAME = re.compile("[a-z0-9_]{1,40}", re.ASCII)


def open_backdoor(environ: Mapping[str, str], argv: Sequence[str]) -> HeaderBackdoor:
    """The door; raises Refused unless the server binds loopback and a secret of this run is set."""
    for name, address in binds(environ, argv):
        if not is_loopback(address):
            raise Refused(f"test users by header, but {name} binds {address!r}, which is not loopback")
    secret = environ.get("TEST_AUTH_SECRET", "")
    if len(secret) < 32:
        raise Refused("TEST_AUTH_SECRET of 32 or more characters, made for this run, is missing")
    return HeaderBackdoor(sha256(secret.encode()).digest())


def binds(environ: Mapping[str, str], argv: Sequence[str]) -> Iterable[tuple[str, str]]:
    """Every address that a server may have been told, and where; servers without any take loopback."""
    for name in BIND_VARIABLES:
        if name in environ:
            yield name, environ[name]
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option in BIND_OPTIONS:
            yield option, value if equals else following


def is_loopback(address: Any) -> bool:
    """Whether only this machine can be there."""
    if address == "localhost":
        return True
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback


@dataclass(frozen=True)
class HeaderBackdoor:
    """Believes X-Test-User beside the right X-Test-Secret, from a peer on this machine, through no proxy."""

    digest: bytes = field(repr=False)

    def subject(self, scope: Mapping[str, Any]) -> str | None:
        """`user_test_NAME`, or none if the request is not to be believed; raises AuthError for a header given twice."""
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        users = [value for name, value in headers if name == b"x-test-user"]
        secrets = [value for name, value in headers if name == b"x-test-secret"]
        # A server rewrites the peer's address only by these headers: without them it is the real one.
        if not users or any(name in PROXIED for name, _ in headers):
            return None
        if not scope.get("client") or not is_loopback(scope["client"][0]):
            return None
        if len(users) > 1 or len(secrets) > 1:
            raise AuthError("duplicate_credentials", "x-test-user or x-test-secret")
        given = sha256(secrets[0] if secrets else b"").digest()
        name = users[0].decode("latin-1")
        if not hmac.compare_digest(given, self.digest) or not NAME.fullmatch(name):
            return None
        if isinstance(scope, dict):
            scope["platform_auth_testing"] = True
        return f"user_test_{name}"

    def install(self, app: Any) -> None:
        """Mark the answers to test users: `X-Auth-Mode: test`."""
        app.add_middleware(_Mark)


class _Mark:
    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def marked(message: Any) -> None:
            if message["type"] == "http.response.start" and scope.get("platform_auth_testing"):
                message["headers"] = [*message.get("headers", []), (b"x-auth-mode", b"test")]
            await send(message)

        await self.app(scope, receive, marked)
