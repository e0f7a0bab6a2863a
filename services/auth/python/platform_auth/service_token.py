"""The one token that services show each other: current and previous are both taken, so that it can be rotated."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256


def matches(given: str, accepted: Sequence[str]) -> bool:
    """Whether it is one of the accepted; compares digests, in a time that says nothing."""
    digest = sha256(given.encode("utf-8", "surrogatepass")).digest()
    return any(hmac.compare_digest(digest, sha256(token.encode()).digest()) for token in accepted)
