"""The public key of the service that mints tokens: computed from its secret, so that its port is not asked for it.

The service computes the same pair (services/auth/issuer/derive.go): SHAKE-256 of the secret and of the port gives two
numbers, and the next prime after each is a prime of the key. The port makes instances of one checkout differ.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import math
import threading
from pathlib import Path

from converge import atomic, own_files
from converge.instance import Instance

SECRET = "AUTH_ISSUER_SECRET"
"""The variable of [env] whose value gives this user's tools access to the service."""
EXPONENT = 65537
TRIED = 2000
"""Primes up to this number are tried as divisors before a candidate is tested, which takes 3 ms."""
_computing = threading.Lock()


def public(instance: Instance, secret: str, port: int) -> str:
    """The JWKS; empty without a secret, because then the service makes a key of its own.

    Takes 0.2 s once per process, and no time after `keep`.
    """
    if not secret:
        return ""
    return _kept(_file(instance, secret, port)) or _computed_once(secret, port)


def keep(instance: Instance, secret: str, port: int) -> None:
    """Store it, so that later commands do not compute it again; what is not whole is replaced.

    OSError if the file cannot be written. Files for an earlier secret or port are removed.
    """
    if not secret:
        return
    file = _file(instance, secret, port)
    if _kept(file):
        return
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    atomic.write(file, _computed_once(secret, port))
    for other in file.parent.glob("*.json"):
        if other != file:
            other.unlink(missing_ok=True)


@functools.lru_cache(maxsize=8)
def computed(secret: str, port: int) -> str:
    """A JWKS with the public half of the key."""
    return _document((_prime("p", secret, port) * _prime("q", secret, port)).to_bytes(256, "big"))


def _file(instance: Instance, secret: str, port: int) -> Path:
    """Another one for another secret or port."""
    return instance.state / "keys" / f"{_stretched('name', secret, port, 8).hex()}.json"


def _kept(file: Path) -> str:
    """The content of a file that is whole: what `_document` makes of its number. Empty if there is none."""
    try:
        text = own_files.text(file)
        (key,) = json.loads(text)["keys"]
        whole = text == _document(base64.urlsafe_b64decode(key["n"] + "=="))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return ""
    return text if whole else ""


def _computed_once(secret: str, port: int) -> str:
    with _computing:  # threads of a start ask at the same time
        return computed(secret, port)


def _document(number: bytes) -> str:
    kid = "ins_local_" + hashlib.sha256(number).hexdigest()[:16]
    n = base64.urlsafe_b64encode(number).rstrip(b"=").decode()
    key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": "AQAB"}
    return json.dumps({"keys": [key]}, separators=(",", ":"))


def _prime(label: str, secret: str, port: int) -> int:
    found = int.from_bytes(_stretched(label, secret, port, 128), "big") | 3 << 1022 | 1
    small = _small()
    while math.gcd(found, small) > 1 or not _is_prime(found) or found % EXPONENT == 1:
        found += 2
    return found


def _is_prime(number: int) -> bool:
    """Fermat's test; a composite number of 1024 random bits passes it with a chance below 2**-100."""
    return all(pow(base, number - 1, number) == 1 for base in (2, 3, 5))


@functools.cache
def _small() -> int:
    odd = range(3, TRIED, 2)
    return math.prod(each for each in odd if all(each % one for one in range(3, math.isqrt(each) + 1, 2)))


def _stretched(label: str, secret: str, port: int, length: int) -> bytes:
    text = f"issuer {label} {port} {secret}"
    return hashlib.shake_256(text.encode("utf-8", "surrogateescape")).digest(length)
