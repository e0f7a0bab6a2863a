"""The environment of every program that the tool runs for itself: probes, installers, builds, changes of the system.

It has what leads to the network, to caches and to the user's own settings, and nothing that changes a result. Services
get the declared environment of `runtime/environment.py` instead. Only the standard library, as the launcher's bootstrap
uses it before any package is there.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping

PASSED = frozenset([
    "USER", "LOGNAME", "TZ", "TERM", "container", "NETRC", "SSH_AUTH_SOCK", "SUDO_ASKPASS", "XDG_CONFIG_DIRS",
    "APT_CONFIG", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
    "DBUS_SESSION_BUS_ADDRESS", "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY",
    "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS", "NODE_USE_SYSTEM_CA", "GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GONOSUMCHECK",
    "GOSUMDB", "GOINSECURE", "GOAUTH", "GOENV", "RUSTUP_TOOLCHAIN", "RUSTUP_DIST_SERVER",
])  # fmt: skip
"""Variables of the system, of the network, and of the user's settings that are passed on."""
PREFIXES = (
    "CARGO_HTTP_", "CARGO_NET_", "CARGO_REGISTRIES_", "CARGO_REGISTRY_", "CARGO_SOURCE_", "HOMEBREW_",
)  # fmt: skip
"""Beginnings of more such variables."""
PLACES = frozenset([
    "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "GOPATH", "GOMODCACHE",
    "GOCACHE", "CARGO_HOME", "RUSTUP_HOME", "PYENV_ROOT", "ASDF_DATA_DIR", "MISE_DATA_DIR", "VOLTA_HOME",
])  # fmt: skip
"""Variables that name a directory; a relative one would be another place for each program, and is not passed on.
Source: https://specifications.freedesktop.org/basedir-spec"""
LOCALE = "C.UTF-8"
"""The language of messages, and the order of names, that every such program has."""


def own(given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The whole environment of such a program."""
    found = {name: value for name, value in given.items() if name in PASSED or name.startswith(PREFIXES)}
    found |= {name: given[name] for name in PLACES if os.path.isabs(given.get(name, ""))}
    if temporary := given.get("TMPDIR", ""):
        found |= {"TMPDIR": temporary} if is_writable(temporary) else {}
    return {**found, "HOME": _for_caches(given), "PATH": path(given.get("PATH", "")), "LC_ALL": LOCALE}


def home(given: Mapping[str, str] = os.environ) -> str:
    """The home directory: HOME, or that of the account if HOME is missing or relative; empty without an account."""
    found = given.get("HOME", "")
    return found if os.path.isabs(found) else _account()


def _for_caches(given: Mapping[str, str]) -> str:
    """The home directory of installers: that of the account also if theirs cannot be written."""
    found = home(given)
    return next((each for each in (found, _account()) if is_writable(each)), found or "/")


def _account() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return ""


def program(name: str, given: Mapping[str, str] = os.environ) -> str | None:
    """Where PATH has this program, its relative directories left out."""
    import shutil  # saves 2 ms of every command that looks for none

    return shutil.which(name, path=path(given.get("PATH", "")))


def path(given: str) -> str:
    """PATH without relative directories, in which anybody's program could be; the system's if nothing is left."""
    return os.pathsep.join(each for each in given.split(os.pathsep) if os.path.isabs(each)) or os.defpath


def is_writable(place: str) -> bool:
    """Whether it is a directory in which files can be made; most programs fail, or wait, where it is not."""
    return os.path.isabs(place) and os.path.isdir(place) and os.access(place, os.W_OK | os.X_OK)
