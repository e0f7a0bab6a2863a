"""Desired states as somebody writes them who wants the tool to hang, to break, or to act on the reader's terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator

HEAD = 'schema = 1\n[project]\nname = "story"\n'
TRICKS = ("\x1b]0;owned\x07", "\x1b[2J", "\x9b31m", "\u202etxt.exe", "\u2066", "\u200b", "\x7f", "a\nb", "\r", "[/red]")
HUGE = ("9" * 25, "9" * 5000, "0x" + "f" * 5000, "-" + "1" * 30, "1e999", "inf", "nan", "-inf", "true", "2026-01-01",
        "0", "-1")  # fmt: skip


def quoted(text: str) -> str:
    """A basic string of TOML: JSON's escapes are a part of TOML's, but for a character that JSON may leave as it is."""
    return json.dumps(text).replace("\x7f", "\\u007f")


def service(more: str, name: str = "a") -> str:
    return f'{HEAD}[services.{name}]\nkind = "go"\nport = 18080\n{more}\n'


def chain(count: int, last: str = "") -> str:
    rows = (f'[services.s{at}]\nkind = "go"\nneeds = ["s{at + 1}"]\n' for at in range(count - 1))
    return f'{HEAD}{"".join(rows)}[services.s{count - 1}]\nkind = "go"\nneeds = [{last}]\n'


FAMILIES: dict[str, Iterator[str | bytes]] = {
    "numbers": (
        text
        for value in HUGE
        for text in (
            service(f"stop_grace = {value}"), service(f"retries = {value}"),
            f'{HEAD}[infra.redis]\nport = {value}\n', f'{HEAD}[env]\nA = {{ generate = "token", bytes = {value} }}\n',
            service(f"ready = {{ tcp = true, timeout = {value} }}"),
        )
    ),
    "ports": (
        f'{HEAD}[infra.redis]\nport = {first}\n[services.a]\nkind = "go"\nport = {second}\ndebug_port = {third}\n'
        for first, second, third in (
            (0, 18080, 18090), (65536, 18080, 18090), (18080, 18080, 18090), (18080, 18081, 18080), (1, 1, 1),
            (32767, 32766, 32765), (-5, 18080, 18090),
        )
    ),
    "names": (
        f'{HEAD}[{section}.{quoted(name)}]\n{entry}\n'
        for section, entry in (("services", 'kind = "go"'), ("infra", "port = 18080"), ("env", 'value = "x"'))
        for name in ("..", ".", "-x", "a/b", "", "con", "x" * 300, "а", "a.b", "$(id)", "a b", *TRICKS[:4])
    ),
    "paths": (
        service(f"path = {quoted(path)}")
        for path in ("..", "/etc", "a/../../b", "\0", "x" * 5000, "~", "-rf", "$(touch x)", *TRICKS[:4])
    ),
    "files": (
        f'{HEAD}[files.{quoted(path)}]\ncontent = {quoted(content)}\n'
        for path, content in (
            ("a\0b", "x"), ("a", "\0"), ("../x", "x"), ("", "x"), (".", "x"), (".git/hooks/x", "x"),
            ("-x", "x"), ("x" * 300, "x"), ("/etc/x", "x"), (TRICKS[0], TRICKS[1]), ("dev", "x"),
        )
    ),
    "values": (
        text
        for value in ("a\0b", "a\nb", "x" * 900_000, *TRICKS)
        for text in (
            f"{HEAD}[env]\nA = {quoted(value)}\n", service(f"dev = {quoted(value)}"),
            service(f"env = {{ A = {quoted(value)} }}"),
        )
    ),
    "keys": (
        f"{HEAD}{text}"
        for text in (
            *(f"[{quoted(trick)}]\nx = 1\n" for trick in TRICKS),
            *(f"[machine]\n{quoted(trick)} = 1\n" for trick in TRICKS),
            '"" = 1\n', "[env]\n'' = 'x'\n", '[services]\na = 1\n', "[services.a.b.c]\nd = 1\n",
            "[[services]]\na = 1\n", "[env]\nа = 'x'\nA = 'x'\n",
        )
    ),
    "depth": (
        HEAD + text
        for text in (
            "x = " + "[" * 5000 + "]" * 5000, "x = " + "{a=" * 3000 + "1" + "}" * 3000,
            "[" + ".".join("a" * 5000) + "]\n",
            ".".join("a" * 3000) + " = 1\n", "x = " + "[" * 90_000, "x = " + "[" * 400 + "]" * 400,
            "[env]\nA = { value = " + "[" * 900 + "]" * 900 + " }\n", "[env." + ".".join("a" * 900) + "]\nx = 1\n",
        )
    ),
    "number of things": (
        HEAD + text
        for text in (
            "[env]\n" + "".join(f'A{at} = "x"\n' for at in range(20_000)),
            "[env]\n" + "".join(f'A{at} = {{ generate = "token" }}\n' for at in range(1000)),
            "".join(f'[services.s{at}]\nkind = "go"\nport = {10_000 + at}\n' for at in range(500)),
            "[machine]\n" + "".join(f"k{at} = 1\n" for at in range(30_000)),
            "[env]\n" + "A = " + quoted("{a.url}" * 50_000) + "\n", "[env]\nA = " + quoted("{" * 200_000) + "\n",
            "x = [" + "1," * 100_000 + "]\n", "#" * 900_000, "\n" * 900_000,
            "[tests.a]\ncommand = 'x'\nneeds = [" + '"x",' * 100_000 + "]\n",
        )
    ),
    "needs": iter(
        (chain(500), chain(1500), chain(500, '"s0"'), chain(2, '"s1"'), chain(1, '"s0"'), chain(3, '"\\u001b[2J"'))
    ),
    "patterns": (
        f"{HEAD}[env]\nA = {{ pattern = {quoted(pattern)}, required = false }}\n"
        for pattern in (
            "(a+)+$", "(a|a)*$", "(" * 5000 + ")" * 5000, "a{1,999999999999}", "[", "(?P<n>a)(?P=n", "\\", "\x1b[2J",
            "(" * 50, "((((a{1,100}){1,100}){1,100}){1,100}){1,100}", "(?i)" + "[a-z]" * 150, "x" * 100_000, "(?<=a+)b",
        )
    ),
    "versions": (
        f"{HEAD}[tools]\ngo = {quoted(version)}\n"
        for version in ("9" * 5000, "1." * 5000 + "1", "1.2.3; touch x", "../../x", "", "-x", "1.2.3\0", *TRICKS[:3])
    ),
    "comparisons": (
        f"{HEAD}[machine]\ndisk_free = {quoted(text)}\n"
        for text in (">=" + "9" * 5000, ">= " + " " * 100_000 + "x", ">=5 GiB\n", "", ">=1e5",
            ">=5" + " " * 400_000 + "x", ">=" + "9" * 400 + " TiB")
    ),
    "text": iter(
        (
            b"", b"\xef\xbb\xbf" + HEAD.encode(), HEAD.encode("utf-16"), HEAD.encode("utf-32"), b"\xff\xfe\x00",
            HEAD.encode() + b"[env]\nA = '\x00'\n", HEAD.encode() + b"[env]\nA = '\xed\xa0\x80'\n", b"\x7fELF\1",
            HEAD.replace("\n", "\r\n").encode(), HEAD.replace("\n", "\r").encode(), HEAD.encode() + b"\x1b]0;owned\x07",
            HEAD.encode() + b"# \x1b[2J\n", HEAD.encode() + b"[env]\nA = '\x1b[2J'\n", b"{}", b"<xml/>", b"schema",
            b"schema = 1", b"[", b"schema = 1\nschema = 1\n", HEAD.encode() + HEAD.encode(), b'schema = "1"\n',
            HEAD.encode() + b"A = \"\"\"" + b"x\n" * 1000, b"schema = 1\nproject = 1\n",
            HEAD.encode() + b"[env]\n\xc2\x9b = 1\n",
        )
    ),
    "wrong types": (
        f"{HEAD}{text} = {value}\n"
        for text in ("[services.a]\nkind", "[env]\nA", "[files.a]\ncontent", "[tools]\ngo")
        for value in ("1", "[]", "{}", "2026-01-01", "nan")
    ),
}  # fmt: skip
MINE: dict[str, tuple[str, str]] = {
    "section that is a number": ("infra = 1\n" + HEAD, "[infra.a]\nport = 18080\n"),
    "section that is a text": ('services = "abc"\n' + HEAD, "[services.a]\nport = 18080\n"),
    "docker that is a list": ("docker = []\n" + HEAD, "[docker]\nengine = 'off'\n"),
    "variable that is a list": (HEAD + "[env]\nA = []\n", "[env]\nA = 'x'\n"),
    "many variables": (HEAD, "[env]\n" + "".join(f"A{at} = 'x'\n" for at in range(20_000))),
    "deep": (HEAD, "[env." + ".".join("a" * 900) + "]\nx = 1\n"),
    "huge number": (service(""), "[services.a]\nport = " + "9" * 5000 + "\n"),
    "NUL": (HEAD, "[env]\nA = 'a\\u0000'\nB = \"\\u0000\"\n"),
    "escape in a key": (HEAD, '[env]\n"\\u001b[2J" = "x"\n'),
    "another key": (HEAD, '[services."\\u001b]0;owned\\u0007"]\npath = "x"\n'),
    "dotted key": (service(""), '[services."a.b"]\nport = 1\n'),
    "not text": (HEAD, "\udcff"),
}
"""Name -> a desired state, and what `desired_state.local.toml` changes in it."""
STATES: dict[str, bytes] = {
    f"{family} {at}": member if isinstance(member, bytes) else member.encode()
    for family, members in FAMILIES.items()
    for at, member in enumerate(members)
}
"""Family and number -> the content of a file."""
LARGE = 20_000
"""Bytes from which on a state costs seconds where many are read, and not one."""
