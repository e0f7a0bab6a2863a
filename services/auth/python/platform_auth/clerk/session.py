"""A session token, verified by Clerk's SDK behind a strict policy: the SDK alone lets too much through (AUTH.md)."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any, NoReturn

from clerk_backend_api.security.types import TokenVerificationError, TokenVerificationErrorReason, VerifyTokenOptions
from clerk_backend_api.security.verifytoken import verify_token

from platform_auth.errors import AuthError

LIMIT = 8 * 1024
SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
SESSION_CATEGORY = "cl_B7d4PD111AAA"  # the others mark template (222) and machine-to-machine (333) tokens
FOREIGN_HEADERS = ("crit", "b64", "zip", "jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256")
SUBJECT, SESSION_ID = (re.compile(prefix + "_[A-Za-z0-9_]{1,64}", re.ASCII) for prefix in ("user", "sess"))
ORGANISATION_ID = re.compile("org_[A-Za-z0-9_]{1,64}", re.ASCII)
EXPIRED = TokenVerificationErrorReason.TOKEN_EXPIRED


@dataclass(frozen=True)
class Session:
    """What a verified token says."""

    issuer: str
    subject: str
    session_id: str
    org_id: str | None = None
    org_role: str | None = None
    email: str | None = None
    email_verified: bool = False
    display_name: str | None = None


@dataclass(frozen=True)
class Verifier:
    """The policy of one issuer. Never call the SDK's `authenticate_request`: a bearer `ak_…` makes it call out."""

    issuer: str
    authorized_parties: tuple[str, ...]
    clock_skew_s: int

    def kid(self, token: str) -> str:
        """The key's name in a token of the right form; raises AuthError."""
        if len(token) > LIMIT:
            _refuse("size")
        if not SHAPE.fullmatch(token):
            _refuse("shape")
        head, body, signature = token.split(".")
        _bytes(signature)
        header, claims = _object(head), _object(body)
        if header.get("alg") != "RS256" or header.get("typ") != "JWT":
            _refuse("alg or typ")
        if header.get("cat", SESSION_CATEGORY) != SESSION_CATEGORY or any(name in header for name in FOREIGN_HEADERS):
            _refuse("header")
        kid = header.get("kid")
        if not isinstance(kid, str) or not 0 < len(kid) <= 128:
            _refuse("kid")
        self._check(claims)
        return kid

    def session(self, token: str, pem: str) -> Session:
        """The session of a token that `kid` let through; raises AuthError."""
        options = VerifyTokenOptions(
            jwt_key=pem, authorized_parties=list(self.authorized_parties), clock_skew_in_ms=self.clock_skew_s * 1000
        )
        try:
            claims = verify_token(token, options)
        except TokenVerificationError as error:
            if error.reason is EXPIRED:  # the SDK looks at the signature before
                raise AuthError("token_expired", "exp") from None
            _refuse(str(error.reason.value[0]))
        except Exception as error:  # the SDK lets through what PyJWT and cryptography raise for odd input
            _refuse(type(error).__name__)
        self._check(claims)
        if claims.get("sts") == "pending":
            raise AuthError("session_pending", "sts")
        return _session(claims)

    def _check(self, claims: dict[str, Any]) -> None:
        for name in ("exp", "iat", "nbf"):
            if not _is_time(claims.get(name)) and (name != "nbf" or name in claims):
                _refuse(name)
        if claims.get("iss") != self.issuer:
            _refuse("iss")
        if claims.get("azp") not in self.authorized_parties:
            _refuse("azp")
        if "aud" in claims:
            _refuse("aud")
        for name, form in (("sub", SUBJECT), ("sid", SESSION_ID)):
            if not isinstance(claims.get(name), str) or not form.fullmatch(claims[name]):
                _refuse(name)
        if claims.get("sts", "active") not in ("active", "pending"):
            _refuse("sts")
        if "v" in claims and (type(claims["v"]) is not int or claims["v"] not in (1, 2)):
            _refuse("v")


def _refuse(reason: str) -> NoReturn:
    raise AuthError("token_invalid", reason)


def _bytes(part: str) -> bytes:
    """Only the one spelling that encoding gives: no padding, no stray bits."""
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        _refuse("base64")
    if base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != part:
        _refuse("base64")
    return decoded


def _object(part: str) -> dict[str, Any]:
    raw = _bytes(part)
    if raw.count(b"[") + raw.count(b"{") > 100:  # nesting would end Python's parser, and others not
        _refuse("json")
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse)
    except ValueError:
        _refuse("json")
    if not isinstance(value, dict):
        _refuse("json")
    return value


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 2**53


def _session(claims: dict[str, Any]) -> Session:
    """Version 2 has organisations in `o`, version 1 in flat claims, with `org:` before the role."""
    flat = {"id": claims.get("org_id"), "rol": claims.get("org_role")}
    organisation = claims["o"] if isinstance(claims.get("o"), dict) else flat
    org_id, role = _text(organisation.get("id")), _text(organisation.get("rol"))
    if org_id is None or not ORGANISATION_ID.fullmatch(org_id):
        org_id = role = None
    return Session(
        issuer=claims["iss"],
        subject=claims["sub"],
        session_id=claims["sid"],
        org_id=org_id,
        org_role=role.removeprefix("org:") if role else None,
        email=_text(claims.get("email")),
        email_verified=claims.get("email_verified") is True,
        display_name=_text(claims.get("name")),
    )


def _text(value: Any) -> str | None:
    """Text that a database takes: no NUL, no half surrogates, not endless."""
    if not isinstance(value, str) or not 0 < len(value) <= 320 or "\0" in value:
        return None
    return None if re.search("[\ud800-\udfff]", value) else value
