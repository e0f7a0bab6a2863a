"""What looks like a secret though its value is not known: `certain` by its form, `named` by the word before it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

MASK = "********"

WORD = (
    r"passw(?:or)?d|passwd|passphrase|passcode|secret|token|credential|authorization|cookie|signature|jwt|bearer|dsn|salt"
    r"|(?:api|access|private|secret|auth|client|signing|encryption|account|master|ssh)[_.-]?key|key[_.-]?pair"
)
NAMES = rf"[\w.-]*(?:{WORD})[\w.-]*|(?:[\w.-]*[_.-])?(?:pwd|pass|pw|pat|auth|key)"
"""A name that holds something secret; a bare `pwd` is the working directory, which the check for a `/` lets through."""

_KEY_BLOCK = (
    r"(?s)(?:-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\A[A-Za-z0-9+/=\s]+(?=-----END))"
    r".*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_HEADER = (
    r"(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|x-[\w-]*(?:key|token|auth|secret)[\w-]*)"
    r"(\\*[\"']?[ \t]*[:=][ \t]*\[?\s*\\*[\"']?)(?![\s{\[])[^\"'\r\n\\]+"
)
_SCHEME = r"(?i)\b(bearer|basic|digest|negotiate)(\s+)(?=[^\s\d]{0,40}\d)[A-Za-z0-9._~+/=-]{12,}"
_ANY_SCHEME = r"(?i)\b(bearer|basic|digest|negotiate)(\s+)[A-Za-z0-9._~+/=-]{6,}"
_SQL = (
    r"(?i)\b((?:encrypted\s+)?password|passwd|identified\s+by)(\s+(?:(?:is|to)\s+)?)"
    r"(?:(?:[en]|u&)?'(?:[^'\r\n]|'')+'|\"(?:[^\"\r\n]|\"\")+\")"
)
_QUERY = (
    r"(?i)((?:[?&#;]|%3[fb]|%26|\\u0026)(?:code|ticket|__clerk_ticket|link|sig|signature|key|api_?key|secret|pass(?:word)?"
    r"|\w{0,20}token)(?:=|%3d))[^&\s\"'<>#\\]+"
)
_SHAPES = (
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|glpat-[\w-]{12,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|xox[abeprs]-[\w-]{8,}"
    r"|(?:sk|pk|rk|whsec)_(?:test_|live_)?[A-Za-z0-9]{12,}|sk-[\w-]{16,}|AIza[\w-]{20,}|ya29\.[\w-]{8,}|npm_[A-Za-z0-9]{20,}"
    r"|pypi-[\w-]{16,}|dckr_pat_[\w-]{8,}|hf_[A-Za-z0-9]{16,}|eyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)?)"
)
_FLAG = rf"(?i)(?<![\w-])(--?(?:{NAMES}))(\s+)(?!-)\S+"
_NETRC = r"(?i)\b(login\s+\S+\s+password\s+)\S+"
_CURL_USER = r"(?<!\S)(-u|--user|--proxy-user)([\s=]+)\S+:\S+"

_URL_WORD = r"[^\s\"<>]{7,}+"
_USER = r"[^:/@]*"
_PORT = r"\d{1,5}(?:[/?#',]|\Z)"

_CERTAIN: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("-----",), _KEY_BLOCK, MASK),
    (("authorization", "cookie", "x-"), _HEADER, rf"\1\2{MASK}"),
    (("bearer", "basic", "digest", "negotiate"), _SCHEME, rf"\1\2{MASK}"),
    (("passw", "identified"), _SQL, rf"\1\2'{MASK}'"),
    (("code=", "ticket=", "link=", "sig=", "signature=", "key=", "secret=", "pass=", "password=", "token=", "%3d"),
     _QUERY, rf"\1{MASK}"),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "akia", "asia", "xox", "sk_", "pk_", "rk_",
      "whsec_", "sk-", "aiza", "ya29.", "npm_", "pypi-", "dckr_pat_", "hf_", "eyj"), _SHAPES, MASK),
)  # fmt: skip
"""Signs, in lower case, of which a text has one if the pattern can be in it; the pattern; what replaces it."""
_NAMED = ((_ANY_SCHEME, rf"\1\2{MASK}"), (_NETRC, rf"\1{MASK}"), (_CURL_USER, rf"\1\2{MASK}"), (_FLAG, rf"\1\2{MASK}"))


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, compiled when a text first needs it: most commands need none."""
    return re.compile(pattern)


def certain(text: str) -> str:
    """Without what has the form of a secret: keys, tokens of known makers, passwords in URLs and SQL, headers."""
    if "://" in text and "@" in text:
        text = compiled(_URL_WORD).sub(_without_user, text)
    lower = text.lower()
    for signs, pattern, by in _CERTAIN:
        if any(sign in lower for sign in signs):
            text = compiled(pattern).sub(by, text)
    return text


def named(text: str) -> str:
    """Without what stands behind a flag or a word that names a secret."""
    for pattern, by in _NAMED:
        text = compiled(pattern).sub(by, text)
    return text


def secret_name(name: str) -> bool:
    """Whether a variable or key of that name holds something secret."""
    return name not in ("PWD", "OLDPWD") and compiled(rf"(?i)(?:{NAMES})").fullmatch(name) is not None


def secret_flag(word: str) -> bool:
    """Whether the word after this one in a command line is secret, as after `--password`."""
    return compiled(rf"(?i)--?(?:{NAMES})").fullmatch(word) is not None


def userinfo(text: str) -> Iterator[str]:
    """Passwords, and tokens in place of a user, of the URLs in a text."""
    if "://" not in text or "@" not in text:
        return
    for match in compiled(_URL_WORD).finditer(text):
        if place := _user_of(match.group()):
            yield match.group()[place[0] : place[1]]


def _without_user(match: re.Match[str]) -> str:
    word = match.group()
    place = _user_of(word)
    return f"{word[: place[0]]}{MASK}{word[place[1] :]}" if place else word


def _user_of(word: str) -> tuple[int, int] | None:
    """Where the password, or the token in place of a user, of a URL in the word is; by hand, to stay linear."""
    port: Callable[[str, int], object] = compiled(_PORT).match
    last, at = word.rfind("@"), word.find("://")
    while 0 <= at < last:
        start = at + 3
        user = compiled(_USER).match(word, start)
        stop = user.end() if user else start
        if word[stop] == ":" and not port(word, stop + 1):
            return stop + 1, last
        if word[stop] == "@" and word[:at].lower().endswith(("http", "https")):
            return start, last
        at = word.find("://", start)
    return None
