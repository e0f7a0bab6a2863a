"""The environment in which packages are installed: how an index is reached, and nothing that changes the result.

Only the standard library, as the launcher's bootstrap uses it before any package is there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from converge import index_settings, network
from facts import surroundings

NPM = re.compile(
    r"//.*|@[^/]+:registry|registry|cafile|ca|cert|key|(https?-)?proxy|noproxy|strict-ssl|cache|userconfig|offline|"
    r"prefer-offline|fetch-.*|maxsockets|nodedir|python"
)
"""Settings of npm, from its variables; its files are read by npm itself."""
CHANGING = re.compile(r"NODE_(ENV|OPTIONS|PATH)|(NPM|PIP|UV|LD|DYLD|PYTHON)_?.*", re.IGNORECASE)
"""Variables that an `.npmrc` may not ask for."""


def environment(given: Mapping[str, str] = os.environ, directory: Path | None = None) -> dict[str, str]:
    """The variables of an installation; `directory`, that of the lock file, may have an `.npmrc` that names more."""
    found = surroundings.own(given) | {name: value for name, value in given.items() if _passed(name)}
    if found.get("GOPROXY") == "off":
        del found["GOPROXY"]  # what is in the cache already is not asked for anyway
    for name, value in (*index_settings.of_pip(given), *index_settings.of_uv(given)):
        found.setdefault(name, value)
    found |= {name: given[name] for name in _npmrc(given, directory) if name in given}
    return network.environment({**found, "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"})


def _passed(name: str) -> bool:
    head, _, rest = name.partition("_")
    setting = rest.lower().replace("_", "-")
    if head == "PIP":
        return setting in index_settings.PIP
    if head == "UV":
        return setting in index_settings.UV or bool(re.fullmatch(r"UV_INDEX_.+_(USERNAME|PASSWORD)", name))
    if head.lower() == "npm" and setting.startswith("config-"):
        return NPM.fullmatch(setting.removeprefix("config-")) is not None
    return False


def _npmrc(given: Mapping[str, str], directory: Path | None) -> Iterator[str]:
    """Variables that an `.npmrc` refers to, such as the token of a private registry."""
    for place in (directory, index_settings.homes(given)[0]):
        try:
            text = (place / ".npmrc").read_text("utf-8") if place else ""
        except (OSError, UnicodeError):
            continue
        yield from (name for name in re.findall(r"\$\{(\w+)\??\}", text) if not CHANGING.fullmatch(name))
