"""Clerk's variables: a publishable key names its instance, and so its issuer and its keys."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from platform_auth.errors import Refused

ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.ASCII)


@dataclass(frozen=True)
class Instance:
    """One Clerk instance: its keys come from the PEM, else from the URL."""

    issuer: str
    jwks_url: str | None
    jwt_key: str | None


def read(environ: Mapping[str, str]) -> Instance | None:
    """The instance that is configured; raises Refused for half a configuration."""
    publishable, secret = environ.get("CLERK_PUBLISHABLE_KEY"), environ.get("CLERK_SECRET_KEY")
    pem, issuer = environ.get("CLERK_JWT_KEY"), environ.get("CLERK_ISSUER")
    if not (publishable or secret or pem or issuer):
        return None
    named = None
    if publishable:
        if (named := issuer_of(publishable)) is None:
            raise Refused("CLERK_PUBLISHABLE_KEY is no publishable key (pk_test_… or pk_live_…)")
        if secret and secret[:8] != "sk" + publishable[2:8]:
            raise Refused("CLERK_SECRET_KEY is not of the same kind of instance as CLERK_PUBLISHABLE_KEY")
        if issuer and issuer != named:
            raise Refused("CLERK_ISSUER is not the instance of CLERK_PUBLISHABLE_KEY")
    elif not (pem and issuer):
        raise Refused("Clerk needs CLERK_PUBLISHABLE_KEY, or CLERK_JWT_KEY together with CLERK_ISSUER")
    elif not re.fullmatch("https://" + HOST.pattern, issuer, re.ASCII):
        raise Refused("CLERK_ISSUER is to be like https://clerk.example.com")
    where = named or issuer or ""
    return Instance(where, None if pem else f"{where}/.well-known/jwks.json", _pem(pem) if pem else None)


def issuer_of(publishable_key: str) -> str | None:
    """`pk_test_` or `pk_live_`, then base64 of the instance's host and a `$`; none for anything else."""
    found = re.fullmatch(r"pk_(?:test|live)_([A-Za-z0-9+/_-]+={0,2})", publishable_key, re.ASCII)
    if not found:
        return None
    text = found[1].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        host = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except ValueError:
        return None
    return f"https://{host[:-1]}" if host.endswith("$") and HOST.fullmatch(host[:-1]) else None


def _pem(text: str) -> str:
    """With real line ends: dashboards and env files write them as backslash n."""
    text = text.replace("\\n", "\n").strip()
    try:
        key = load_pem_public_key(text.encode())
    except ValueError:
        raise Refused("CLERK_JWT_KEY is no public key in PEM form") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < 2048:
        raise Refused("CLERK_JWT_KEY is to be an RSA key of 2048 bits or more")
    return text
