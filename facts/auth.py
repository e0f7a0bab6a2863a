"""Which source of identities an environment means, and what in its keys does not fit; no value leaves here."""

from __future__ import annotations

import base64
import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

from facts import env
from facts.probe import Probe
from facts.value import dataclass

Mode = Literal["clerk", "local", "test", "refused"]
CLERK = ("CLERK_PUBLISHABLE_KEY", "CLERK_SECRET_KEY", "CLERK_JWT_KEY", "CLERK_ISSUER")
"""Clerk's variables; setting them is the whole switch."""
NAMES = ("APP_ENV", *CLERK, "AUTH_AUTHORIZED_PARTIES")
"""Variables that decide the mode, in addition to the markers of production."""
MARKERS = (
    "KUBERNETES_SERVICE_HOST", "K_SERVICE", "FLY_APP_NAME", "DYNO", "RENDER", "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME", "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "WEBSITE_INSTANCE_ID",
    "RAILWAY_ENVIRONMENT", "GAE_ENV", "CF_INSTANCE_GUID", "NOMAD_ALLOC_ID",
)  # fmt: skip
"""Variables that hosting platforms set where production runs."""
_HOST = r"[a-z0-9-]+(\.[a-z0-9-]+)+"
_ORIGIN = r"https?://[a-z0-9.-]+(:[0-9]{1,5})?"
_PEM = r"-----BEGIN (RSA )?PUBLIC KEY-----[A-Za-z0-9+/=\s]+-----END (RSA )?PUBLIC KEY-----"


@dataclass(frozen=True)
class Wrong:
    """A variable that a service would refuse to start with."""

    name: str
    code: Literal["auth-keys", "auth-pair", "auth-parties", "auth-marker"]
    because: str


@dataclass(frozen=True)
class Identity:
    """`because` says in a clause what made it this mode."""

    mode: Mode
    because: str
    wrong: tuple[Wrong, ...] = ()


def judge(values: Mapping[str, str], kits: bool = True) -> Identity:
    """The mode of services that get these variables, by the table of the authentication kits.

    Without `kits` the services have a verifier of their own, which may not know AUTH_AUTHORIZED_PARTIES.
    """
    app_env = values.get("APP_ENV") or "production"
    keys = [name for name in CLERK if values.get(name)]
    wrong = tuple(_wrong(values, app_env, kits)) if keys or app_env == "test" else ()
    if keys and app_env == "test":
        return Identity("refused", f"APP_ENV is test, and {keys[0]} is set", wrong)
    if wrong:
        return Identity("refused", wrong[0].because, wrong)
    if keys:
        return Identity("clerk", f"{keys[0]} is set")
    if app_env == "development":
        return Identity("local", "APP_ENV is development, and no Clerk key is set")
    if app_env == "test":
        return Identity("test", "APP_ENV is test")
    return Identity("refused", f"APP_ENV is {app_env}, and no Clerk key is set")


def issuer_of(publishable_key: str) -> str | None:
    """`pk_test_` or `pk_live_`, then base64 of the instance's host and a `$`; None for anything else."""
    found = re.fullmatch(r"pk_(?:test|live)_([A-Za-z0-9+/_-]+={0,2})", publishable_key, re.ASCII)
    if not found:
        return None
    text = found[1].rstrip("=").replace("-", "+").replace("_", "/")
    try:
        host = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("ascii")
    except ValueError:
        return None
    return f"https://{host[:-1]}" if re.fullmatch(_HOST + r"\$", host, re.ASCII) else None


def probe(file: Path, fixed: Mapping[str, str], open_names: Iterable[str], kits: bool = True) -> Probe:
    """`auth.identity`: `fixed` values, and those of `open_names` from the env file, else from this process."""
    at = shlex.quote(str(file))
    names = tuple(open_names)

    def parse(text: str) -> Identity:
        body, _, end = text.rstrip("\n").rpartition("read")
        if end or not text.rstrip().endswith("read"):
            raise ValueError("the file cannot be read")
        stored = env.parse(body)
        return judge({name: stored.get(name, os.environ.get(name, "")) for name in names} | dict(fixed), kits)

    return Probe("auth.identity", f"if [ -e {at} ]; then cat {at} && echo && echo read; else echo read; fi", parse)


