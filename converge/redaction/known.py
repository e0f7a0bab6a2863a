"""The secrets of a checkout: where their values are on this machine, and what else must not be shown."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from json import loads
from pathlib import Path

from converge import envfile, own_files, templates
from converge.derived import services_password
from converge.desired import Loaded
from converge.env_files import files
from converge.errors import DevError
from converge.instance import Instance
from converge.redaction import patterns
from converge.redaction.redactor import Redactor
from facts.env import parse

LONGEST_SECRET = 4096
"""Longest text of a secret file that is hidden in other files too; a key is shorter."""
LARGEST = 1_000_000
"""Characters that are read of a file."""
_QUOTED = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"\n]+)"|'([^'\n]+)')""")


def redactor(instance: Instance, loaded: Loaded | None) -> Redactor:
    """Knows the values of secrets that can be in the output of a command: [env], `.dev/values`, the caller's own."""
    names, values, prefixes, public = _declared(loaded)
    kept = list(_kept(instance).items())
    if loaded:  # a person may have written there what is no secret
        kept += _of_env_files(instance, loaded)
        values |= {word for _, value in kept for word in patterns.userinfo(value)}
        kept = [(name, value) for name, value in kept if name in names or patterns.secret_name(name)]
    values |= {value for _, value in kept} | set(_of_caller(names))
    if loaded is None:
        values |= set(_of_file(instance.checkout / "desired_state.local.toml"))
    for text in _texts(instance.dev.glob("instances/*/secrets/*")):
        values |= {text, services_password(text)}
    names |= {name for name, _ in kept}
    return Redactor(frozenset(values - {""}), frozenset(names), frozenset(prefixes - {""}), public - values)


def everything(instance: Instance, loaded: Loaded | None) -> Redactor:
    """Knows also what is in the files of all instances, as the environments of services."""
    plain = redactor(instance, loaded)
    more = {value for name, value in os.environ.items() if plain.secret(name) and len(value) >= 6}
    more |= set(_kept(instance).values())
    found = plain.values | more | set(_written(instance, plain))
    return Redactor(frozenset(found - {""}), plain.names, plain.prefixes, plain.public)


def _declared(loaded: Loaded | None) -> tuple[set[str], set[str], set[str], frozenset[str]]:
    """Names, values and prefixes of secrets in the desired state, and its words that are public."""
    if loaded is None:
        return set(), set(), set(), frozenset()
    env = loaded.desired.env
    names = {name for name, variable in env.items() if variable.secret or variable.generate}
    prefixes = {env[name].prefix for name in names}
    words = {word for key in loaded.lines for word in key.split(".")} | {loaded.desired.project.name}
    return names, set(_written_down(loaded, names)), prefixes, frozenset(words)


def _written_down(loaded: Loaded, names: Iterable[str]) -> Iterator[str]:
    """Values of secrets in the desired state itself: by declaration, by name, and in URLs."""
    desired = loaded.desired
    for name, variable in desired.env.items():
        value = variable.value or ""
        local = f"env.{name}" in loaded.overrides or f"env.{name}.value" in loaded.overrides
        if name in names or (local and patterns.secret_name(name)):
            yield value
        yield from patterns.userinfo(value)
    own = [each.env for each in desired.infra.values()] + [each.env for each in desired.services.values()]
    for env in own:
        for name, value in env.items():
            if patterns.secret_name(name) and not any(templates.words(value, templates.Scope())):
                yield templates.fill(value, templates.Scope(), str)
            yield from patterns.userinfo(value)
    if desired.docker and desired.docker.mirror:
        yield from patterns.userinfo(desired.docker.mirror)


def _of_caller(names: Iterable[str]) -> Iterator[str]:
    """What the caller's environment says of these names, and the passwords of its URLs, as of proxies."""
    for name in names:
        yield os.environ.get(name, "")
    for value in os.environ.values():
        yield from patterns.userinfo(value)


def _of_file(path: Path) -> Iterator[str]:
    """Values with a secret name in a file that cannot be read as TOML."""
    for text in _texts([path]):
        for name, one, other in _QUOTED.findall(text):
            if patterns.secret_name(name):
                yield one or other


def _written(instance: Instance, hide: Redactor) -> Iterator[str]:
    """Secrets in files of every instance of the checkout: its own, and those of environments by their names."""
    for place in ("private/*/*", "container-secrets/*/*/*"):
        yield from (text for text in _texts(instance.dev.glob(f"instances/*/{place}")) if len(text) <= LONGEST_SECRET)
    for text in _texts(instance.dev.glob("instances/*/env/*.env")):
        yield from _assigned(text, hide)
    for text in _texts(instance.environments.glob("**/*.env")):  # as an editor or a shell is given them
        for value in _assigned(text, hide):
            yield value
            yield value.strip("\"'").replace("\\n", "\n").replace("\\$", "$")
    for text in _texts(instance.dev.glob("instances/*/run/*/spec.json")):  # what is made for one run stands there alone
        with contextlib.suppress(ValueError, AttributeError, KeyError):
            yield from (value for name, value in loads(text)["env"].items() if hide.secret(name))


def _assigned(text: str, hide: Redactor) -> Iterator[str]:
    return (value for name, value in parse(text).items() if hide.secret(name))


def _kept(instance: Instance) -> dict[str, str]:
    return {name: value for text in _texts([envfile.place(instance)]) for name, value in parse(text).items()}


def _of_env_files(instance: Instance, loaded: Loaded) -> Iterator[tuple[str, str]]:
    """Names and values in the team's own `.env` files; none of one that cannot be read."""
    for each in files.declared(loaded.desired):
        with contextlib.suppress(DevError):
            yield from files.read(instance.checkout, each, "", {}).items()


def _texts(paths: Iterable[Path]) -> Iterator[str]:
    """Of regular files alone: a checkout of somebody else may have anything there. A line ends where `facts.text` says.

    A byte-order mark is no part of it, as it would be one of the first name.
    """
    for path in paths:
        with (
            contextlib.suppress(OSError),
            open(own_files.opened(path, os.O_RDONLY), encoding="utf-8-sig", errors="replace", newline="") as file,
        ):
            yield file.read(LARGEST)
