"""A known secret is hidden in every encoding, wherever it is broken; what means something else stays."""

from __future__ import annotations

import base64
import html
import json
import random
import shlex
import textwrap
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest

from converge.redaction.patterns import MASK
from converge.redaction.redactor import Redactor

SECRETS = (
    "svc_Zk3-x9_Qm7LpR2tVb8",
    "p@ss w0rd & \"quotes\" and 'more'",
    "späte/re:Mo@nde+100%",
    "back\\slash$HOME`x`{}[]().*?",
    "漢字🔑-schlüssel",
    "deadbeefcafe1234",
    "100%41%zz;n0",
    "hunter",
)
ESC = "\033"


def _sentence(form: str) -> str:
    return f"before it <{form}> after it"


def _lines(text: str, width: int) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))


def _in_base64(before: str, url: bool = False, padded: bool = True) -> Callable[[str], str]:
    encode = base64.urlsafe_b64encode if url else base64.b64encode

    def encoded(value: str) -> str:
        text = encode(f"{before}{value}{before}".encode()).decode()
        return text if padded else text.rstrip("=")

    return encoded


def _percent(value: str) -> str:
    return "".join(f"%{byte:02x}" for byte in value.encode())


def _bash(value: str) -> str:
    return "$'" + "".join(f"\\x{byte:02x}" for byte in value.encode()) + "'"


def _octal(value: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in value.encode())


def _escapes(value: str) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _units(value))


def _units(value: str) -> list[int]:
    data = value.encode("utf-16-be")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda v: v,
    "in a word": lambda v: f"x{v}y",
    "percent": lambda v: quote(v, safe=""),
    "percent, lower": lambda v: quote(v, safe="/:@!'()*").lower() if v == v.lower() else _percent(v),
    "percent, all": _percent,
    "percent, twice": lambda v: quote(quote(v, safe=""), safe=""),
    "a form": quote_plus,
    "base64, wrapped at 64": lambda v: _lines(_in_base64("u" * 70)(v), 64),
    "base64, wrapped at 76": lambda v: _lines(_in_base64("u" * 95)(v), 76).replace("\n", "\r\n"),
    "base64, wrapped in JSON": lambda v: json.dumps(_lines(_in_base64("a" * 50)(v), 64)),
    "base64 in a URL": lambda v: quote(_in_base64("bo:")(v), safe=""),
    "base64 of UTF-16": lambda v: base64.b64encode(v.encode("utf-16-le")).decode(),
    "hex": lambda v: v.encode().hex(),
    "HEX": lambda v: v.encode().hex().upper(),
    "hex:with:colons": lambda v: v.encode().hex(":"),
    "HEX:WITH:COLONS": lambda v: v.encode().hex(":").upper(),
    "hex with blanks": lambda v: v.encode().hex(" "),
    "hex, wrapped": lambda v: _lines(v.encode().hex(), 16),
    "JSON": json.dumps,
    "JSON, not ASCII": lambda v: json.dumps(v, ensure_ascii=False),
    "JSON in JSON": lambda v: json.dumps({"it": json.dumps({"is": v})}),
    "all escapes": _escapes,
    "Python": repr,
    "a shell": shlex.quote,
    "a shell's $''": _bash,
    "octal": _octal,
    "HTML": html.escape,
    "HTML, numbers": lambda v: "".join(f"&#x{ord(c):x};" for c in v),
    "UTF-16 read as UTF-8": lambda v: v.encode("utf-16-le").decode("utf-8", "replace"),
    "UTF-16 read as Latin-1": lambda v: v.encode("utf-16-be").decode("latin-1"),
    "UTF-8 read as Latin-1": lambda v: v.encode().decode("latin-1"),
    "UTF-16 in JSON": lambda v: json.dumps(v.encode("utf-16-le").decode("utf-8", "replace")),
    "colours inside": lambda v: f"{v[:3]}{ESC}[1;31m{v[3:]}{ESC}[0m",
    "colour of each character": lambda v: "".join(f"{ESC}[3{at % 8}m{c}" for at, c in enumerate(v)),
    "escaped colours": lambda v: f"{v[:2]}\\x1b[0m{v[2:4]}\\u001b[1m{v[4:]}",
    "a title inside": lambda v: f"{v[:3]}{ESC}]0;title\a{v[3:]}",
    "a line break": lambda v: f"{v[:4]}\n{v[4:]}",
    "our own wrapping": lambda v: f"{v[:4]}\n      {v[4:]}",
    "wrapped by width": lambda v: "\n".join(textwrap.wrap(v, 5, initial_indent="  ", subsequent_indent="  ")),
    "two rows of a log": lambda v: f"{v[:3]}\n2026-01-01T00:00:00.000Z | {v[3:]}",
    "a shell's continuation": lambda v: f"{v[:3]}\\\n{v[3:]}",
    "NUL inside": lambda v: "\0".join(v),
    "zero-width inside": lambda v: f"{v[:3]}\u200b{v[3:]}",
    **{
        f"base64 {'url ' * url}after {before!r}{', no padding' * (not padded)}": _in_base64(before, url, padded)
        for before in ("", "u", "bo") for url in (False, True) for padded in (False, True)
    },
    **{f"base32 after {n}": lambda v, n=n: base64.b32encode(b"x" * n + v.encode() + b"y").decode() for n in range(5)},
    "base32, lower": lambda v: base64.b32encode(v.encode()).decode().lower().rstrip("="),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_known_secret_is_hidden_in_every_encoding(name: str) -> None:
    redactor = Redactor(frozenset(SECRETS))
    for secret in SECRETS:
        form = FORMS[name](secret)
        hidden = redactor.shown(_sentence(form))
        assert MASK in hidden, (secret, form)
        rest = hidden.replace(MASK, "").removeprefix("before it <").removesuffix("> after it")
        kept = set(range(len(form) - 4)) & {form.find(rest[at : at + 5]) for at in range(len(rest) - 4)}
        assert len(rest) <= len(form) - len(secret) / 2, (secret, form, hidden)
        assert secret not in hidden
        assert len(kept) <= max(0, len(form) - 5), (secret, form, hidden)
        assert hidden.startswith("before it <") and hidden.endswith("> after it")


