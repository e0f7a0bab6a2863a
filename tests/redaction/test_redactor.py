"""Nothing secret passes the redactor, however it is written; what is not secret does."""

from __future__ import annotations

import base64
import html
import json
import time
from urllib.parse import quote

import pytest

from converge.redaction.patterns import MASK
from converge.redaction.redactor import Redactor

KNOWN = (
    "hunter2!",
    "q\"uo'te\\d",
    "späte/re:Mo@nde",
    "hunter2!-and-longer",
    "line one of it\nline two of it",
    "a b c d",
)
SECRET = "Tr0ub4dor-3"
redactor = Redactor(frozenset(KNOWN), frozenset({"LICENCE", "pin"}), frozenset({"svc_"}))


@pytest.mark.parametrize("value", KNOWN)
def test_a_known_secret_is_hidden_in_every_form(value: str) -> None:
    in_base64 = base64.b64encode(value.encode()).decode()
    forms = [
        f"x{value}y",
        json.dumps({"message": f"it is {value}."}),
        json.dumps({"message": f"it is {value}."}, ensure_ascii=False),
        json.dumps({"line": json.dumps({"inner": value})}),
        f"GET /?next={quote(value, safe='')}&b=1",
        f"postgresql://u:{quote(value, safe='')}@h/x",
        f"postgresql://u:{quote(value, safe='').lower()}@h/x",
        f"{in_base64} in base64",
        repr({"it": value}),
        f"<b>{html.escape(value)}</b>",
    ]
    for form in forms:
        for hidden in (redactor.text(form), redactor.document(form)):
            for piece in (value, quote(value, safe=""), json.dumps(value)[1:-1], in_base64):
                assert piece not in hidden, form
    assert all(line not in redactor.text(f"log: {line}") for line in value.splitlines())


@pytest.mark.parametrize("before", ("", "u", "bo", "bob:", "x-token:"))
@pytest.mark.parametrize("value", KNOWN)
def test_a_known_secret_is_hidden_inside_of_base64(value: str, before: str) -> None:
    text = base64.b64encode(f"{before}{value}, and more".encode()).decode()
    left = redactor.text(f"see {text}.").removeprefix("see ").removesuffix(".")
    head, mask, tail = left.partition(MASK)
    assert mask
    kept = base64.b64decode(head + "A" * (-len(head) % 4)) + base64.b64decode("A" * (-len(tail) % 4) + tail)
    assert value[1:-1].encode() not in kept and len(kept) <= len(before) + len(", and more") + 6


def test_a_secret_that_begins_like_another_leaves_no_tail() -> None:
    assert redactor.text("hunter2!-and-longer, hunter2!") == f"{MASK}, {MASK}"


@pytest.mark.parametrize(
    "text",
    [
        f"PASSWORD={SECRET}",
        f"POSTGRES_PASSWORD={SECRET}",
        f"export DB_PASS='{SECRET}'",
        f"PGPASSWORD='it is {SECRET}' psql",
        f'password = "{SECRET} with words"',
        f'password = "with \\" quote {SECRET}"',
        f"password: {SECRET}",
        f"password => '{SECRET}'",
        f"password = ab,{SECRET}",
        f"password=ab'{SECRET}",
        f'"password": "{SECRET}"',
        f'{{"a": 1, "clientSecret":"{SECRET}","b":2}}',
        f'{{"log":"{{\\"api_key\\":\\"{SECRET}\\"}}"}}',
        f'{{"log":"{{\\"a\\":\\"{{\\\\\\"token\\\\\\": \\\\\\"x {SECRET}\\\\\\"}}\\"}}"}}',
        f'"access_token": "cut off {SECRET}',
        f"connect(host='h', password='{SECRET}')",
        f"host=h user=u password={SECRET} dbname=d",
        f"jdbc:postgresql://h/d?user=u&password={SECRET}&ssl=true",
        f"https://h/callback?code=1&id_token={SECRET}",
        f"postgresql://shop:{SECRET}@127.0.0.1:15432/shop",
        f"postgresql://shop:p@ss{SECRET}@h/d",
        f"postgresql://shop:pa/ss{SECRET}@h/d",
        f"postgresql://shop:pa'ss{SECRET}@h/d",
        f"postgresql://:{SECRET}@h/d",
        f"redis://:{SECRET}@h:6379/0",
        f"amqp+ssl://u:{SECRET}@h",
        f"http://{SECRET}@h/simple",
        f"https_proxy=http://bo:{SECRET}@proxy:3128",
        f"[http://a:{SECRET}@h1,http://b:{SECRET}@h2]",
        f"Authorization: Bearer {SECRET}",
        f"authorization: {SECRET} and {SECRET}",
        f"> Proxy-Authorization: Basic {base64.b64encode(SECRET.encode()).decode()}",
        f'{{"headers": {{"Authorization": ["Bearer {SECRET}"], "Cookie": ["id={SECRET}"]}}}}',
        f"Cookie: a=b; session={SECRET}",
        f"Set-Cookie: session={SECRET}; HttpOnly",
        f"X-Api-Key: {SECRET}",
        f"got bearer {SECRET}",
        f"curl -u bo:{SECRET} http://h",
        f"tool --password {SECRET} --verbose",
        f"tool --db-token={SECRET}",
        f"LICENCE={SECRET}",
        f"pin: {SECRET}",
        f'secret = """\n{SECRET}\n"""',
        f"password: |\n  first: {SECRET}\n  {SECRET}\nuser: bo",
        f"tokens:\n  - {SECRET}\n  - {SECRET}\nuser: bo",
        f"auth:\n  user: bo\n  password: {SECRET}\n",
        f"auth:\n  {SECRET}\n",
        f"machine h login bo password {SECRET}",
        f"//registry.example/:_authToken={SECRET}",
        f"_auth={SECRET}",
        f"aws_secret_access_key = {SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN PRIVATE KEY-----\n{SECRET}\nand then the log was cut",
        "MIIEvQ+/=\nTr0ub4dor3\n-----END PRIVATE KEY-----",
    ],
)
def test_what_looks_secret_is_hidden(text: str) -> None:
    for hidden in (redactor.text(text), redactor.text(f"2026-01-01T00:00:00Z | {text}"), redactor.document(text)):
        if hidden.startswith("2026") and "MIIE" in text:
            continue  # the tail of a key is known by being the first thing there is
        assert SECRET not in hidden and "Tr0ub4dor" not in hidden
        assert base64.b64encode(SECRET.encode()).decode() not in hidden
        assert MASK in hidden


