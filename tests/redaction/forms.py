"""Secrets of many shapes, and every form in which a scanner looks for them, made without the code under test."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

CORE = "Zq7x"
"""Characters of each secret here that no other text has."""
PEM = (
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIZq7xPEMbodyFirstLineOfIt0123456789abcdef\n"
    "oAoGCCqGSM49AwEHZq7xSecondLineOfIt\n-----END EC PRIVATE KEY-----"
)
SHAPES = (
    "Zq7x-1", "Zq7xLowerCase", "ZQ7XUPPER-Zq7x", "Zq7x0123456789", "0123Zq7x", "Zq7x" * 40, "Zq7x with blanks",
    "  Zq7x-blank", "Zq7x'single", 'Zq7x"double', 'Zq7x"both\'', "Zq7x\\back\\slash", "Zq7x\\n-no-line",
    "Zq7x$HOME", "Zq7x${HOME}", "$Zq7x$(id)", "Zq7x`id`", "Zq7x%41%zz", "%Zq7x%", "Zq7x+/==", "WnE3eA+Zq7x/AbC=",
    "Zq7x.*[a]{2}(b|c)?^", "(?i)Zq7x+", "Zq7x&amp;<b>", "Zq7x#comment", "Zq7x=equals==", "Zq7x;rm -rf",
    "Zq7x|pipe>file", "Zq7xü-ö-ß", "Zq7x漢字-key", "Zq7x🔑🔒", "Zq7x\ttab", "postgres://bo:Zq7xUrl-1@db:5432/x",
    "https://Zq7xUrl-2@host/simple", "http://bo:Zq7x%40Url3@proxy:3128",
    "eyJhbGciOiJIUzI1NiJ9.Zq7xPayload.c2lnbmF0dXJl", "AKIAZq7xAKIA", "sk_live_Zq7xStripe0001",
    "ghp_Zq7xGithub0000000001", "Zq7x\u200bzero-width", "{Zq7x}{{braces}}", "Zq7x:colon:and@at",
)  # fmt: skip


def pieces(secret: str) -> Iterator[str]:
    """What of a secret must not be shown: all of it, and the password of a URL; blanks around it do not count."""
    yield secret.strip()
    if found := re.search(r"://(?:[^:/@]*:)?([^/@]+)@", secret):
        yield found[1]


def written(secret: str) -> Iterator[str]:
    """The secret in many encodings."""
    data = secret.encode()
    yield from (
        secret,
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
        html.escape(secret),
        shlex.quote(secret),
    )
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    yield json.dumps(json.dumps(secret))[3:-3]
    yield from (data.hex(), data.hex().upper(), data.hex(":"), base64.b32encode(data).decode().rstrip("=")[:-1])
    for before in (b"", b"u", b"bo"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(before + data).decode().rstrip("=")[len(before) + (len(before) > 0) : -1]
    yield base64.b64encode(secret.encode("utf-16-le")).decode().rstrip("=")[:-1]
    yield secret.encode("utf-16-le").decode("utf-8", "replace")


def shortened(text: str) -> str:
    """A text without line breaks and colours, in which what was split is whole again."""
    return re.sub(r"\x1b\[[0-9;]*m|[\r\n]+[ \t]*|\\+n", "", text)


class Scanner:
    """Finds planted secrets in a text."""

    def __init__(self, secrets: dict[str, str]) -> None:
        self.forms: dict[str, list[tuple[str, str]]] = {}
        """First six characters -> forms that begin so, with the name of the secret: texts are long, forms are many."""
        for name, secret in secrets.items():
            for form in {form for piece in pieces(secret) for form in written(piece) if len(form) >= 6}:
                self.forms.setdefault(form[:6], []).append((form, name))

    def found(self, text: str) -> set[str]:
        """The names of the secrets that are in the text in any form."""
        return {name for each in {text, shortened(text)} for name in self._found(each)}

    def _found(self, text: str) -> Iterator[str]:
        for at in range(len(text) - 5):
            for form, name in self.forms.get(text[at : at + 6], ()):
                if text.startswith(form, at):
                    yield name
