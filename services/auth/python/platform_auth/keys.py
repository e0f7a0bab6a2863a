"""The provider's public keys: kept an hour, used an hour longer when it is away, asked for at most every 30 s."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from platform_auth.errors import AuthError

TTL_S, STALE_S, REFETCH_S, COLD_S = 3600.0, 3600.0, 30.0, 2.0
LIMIT = 64 * 1024
log = logging.getLogger("platform_auth")


class Keys(Protocol):
    """Where the key of a token comes from."""

    def known(self, kid: str) -> str | None:
        """The PEM if it is at hand and fresh; never waits."""

    def get(self, kid: str) -> str:
        """The PEM; may ask the provider. Raises AuthError."""


class StaticKey:
    """One PEM from the environment, for every kid."""

    def __init__(self, pem: str) -> None:
        self._pem = pem

    def known(self, kid: str) -> str | None:
        """The PEM."""
        return self._pem

    def get(self, kid: str) -> str:
        """The PEM."""
        return self._pem


class GivenKeys:
    """Keys from the environment, by kid: nobody is asked for others."""

    def __init__(self, pems: Mapping[str, str]) -> None:
        self._pems = pems

    def known(self, kid: str) -> str | None:
        """The PEM of a kid."""
        return self._pems.get(kid)

    def get(self, kid: str) -> str:
        """The PEM of a kid; raises token_invalid."""
        if pem := self._pems.get(kid):
            return pem
        raise AuthError("token_invalid", "kid")


class Jwks:
    """The keys behind a URL."""

    def __init__(
        self, url: str, fetch: Callable[[str], bytes] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url, self._fetch, self._clock = url, fetch or fetch_url, clock
        self._pems: dict[str, str] = {}
        self._fetched = self._tried = float("-inf")
        self._failed = False
        self._lock = threading.Lock()

    def known(self, kid: str) -> str | None:
        """The PEM if it is at hand and fresh; never waits."""
        return self._pems.get(kid) if self._clock() - self._fetched < TTL_S else None

    def get(self, kid: str) -> str:
        """The PEM of a kid; raises token_invalid if there is none, identity_unavailable if nobody could say."""
        if pem := self.known(kid):
            return pem
        with self._lock:  # who waited finds what the first one fetched
            if pem := self.known(kid):
                return pem
            self._refresh()
            usable = self._clock() - self._fetched < TTL_S + STALE_S
            if usable and (pem := self._pems.get(kid)):
                return pem
            if self._failed or not usable:
                raise AuthError("identity_unavailable", "jwks")
            raise AuthError("token_invalid", "kid")

    def _refresh(self) -> None:
        now = self._clock()
        if now - self._tried < (REFETCH_S if self._pems else COLD_S):
            return
        self._tried = now
        try:
            self._pems = pems(self._fetch(self._url))
        except (OSError, ValueError, HTTPException) as error:
            self._failed = True
            log.warning("auth keys could not be fetched: %s", error, extra={"auth_reason": "jwks"})
        else:
            self._failed, self._fetched = False, now


def pems(document: bytes) -> dict[str, str]:
    """The RSA keys for RS256 in a JWKS, by kid; raises ValueError for a document without any."""
    content = json.loads(document.decode("utf-8"))
    entries = content.get("keys") if isinstance(content, dict) else None
    found = {}
    for entry in entries[:16] if isinstance(entries, list) else []:
        if pem := _pem(entry):
            found[entry["kid"]] = pem
    if not found:
        raise ValueError("no RS256 key in the JWKS")
    return found


def _pem(entry: Any) -> str | None:
    if not isinstance(entry, dict) or entry.get("kty") != "RSA" or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", "RS256") != "RS256" or "d" in entry:
        return None
    try:
        key = RSAAlgorithm.from_jwk(entry)
    except Exception:  # PyJWT and cryptography raise several kinds for one malformed number
        return None
    if key.key_size < 2048:
        return None
    public = key.public_key() if isinstance(key, RSAPrivateKey) else key
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def fetch_url(url: str) -> bytes:
    """GET within 3 s, no redirects; over plain HTTP (the local issuer) past every proxy. Raises OSError."""
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if url.startswith("http://"):
        handlers.append(urllib.request.ProxyHandler({}))
    with urllib.request.build_opener(*handlers).open(url, timeout=3) as answer:
        document: bytes = answer.read(LIMIT + 1)
    if len(document) > LIMIT:
        raise OSError("the JWKS is longer than 64 KiB")
    return document


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None