def test_ordinary_texts_keep_every_word() -> None:
    redactor = Redactor(frozenset({*SECRETS, "postgres", "abc", "12345"}), public=frozenset({"postgres"}))
    for text in (
        "postgres is ready after 12345 ms, abc",
        "hunt er, quotes and more, p@ss w0rd",
        json.dumps({"components": [{"name": "postgres", "state": "ready", "port": 12345}]}, indent=2),
        "100%\n\x1b[31mred\x1b[0m &amp; %41 \\n",
        "error[bad-name]: the password does not match; basic authentication, digest verification",
    ):
        assert redactor.shown(text) in (text, text.replace("hunt er", MASK)), text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CREATE ROLE shop PASSWORD 'Tr0ub4dor-3' LOGIN", "CREATE ROLE shop PASSWORD '********' LOGIN"),
        ("alter role shop encrypted password E'Tr0ub4dor-3'", "alter role shop encrypted password '********'"),
        ("ALTER USER u IDENTIFIED BY \"Tr0ub4dor-3\"", "ALTER USER u IDENTIFIED BY '********'"),
        ("http://127.0.0.1:18084/in?code=Tr0ub4dor-3&next=/", "http://127.0.0.1:18084/in?code=********&next=/"),
        ("/v1?a=1%26access_token%3DTr0ub4dor-3 HTTP/1.1", "/v1?a=1%26access_token%3D******** HTTP/1.1"),
        ("Authorization: Bearer Tr0ub4dor-3", "Authorization: ********"),
        ("it sent bearer Tr0ub4dor-3-and-more", "it sent bearer ********"),
        ("postgres://shop:Tr0ub4dor-3@127.0.0.1:1/shop", "postgres://shop:********@127.0.0.1:1/shop"),
        ("mirror http://bo:Tr0ub4dor-3@m:5000 refused", "mirror http://bo:********@m:5000 refused"),
        ("index https://Tr0ub4dor-3@h/simple", "index https://********@h/simple"),
        ("got eyJhbGciOi.eyJzdWIiOi.Tr0ub4dor-3", "got ********"),
        ("-----BEGIN EC PRIVATE KEY-----\nTr0ub4dor-3\n-----END EC PRIVATE KEY-----", "********"),
        ("-----BEGIN PRIVATE KEY-----\\nTr0ub4dor-3\\n-----END PRIVATE KEY----- x", "******** x"),
    ],
)  # fmt: skip
def test_an_unknown_secret_is_hidden_by_its_form(text: str, kept: str) -> None:
    assert Redactor().shown(text) == kept
    assert Redactor().shown(kept) == kept


def test_a_value_of_a_word_of_the_desired_state_is_hidden_behind_its_name_alone() -> None:
    redactor = Redactor(frozenset({"postgres", "abc"}), frozenset({"PIN"}), public=frozenset({"postgres"}))
    assert redactor.text("postgres://postgres:postgres@h PIN=abc abc") == f"postgres://postgres:{MASK}@h PIN={MASK} abc"


def test_the_password_of_a_known_url_is_known_alone() -> None:
    redactor = Redactor(frozenset({"amqp://bo:Tr0ub4dor-3@broker:5672/x"}))
    assert redactor.shown("user bo with Tr0ub4dor-3 refused") == f"user bo with {MASK} refused"


def test_time_grows_with_the_length_of_the_text_alone() -> None:
    values = frozenset(f"{random.Random(at).getrandbits(120):030x}" for at in range(300))
    redactor = Redactor(values)
    redactor.shown("warm")
    seconds = []
    for text in ("word \\u0041 %41 'x'\n" * 2000, "word \\u0041 %41 'x'\n" * 16000):
        began = time.process_time()
        redactor.shown(text)
        seconds.append(time.process_time() - began)
    assert seconds[1] < 24 * max(seconds[0], 0.01)