def loose(directories: Iterable[Path], name: str = "auth.loose") -> Probe:
    """`NAME`: files at or below these directories that other users than the owner can read."""
    bits = " -o ".join(f"-perm -{bit}" for bit in ("001", "002", "004", "010", "020", "040"))
    at = " ".join(shlex.quote(str(path)) for path in directories)
    sh = f'for each in {at}; do [ -d "$each" ] && find "$each" ! -type l \\( {bits} \\) -print; done; echo looked'
    return Probe(name, sh, _paths)


def _paths(text: str) -> tuple[str, ...]:
    *paths, end = text.rstrip("\n").split("\n")
    if end != "looked":
        raise ValueError("they cannot be listed")
    return tuple(paths)


def _wrong(values: Mapping[str, str], app_env: str, kits: bool) -> Iterator[Wrong]:
    yield from _wrong_keys(values)
    yield from _wrong_issuer(values)
    yield from _wrong_parties(values, kits)
    marker = "VERCEL_ENV" if values.get("VERCEL_ENV") == "production" else ""
    marker = marker or next((name for name in MARKERS if values.get(name)), "")
    if app_env == "test" and marker:
        yield Wrong(marker, "auth-marker", f"APP_ENV is test, and {marker} is set, as in production")


def _keys(values: Mapping[str, str]) -> tuple[str, str, str, str]:
    publishable, secret, pem, issuer = (values.get(name) or "" for name in CLERK)
    return publishable, secret, pem, issuer


def _wrong_keys(values: Mapping[str, str]) -> Iterator[Wrong]:
    publishable, secret, pem, _ = _keys(values)
    if publishable and not issuer_of(publishable):
        yield Wrong(
            CLERK[0], "auth-keys", "it is not a publishable key: pk_test_ or pk_live_ and a domain that ends in $"
        )
    if secret and not re.fullmatch(r"sk_(test|live)_\S+", secret):
        yield Wrong(CLERK[1], "auth-keys", "it is not a secret key: sk_test_ or sk_live_")
    elif secret and publishable and secret[3:8] != publishable[3:8]:
        yield Wrong(CLERK[1], "auth-pair", f"{secret[:8]}… does not belong to a {publishable[:8]}… key")
    if pem and not re.fullmatch(_PEM, pem.replace("\\n", "\n").strip()):
        yield Wrong(CLERK[2], "auth-keys", "it is not a public key in PEM form")


def _wrong_issuer(values: Mapping[str, str]) -> Iterator[Wrong]:
    publishable, secret, pem, issuer = _keys(values)
    named = issuer_of(publishable)
    if issuer and not re.fullmatch("https://" + _HOST, issuer, re.ASCII):
        yield Wrong(CLERK[3], "auth-keys", "it does not have the form https://clerk.example.com")
    elif issuer and named and issuer != named:
        yield Wrong(CLERK[3], "auth-pair", f"{CLERK[0]} belongs to another Clerk instance")
    if (secret or pem or issuer) and not publishable and not (pem and issuer):
        alone, other = (CLERK[2], CLERK[3]) if pem else (CLERK[3], CLERK[2]) if issuer else (CLERK[1], CLERK[0])
        yield Wrong(alone, "auth-pair", f"{alone} without {other} is incomplete")


def _wrong_parties(values: Mapping[str, str], kits: bool) -> Iterator[Wrong]:
    if not any(_keys(values)):
        return
    parties = [party.strip() for party in (values.get(NAMES[-1]) or "").split(",") if party.strip()]
    if kits and not parties:
        missing = f"{NAMES[-1]} is missing: services must know which applications Clerk's tokens are for"
        yield Wrong(NAMES[-1], "auth-parties", missing)
    if any("{" not in party and not re.fullmatch(_ORIGIN, party, re.ASCII) for party in parties):
        yield Wrong(NAMES[-1], "auth-parties", "one of them does not have the form https://app.example.com")
