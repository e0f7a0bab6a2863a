"""Archives that a vendor publishes: the address and the sha256 of each platform, and who computed that sum."""

from __future__ import annotations

import json
import os
import re
import tempfile
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from converge import fetch, network, supply
from converge.desired import Tool
from converge.errors import DevError
from converge.pins.providers import WORDS
from converge.providers import checksums
from facts import regular

PLATFORMS = ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64")
LARGEST = 8_000_000
"""Bytes of a list of checksums or of a description of a release."""
GITHUB = "https://api.github.com"
"""Another one, of an enterprise, is taken from GITHUB_API_URL. Source: https://docs.github.com/rest/releases/releases."""
OS = {"linux": r"linux", "macos": r"darwin|macos|osx|apple|mac"}
ARCH = {"x64": r"x86[_-]64|amd64|x64|64bit", "arm64": r"aarch[_-]?64|arm64"}
"""Words of a platform in the name of a file of a release."""
TYPES = (".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip", "")
"""Endings of what can be unpacked, the best first; without one it is the program itself."""
SUMS = r".*(sha-?256|checksum)[^/]*"
"""Name of a file of a release that has checksums."""

HINT = "check the network and the address, then run again"

Artefacts = dict[str, dict[str, str]]
"""Platform -> `url`, `sha256`, and `hashed`: who computed the sum."""


def by_address(tool: str, version: str, entry: Tool, say: Callable[[str], None]) -> Artefacts:
    """The artefacts of an entry with `url`; a platform for which there is none is left out, with a line that says why.

    DevError `no-provider` if there is none for any platform.
    """
    found: Artefacts = {}
    for platform in PLATFORMS:
        words = _words(entry, platform, version)
        url = _filled(entry.url or "", words)
        words["file"] = url.rpartition("/")[2]
        try:
            if entry.checksums:
                sums, by = _text(_filled(entry.checksums, words)), "the vendor"
            else:
                sums, by = _sum(url), "./dev lock"
        except (OSError, ValueError) as problem:
            _check_answer(problem, f"{tool} {version}")
            say(f"  {tool} {version}: nothing for {platform} ({_one_line(problem)})")
            continue
        if digest := checksums.find(sums, words["file"]):
            found[platform] = {"url": url, "sha256": digest, "hashed": by}
        else:
            say(f"  {tool} {version}: nothing for {platform} (the checksums do not name {words['file']})")
    return _any(found, tool, version)


def by_release(tool: str, version: str, entry: Tool, say: Callable[[str], None]) -> Artefacts:
    """The artefacts of a GitHub release, found by the platform in their names; sums of the team that made the release
    where it has published them, else those that GitHub computed.
    """
    root = os.environ.get("GITHUB_API_URL", GITHUB).rstrip("/")
    release, why = None, ""
    for tag in (f"v{version}", version, f"{tool}-v{version}", f"{tool}-{version}"):
        try:
            release = json.loads(_text(f"{root}/repos/{entry.github}/releases/tags/{tag}"))
            break
        except (OSError, ValueError, RecursionError) as problem:
            _check_answer(problem, f"{entry.github} {version}")
            why = why or _one_line(problem)
    if not isinstance(release, dict):
        raise DevError(
            "no-provider",
            f"{entry.github} has no release {version}",
            because=why,
            hint="check the version and the network",
        )
    assets = {str(each["name"]): each for each in release.get("assets", ()) if "browser_download_url" in each}
    found: Artefacts = {}
    for platform in PLATFORMS:
        name = next(_suited(tool, platform, assets), "")
        digest, by = _published(name, assets) if name else ("", "")
        if digest:
            found[platform] = {"url": assets[name]["browser_download_url"], "sha256": digest, "hashed": by}
        else:
            say(f"  {tool} {version}: nothing for {platform} ({'no checksum of ' + name if name else 'no such file'})")
    return _any(found, tool, version)


def _suited(tool: str, platform: str, names: Mapping[str, Any]) -> Iterator[str]:
    """Names of files that are for the platform, the best first."""
    system, arch = platform.split("-")
    rows: list[tuple[int, bool, int, str]] = []
    for name in names:
        kind = next(kind for kind in TYPES if name.endswith(kind))
        stem = name.removesuffix(kind)
        if (not kind and re.search(r"\.(?!\d)[a-z0-9]+$", stem)) or not re.search(OS[system], stem, re.IGNORECASE):
            continue
        universal = system == "macos" and re.search(r"universal|all", stem, re.IGNORECASE)
        if not universal and not re.search(ARCH[arch], stem, re.IGNORECASE):
            continue
        begins = stem.lower().startswith(tool.lower())
        rows.append((TYPES.index(kind), not begins, len(name), name))
    yield from (name for *_, name in sorted(rows, key=lambda row: (row[1], row[0] == len(TYPES) - 1, row[2], row[0])))


def _published(name: str, assets: Mapping[str, Any]) -> tuple[str, str]:
    """The sum of a file of a release, and who computed it; empty if neither did."""
    own = [each for each in assets if re.fullmatch(SUMS, each, re.IGNORECASE) and each.startswith(name)]
    for each in [*own, *(each for each in assets if re.fullmatch(SUMS, each, re.IGNORECASE) and each not in own)]:
        try:
            if digest := checksums.find(_text(assets[each]["browser_download_url"]), name):
                return digest, "the vendor"
        except (OSError, ValueError):
            continue
    kind, _, digest = str(assets[name].get("digest") or "").partition(":")
    return (digest, "GitHub") if kind == "sha256" and re.fullmatch(checksums.SUM, digest) else ("", "")


def _words(entry: Tool, platform: str, version: str) -> dict[str, str]:
    system, arch = platform.split("-")
    return {
        "version": version, "os": {**WORDS["os"], **entry.os}[system], "arch": {**WORDS["arch"], **entry.arch}[arch],
    }  # fmt: skip


def _filled(template: str, words: Mapping[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), template)


def _text(url: str) -> str:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "text"
        fetch.fetch(url, file)
        return regular.text(file, LARGEST)


def _sum(url: str) -> str:
    """The sum of what is there now."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "file"
        fetch.fetch(url, file)
        return supply.sha256(file)


def _check_answer(problem: BaseException, what: str) -> None:
    """DevError `download-failed` unless the server says that it does not have it: another platform would fail, too."""
    if not (isinstance(problem, urllib.error.HTTPError) and problem.code in (404, 410)):
        because = _one_line(problem)
        raise DevError(
            "download-failed", f"{what} could not be downloaded", because=because, hint=network.hint(because, HINT)
        )


def _one_line(problem: BaseException) -> str:
    return " ".join(str(problem).split())[:120] or type(problem).__name__


def _any(found: Artefacts, tool: str, version: str) -> Artefacts:
    if not found:
        raise DevError("no-provider", f"{tool} {version} was not found", hint="check the version and the network")
    return found
