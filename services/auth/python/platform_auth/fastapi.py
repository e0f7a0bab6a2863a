"""Identity as FastAPI dependencies: one way in for sessions, services and, in test mode, test users."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import anyio
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from platform_auth import service_token
from platform_auth.clerk.session import Session, Verifier
from platform_auth.errors import AuthError
from platform_auth.keys import GivenKeys, Jwks, Keys, StaticKey
from platform_auth.settings import TEST_ISSUER, Settings
from platform_auth.users import Profile, User, Users

THREADS, DEADLINE_S = 8, 5.0
REQUEST_ID = re.compile("[A-Za-z0-9_-]{1,64}", re.ASCII)
UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
ANSWER = TypeVar("ANSWER")
log = logging.getLogger("platform_auth")


@dataclass(frozen=True)
class Identity:
    """Who calls: a service, a user, or a service for a user. A session comes with the user who signed in."""

    service: bool
    user: User | None
    session: Session | None
    bearer: str | None = field(default=None, repr=False)


class Auth:
    """Mount once: `auth = Auth(settings, users)`, `auth.install(app)`, then `Depends(auth.current_user)`."""

    def __init__(self, settings: Settings, users: Users, keys: Keys | None = None) -> None:
        self.settings, self._users = settings, users
        self._keys = keys or _keys(settings)
        self._verifier = Verifier(settings.issuer, settings.authorized_parties, settings.clock_skew_s)
        self._limiter = anyio.CapacityLimiter(THREADS)

    def install(self, app: FastAPI) -> None:
        """Answer refusals as documented, and say the mode loudly where it is not Clerk's."""
        app.add_exception_handler(AuthError, _answer)
        if self.settings.backdoor:
            self.settings.backdoor.install(app)
        if banner := self.settings.banner():
            log.warning(banner, extra={"auth_mode": self.settings.mode})

    async def current_user(self, request: Request) -> User:
        """A user: by a session, or by a service that acts for one."""
        identity = await self.identity(request)
        if identity.user is None:
            raise AuthError("auth_required", "no user")
        return identity.user

    async def calling_service(self, request: Request) -> Identity:
        """A service; the user it acts for, if any, is in `.user`."""
        identity = await self.identity(request)
        if not identity.service:
            raise AuthError("forbidden", "no service") if identity.user else AuthError("auth_required", "no service")
        return identity

    async def identity(self, request: Request) -> Identity:
        """Who calls, looked at once per request. A credential that is there and wrong is never passed over."""
        kept: Identity | None = getattr(request.state, "platform_auth", None)
        if kept is None:
            kept = request.state.platform_auth = await self._identify(request)
        return kept

    def outgoing(self, identity: Identity) -> dict[str, str]:
        """Headers for a call to another service: our token, and the user we act for, by the session if there is one."""
        if identity.bearer:
            return {**self._service_header(), "Authorization": identity.bearer}
        return self.outgoing_for(identity.user.id) if identity.user else self._service_header()

    def outgoing_for(self, user_id: str) -> dict[str, str]:
        """The same for a job that knows only the user's id."""
        return {**self._service_header(), "X-On-Behalf-Of": user_id}

    def _service_header(self) -> dict[str, str]:
        tokens = self.settings.service_tokens
        return {"X-Service-Token": tokens[0]} if tokens else {}

    async def _identify(self, request: Request) -> Identity:
        given = {name: _single(request, name) for name in ("authorization", "x-service-token", "x-on-behalf-of")}
        bearer, token, behalf = given.values()
        test_subject = self.settings.backdoor.subject(request.scope) if self.settings.backdoor else None
        if token is not None and not service_token.matches(token, self.settings.service_tokens):
            raise AuthError("service_token_invalid", "x-service-token")
        if behalf is not None and token is None:
            raise AuthError("service_token_invalid", "x-on-behalf-of without x-service-token")
        if sum(credential is not None for credential in (bearer, behalf, test_subject)) > 1:
            raise AuthError("duplicate_credentials", "two users")
        session, user = None, None
        if behalf is not None:
            user = await self._acting_for(behalf)
        elif test_subject is not None:
            session = Session(TEST_ISSUER, test_subject, "sess_test")
        elif bearer is not None:
            session = await self._session(bearer)
        if session:
            user = await self._user_of(session)
        if user and user.status != "active":
            raise AuthError("account_disabled", f"{user.status} user {user.id}")
        return Identity(token is not None, user, session, bearer)

    async def _session(self, bearer: str) -> Session:
        scheme, _, token = bearer.partition(" ")
        if scheme.lower() != "bearer":
            raise AuthError("token_invalid", "scheme")
        kid = self._verifier.kid(token)
        pem = self._keys.known(kid)
        if pem is None:
            pem = await self._in_thread(lambda: self._keys.get(kid), "identity_unavailable")
        return self._verifier.session(token, pem)

    async def _user_of(self, session: Session) -> User:
        profile = Profile(session.email, session.email_verified, session.display_name)
        if user := self._users.cached(session.issuer, session.subject):
            return user
        ensure = lambda: self._users.ensure(session.issuer, session.subject, profile)  # noqa: E731
        return await self._in_thread(ensure, "provisioning_unavailable")

    async def _acting_for(self, user_id: str) -> User:
        user = None
        if UUID.fullmatch(user_id):
            user = await self._in_thread(lambda: self._users.by_id(user_id), "provisioning_unavailable")
        if user is None:
            raise AuthError("forbidden", "x-on-behalf-of nobody")
        return user

    async def _in_thread(self, work: Callable[[], ANSWER], late: str) -> ANSWER:
        """What may wait gets threads of its own and a deadline, so that it cannot hold up all the service."""
        try:
            with anyio.fail_after(DEADLINE_S):
                return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._limiter)
        except TimeoutError:
            raise AuthError(late, "deadline") from None


def _keys(settings: Settings) -> Keys:
    if settings.jwt_key:
        return StaticKey(settings.jwt_key)
    return GivenKeys(settings.local_keys) if settings.local_keys else Jwks(settings.jwks_url or "")


def _single(request: Request, name: str) -> str | None:
    values = request.headers.getlist(name)
    if len(values) > 1:
        raise AuthError("duplicate_credentials", name)
    return values[0] if values else None


async def _answer(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, AuthError)
    given = request.headers.get("x-request-id", "")
    request_id = given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
    fields = {"auth_code": error.code, "auth_reason": error.reason, "request_id": request_id}
    told = " ".join(f"{name}={value!r}" for name, value in fields.items())
    log.log(logging.ERROR if error.status == 503 else logging.INFO, "auth refused %s", told, extra=fields)
    return JSONResponse(error.body(request_id), error.status, error.headers(request_id))
