"""The environment decides the mode; what does not fit together refuses to start (exit 78), before a port is open."""

from __future__ import annotations

import importlib
import ipaddress
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import urlsplit

from platform_auth import secret_files
from platform_auth.clerk import configuration
from platform_auth.errors import Refused
from platform_auth.keys import pems

Mode = Literal["clerk", "local", "test"]
LOCAL_ISSUER = "urn:platform:local"  # what stands in `iss`: a constant, so that tokens outlive a change of port
TEST_ISSUER = "urn:platform:test"
LOCAL_PARTY = "urn:platform:web"
SECRETS = ("SERVICE_AUTH_TOKEN", "SERVICE_AUTH_TOKEN_PREVIOUS", "TEST_AUTH_SECRET", "CLERK_SECRET_KEY", "CLERK_JWT_KEY")
"""Variables that may be given as files, by NAME_FILE."""
SERVICE_TOKEN = re.compile(r"svc_[A-Za-z0-9_-]{43,}", re.ASCII)
MARKERS = (  # set by platforms where production runs
    *("KUBERNETES_SERVICE_HOST", "K_SERVICE", "FLY_APP_NAME", "DYNO", "RENDER", "AWS_EXECUTION_ENV"),
    *("AWS_LAMBDA_FUNCTION_NAME", "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "WEBSITE_INSTANCE_ID"),
    *("RAILWAY_ENVIRONMENT", "GAE_ENV", "CF_INSTANCE_GUID", "NOMAD_ALLOC_ID"),
)


class Backdoor(Protocol):
    """What the separate distribution `platform_auth_testing` brings, in test mode alone."""

    def subject(self, scope: Mapping[str, object]) -> str | None:
        """The test user whom the request names; none if it is not to be believed."""

    def install(self, app: object) -> None:
        """Mark the answers to test users."""


@dataclass(frozen=True)
class Settings:
    """Everything the environment says about identity."""

    mode: Mode
    issuer: str
    authorized_parties: tuple[str, ...]
    jwks_url: str | None = None
    jwt_key: str | None = None
    clock_skew_s: int = 5
    service_tokens: tuple[str, ...] = field(default=(), repr=False)
    backdoor: Backdoor | None = field(default=None, repr=False)
    local_keys: Mapping[str, str] | None = None
    """The local issuer's keys by kid, as PEM, instead of `jwks_url`."""

    def banner(self) -> str:
        """A line to be shown loudly; empty in clerk mode."""
        if self.mode == "clerk":
            return ""
        door = ", test users by header" if self.backdoor else ""
        return f"AUTH MODE {self.mode.upper()}: local identities{door}. Not for production."


def read_or_exit() -> Settings:
    """The settings of this process; a refusal is one line on stderr and exit code 78 (EX_CONFIG)."""
    try:
        return read()
    except Refused as refused:
        print(f"platform_auth: refuses to start: {refused}", file=sys.stderr)
        raise SystemExit(78) from None


def read(environ: Mapping[str, str] = os.environ, argv: Sequence[str] = ()) -> Settings:
    """The settings; raises Refused. `argv` (default sys.argv) is looked through for the address a server binds."""
    environ = secret_files.resolved(environ, SECRETS)
    app_env, skew, tokens = environ.get("APP_ENV", "production"), _clock_skew(environ), _service_tokens(environ)
    instance = configuration.read(environ)
    if instance and app_env == "test":
        raise Refused("APP_ENV=test together with Clerk keys (unset one of them)")
    if instance:
        if not (parties := _parties(environ)):
            raise Refused("AUTH_AUTHORIZED_PARTIES is missing: the web applications' origins, with commas")
        if wrong := [party for party in parties if not configuration.ORIGIN.fullmatch(party)]:
            raise Refused(f"AUTH_AUTHORIZED_PARTIES: {wrong[0]!r} is no origin like https://app.example.com")
        return Settings("clerk", instance.issuer, parties, instance.jwks_url, instance.jwt_key, skew, tokens)
    if app_env not in ("development", "test"):
        raise Refused(f"APP_ENV is {app_env!r} and there are no Clerk keys (set CLERK_PUBLISHABLE_KEY)")
    url, local_keys = _local_issuer(environ) + "/.well-known/jwks.json", _local_keys(environ)
    jwks_url = None if local_keys else url
    parties = _parties(environ) or (LOCAL_PARTY,)
    if app_env == "development":
        return Settings("local", LOCAL_ISSUER, parties, jwks_url, None, skew, tokens, None, local_keys)
    if marker := production_marker(environ):
        raise Refused(f"APP_ENV=test where {marker} is set, as in production")
    backdoor = _backdoor(environ, argv or sys.argv)
    return Settings("test", LOCAL_ISSUER, parties, jwks_url, None, skew, tokens, backdoor, local_keys)


def production_marker(environ: Mapping[str, str]) -> str | None:
    """The variable that says this is production, if there is one."""
    if environ.get("VERCEL_ENV") == "production":
        return "VERCEL_ENV=production"
    return next((name for name in MARKERS if environ.get(name)), None)


def _clock_skew(environ: Mapping[str, str]) -> int:
    skew = environ.get("AUTH_CLOCK_SKEW_S", "5")
    if not re.fullmatch("[0-9]{1,2}", skew, re.ASCII) or int(skew) > 60:
        raise Refused("AUTH_CLOCK_SKEW_S is to be whole seconds from 0 to 60")
    return int(skew)


def _service_tokens(environ: Mapping[str, str]) -> tuple[str, ...]:
    tokens = []
    for name in ("SERVICE_AUTH_TOKEN", "SERVICE_AUTH_TOKEN_PREVIOUS"):
        if token := environ.get(name):
            if not SERVICE_TOKEN.fullmatch(token):
                raise Refused(f"{name} is not svc_ and 32 random bytes in base64url")
            tokens.append(token)
    return tuple(tokens)


def _parties(environ: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(party.strip() for party in environ.get("AUTH_AUTHORIZED_PARTIES", "").split(",") if party.strip())


def _local_issuer(environ: Mapping[str, str]) -> str:
    """Only a place nobody else answers for: loopback, a private address, a name of a container network."""
    url = environ.get("AUTH_LOCAL_ISSUER", "").rstrip("/")
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not re.fullmatch(r"http://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?", url, re.ASCII):
        raise Refused("AUTH_LOCAL_ISSUER is to be the address of the local issuer, like http://127.0.0.1:18084")
    try:
        near = ipaddress.ip_address(host).is_private
    except ValueError:
        near = "." not in host or host == "host.docker.internal"
    if not near:
        raise Refused("AUTH_LOCAL_ISSUER is neither on this machine nor in a container network of it")
    return url


def _local_keys(environ: Mapping[str, str]) -> dict[str, str] | None:
    """The issuer's keys, if they are handed over: then nobody on its port is asked for them."""
    document = environ.get("AUTH_LOCAL_ISSUER_KEYS")
    try:
        return pems(document.encode()) if document else None
    except ValueError:
        raise Refused("AUTH_LOCAL_ISSUER_KEYS is no JWKS with an RS256 key") from None


def _backdoor(environ: Mapping[str, str], argv: Sequence[str]) -> Backdoor | None:
    """None where the distribution is not installed, as in every image: then the local issuer is all there is."""
    try:
        module = importlib.import_module("platform_auth_testing")
    except ModuleNotFoundError as error:
        if error.name == "platform_auth_testing":
            return None
        raise
    opened: Backdoor = module.open_backdoor(environ, argv)
    return opened
