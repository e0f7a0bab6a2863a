"""Why an image is not available, in a few words, remembered so that the next start does not wait for it again."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from converge import atomic, own_files
from converge.errors import DevError
from converge.instance import Instance
from facts import reach
from runtime.docker.compose import Project

AGE = 3600.0
"""Seconds after which it is tried again, also if nothing changed: a registry may be down for a while."""
CODES = ("image-unavailable", "build-failed")
"""Errors that may be remembered."""
LENGTH = 160
"""Letters of a message that is not known."""
NO_NETWORK = "no network to the registry"
"""The one reason that is remembered: a person mends the others at once, as by `docker login`."""
WORDS: tuple[tuple[str, str], ...] = (
    (r"no space left on device|disk quota exceeded", "the disk of the engine is full"),
    (r"toomanyrequests|rate limit|429 Too Many", "the registry refuses further requests for now; docker login helps"),
    (r"x509:|certificate signed by|certificate verify failed", "the certificate of the registry is not trusted here"),
    (r"no matching manifest|does not match the specified platform|exec format error",
     "there is none for the processor of this machine"),
    (r"unauthorized|access denied|authentication required|denied: requested access|no basic auth credentials",
     "the registry has no such image, or wants docker login"),
    (r"manifest unknown|manifest for .* not found|[\w.-]/[\w./-]+[:@][\w.:-]+: not found|name unknown|"
     r"repository does not exist|404 Not Found", "the registry has no such image"),
    (r"server gave HTTP response to HTTPS client", "the registry speaks no TLS, and the engine insists on it"),
    (r"proxyconnect|407 Proxy", "the proxy of the engine does not connect"),
    (r"no such host|server misbehaving|Temporary failure in name resolution|Name or service not known|"
     r"network is unreachable|no route to host|connection refused|connection reset|Connection broken|i/o timeout|"
     r"Client\.Timeout|TLS handshake timeout|context deadline exceeded|Could not resolve|Failed to establish|"
     r"Temporary failure resolving|unexpected EOF", NO_NETWORK),
)  # fmt: skip
"""Part of a message of engine, builder or registry -> what it means; the first that is found counts."""


def words(said: str) -> str:
    """What the engine or the builder said, as one short clause; an unknown message by its last line."""
    if clause := _meaning(said):
        return clause
    lines = [line.strip() for line in re.split(r"\n| / ", said) if line.strip()]
    last = re.sub(r"^#\d+ [\d.]* ?", "", lines[-1]) if lines else "no reason was given"
    return last if len(last) <= LENGTH else last[:LENGTH].rpartition(" ")[0] + " …"


def explained(said: str) -> str:
    """The whole message, after its meaning if that is known."""
    clause = _meaning(said)
    return f"{clause}: {said}" if clause else said


def known(project: Project, image: str) -> DevError | None:
    """Why the image could not be had lately, if neither the network nor a file has changed since."""
    entry = _noted(project.instance).get(image)
    if not isinstance(entry, dict) or entry.get("code") not in CODES or entry.get("world") != _world(project):
        return None
    at = entry.get("at")
    if not isinstance(at, int | float) or not 0 <= time.time() - at < AGE:
        return None
    because = f"{entry.get('because')}, as at the last try"
    return DevError(entry["code"], str(entry.get("what")), because=because, hint=str(entry.get("hint") or ""))


def remember(project: Project, image: str, problem: DevError) -> None:
    """Note the refusal of this image, if there was no network to the registry."""
    if (because := words(problem.because)) != NO_NETWORK:
        return
    entry = {"code": problem.code, "what": problem.what, "because": because, "hint": problem.hint}
    entry |= {"world": _world(project), "at": time.time()}  # type: ignore[dict-item]
    atomic.write(_path(project.instance), json.dumps(_noted(project.instance) | {image: entry}, indent=1) + "\n")


def _meaning(said: str) -> str:
    return next((meaning for pattern, meaning in WORDS if re.search(pattern, said, re.IGNORECASE)), "")


def _world(project: Project) -> str:
    """What a further try could depend on: the engine, the network, the Compose files."""
    files = [f"{path} {path.stat().st_mtime_ns} {path.stat().st_size}" for path in project.files]
    return " ".join([project.engine.host, reach.digest(), *files])


def _noted(instance: Instance) -> dict[str, Any]:
    try:
        found = own_files.document(_path(instance))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path(instance: Instance) -> Path:
    return instance.engine_record.with_name("refusals.json")
