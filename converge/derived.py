"""A password that follows from another one: who knows it learns nothing of the other."""

from __future__ import annotations

import hashlib

SERVICES = "dev_services"
"""The role of services and tests in a Postgres."""


def services_password(word: str) -> str:
    """The password of `SERVICES` where this is the superuser's."""
    return hashlib.blake2b(word.encode(), person=SERVICES.encode(), digest_size=16).hexdigest()