@pytest.mark.parametrize(
    "token",
    ["ghp_" + "a1B2" * 9, "github_pat_" + "a1B2" * 9, "glpat-" + "a1B2" * 5, "AKIA" + "A1B2" * 4, "xoxb-123456-abcdef",
     "sk_test_" + "a1B2" * 6, "pk_live_" + "a1B2" * 6, "AIza" + "a1B2" * 8, "npm_" + "a1B2" * 9, "pypi-" + "a1B2" * 9,
     "dckr_pat_" + "a1B2" * 5, "hf_" + "a1B2" * 6, "svc_" + "a-_2" * 8, "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"],
)  # fmt: skip
def test_tokens_are_known_by_their_form(token: str) -> None:
    assert redactor.text(f"said {token}, twice: ({token})") == f"said {MASK}, twice: ({MASK})"


def test_the_structure_of_a_document_says_what_is_secret() -> None:
    document = {
        "Env": [f"API_TOKEN={SECRET} with blanks", "PORT=18081", f"LICENCE={SECRET}", "EMPTY_TOKEN="],
        "Cmd": ["serve", "--password", SECRET, "--port", "1"],
        "credentials": {"user": "bo", "list": [SECRET, 5, True, None]},
        "env": {"SERVICE_AUTH_TOKEN": SECRET, "pin": 1234, "PWD": "/work", "HOME": "/home/bo"},
        "deep": [{"deeper": {"privateKey": SECRET}}],
        SECRET: "kept",
        "hunter2!": 1,
    }
    found = json.loads(redactor.document(json.dumps(document)))
    assert found["Env"] == [f"API_TOKEN={MASK}", "PORT=18081", f"LICENCE={MASK}", "EMPTY_TOKEN="]
    assert found["Cmd"] == ["serve", "--password", MASK, "--port", "1"]
    assert found["credentials"] == {"user": MASK, "list": [MASK, MASK, True, None]}
    assert found["env"] == {"SERVICE_AUTH_TOKEN": MASK, "pin": MASK, "PWD": "/work", "HOME": "/home/bo"}
    assert found["deep"][0]["deeper"]["privateKey"] == MASK and MASK in found


@pytest.mark.parametrize(
    "text",
    [
        "SERVICE_AUTH_TOKEN = { generate = \"token\", prefix = \"svc_\", bytes = 32, secret = true }",
        "http://127.0.0.1:18080/node_modules/@next/x.js",
        "http://127.0.0.1:18080 and bo@example.com",
        "ssh://git@h/x.git",
        "PWD=/home/bo/shop",
        "image: postgres@sha256:" + "0123456789abcdef" * 4,
        "sha512-" + "aB3/" * 20 + "==",
        "h1:" + "aB3/" * 10 + "=",
        "error[port-taken]: port 15432 is taken",
        "secrets: [ca, netrc]",
        "secrets:\n  ca: { file: /dev/null }\n",
        "author: bo, keyboard: yes, monkey=1, passenger=2",
        '{"secret": true, "password": null, "token": ""}',
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "2026-01-01T00:00:00.000Z | INFO: Application startup complete.",
    ],
)  # fmt: skip
def test_what_is_not_secret_is_left_alone(text: str) -> None:
    assert redactor.text(text) == text
    assert Redactor().text(text) == text


def test_redacting_twice_changes_nothing_more() -> None:
    once = redactor.text(f"password={SECRET} postgresql://u:{SECRET}@h Authorization: Bearer {SECRET} hunter2!")
    assert redactor.text(once) == once


def test_short_values_and_plain_words_do_not_hide_everything() -> None:
    short = Redactor(frozenset({"1", "on", "true"}), frozenset({"PIN"}))
    assert short.text("1 of 10 is on: true, PIN=1234") == f"1 of 10 is on: true, PIN={MASK}"
    common = Redactor(frozenset({"postgres", "changeme"}))
    assert common.text("postgres:16 is absent, password=postgres") == f"postgres:16 is absent, password={MASK}"
    assert common.text("a://u:changeme@h changeme") == f"a://u:{MASK}@h changeme"


@pytest.mark.parametrize(
    "line",
    ["a" * 400_000, "://" * 100_000, "password" * 50_000, "a.b-" * 100_000, "\\" * 200_000, "http://a:b" * 40_000,
     "token:\n " * 50_000, "x=" * 200_000, "-----BEGIN PRIVATE KEY-----" * 9_000, "key='" * 50_000, "a/b+" * 100_000],
)  # fmt: skip
def test_a_hostile_line_takes_no_more_than_seconds(line: str) -> None:
    began = time.process_time()
    redactor.text(line)
    assert time.process_time() - began < 5
