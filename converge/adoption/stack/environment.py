"""The environment of a Compose service, with templates in the place of names of containers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from converge.adoption import loose, names
from converge.adoption.addresses import Addresses, Filled, escaped
from converge.adoption.evidence import Claim, Note, Value
from converge.adoption.stack import variables
from converge.adoption.stack.built import Built
from converge.adoption.stack.variables import Lines

GIVEN = frozenset(["PORT", "HOST", "HOSTNAME", "BIND_ADDRESS"])
"""What the tool gives each service itself."""
CONTAINER = re.compile(r"/(app|code|usr|src|srv|workspace|opt|home|var|data|root)\b.*")
"""A path that is there in a container alone."""
MODES = frozenset(["NODE_ENV", "APP_ENV", "ENVIRONMENT", "ENV", "FLASK_ENV", "GO_ENV"])


class Environment:
    """Reads the environment of each service of one repository."""

    def __init__(
        self, addresses: Addresses, credentials: Collection[str], lines: Lines, gone: Collection[str] = ()
    ) -> None:  # fmt: skip
        """`credentials` are secret values that image services have themselves; `gone` are hosts that are left out."""
        self.addresses, self.credentials, self.lines, self.gone = addresses, credentials, lines, gone
        self.services = {part.name for part in addresses.hosts.values() if part.service}

    def claims(self, built: Built, needs: Sequence[str]) -> Iterator[Claim | Note]:
        """One claim for each variable; `needs` and `uses` with the components that the variables name."""
        given = _given(built)
        known = {name: value for name, (value, _) in given.items() if not variables.unknown(value)}
        filled = self.addresses.variables(known)
        named: dict[str, str] = {}
        for name, (value, source) in given.items():
            found = filled.get(name)
            for each in found.named if found else ():
                named.setdefault(each, source)
            yield from self._variable(built, name, value, found, source)
            yield from _databases(found, source)
        yield from self._called(built, dict.fromkeys(map(names.component, needs)), named)

    def _called(self, built: Built, needs: dict[str, None], named: dict[str, str]) -> Iterator[Claim]:
        rest = [each for each in named if each not in needs and each != built.name]
        infra, services = ([each for each in rest if (each in self.services) == kind] for kind in (False, True))
        if needs or infra:
            source = built.container.source("depends_on") if needs else named[infra[0]]
            yield built.claim("needs", (*needs, *infra), source)
        if services:
            yield built.claim("uses", tuple(services), named[services[0]])

    def _variable(
        self, built: Built, name: str, value: str, found: Filled | None, source: str
    ) -> Iterator[Claim | Note]:
        unknown = variables.unknown(value)
        passed = self.lines.passes(source, name)
        if not names.VARIABLE.fullmatch(name) or "\0" in value:
            yield Note(source=source, said=f"{name[:60]!r} cannot be a variable")
        elif found:
            yield built.claim(f"env.{name}", found.text, source)
        elif passed and not unknown and name in self.lines.provided(source):
            return
        elif unknown and passed:
            yield from _wanted(name, source, "the Compose file takes it from the shell or .env; no file has a value")
        elif unknown:
            yield Note(source=source, said=f"{name} is made of {', '.join(unknown)}, of which no file says a value")
        else:
            yield from self._plain(built, name, value, source)

    def _plain(self, built: Built, name: str, value: str, source: str) -> Iterator[Claim | Note]:
        if name in GIVEN:
            return
        if name in MODES and value.lower() in ("production", "prod"):
            yield Note(source=source, said=f"{name}={value} is left out: services run for development here")
        elif host := self.addresses.host(name, value, self.gone):
            yield Note(source=source, said=f"{name} is left out: it names {host}, which is left out, too")
        elif names.own_secret(name):
            made: dict[str, Value] = {"generate": "token", "secret": True}
            guess = "the file has one value for all machines"
            yield Claim(table="env", key=name, value=made, source=source, guess=guess)
        elif names.secret(name) and value in self.credentials:
            yield built.claim(f"env.{name}", escaped(value), source, "the password of a container of the same file")
        elif names.secret(name) and not value:
            return
        elif names.secret(name):
            yield from _wanted(name, source, "its name looks secret, so its value is not copied from the Compose file")
        elif CONTAINER.fullmatch(value) or value in _mounted(built):
            yield Note(source=source, said=f"{name} is left out: {value[:80]} is a path in the container")
        else:
            yield built.claim(f"env.{name}", self._own_port(built, name, value) or escaped(value), source)

    def _own_port(self, built: Built, name: str, value: str) -> str:
        """The template of a port of its own."""
        port = built.assigned.inside.get(loose.number(value) or 0)
        if port is None or not name.upper().endswith("PORT"):
            return ""
        return f"{{{port}_port}}" if port else "{port}"


def _databases(found: Filled | None, source: str) -> Iterator[Claim]:
    for component, name in found.databases if found else ():
        if name != "postgres":
            yield Claim(table="infra", of=component, key="databases", value=(name,), source=source)


def _given(built: Built) -> dict[str, tuple[str, str]]:
    """Name -> value and where it is said; a name without a value comes from the shell of a person."""
    found: dict[str, tuple[str, str]] = {}
    for said, layer in built.container.all("environment"):
        for at, (name, value) in enumerate(loose.pairs(said).items()):
            if name not in found and value is not None:
                found[name] = value, layer.source("environment", at if isinstance(said, list) else name)
    return found


def _mounted(built: Built) -> set[str]:
    """Where volumes are in its container."""
    entries = [each for said, _ in built.container.all("volumes") for each in loose.listed(said)]
    short = {each.split(":")[1] for each in entries if isinstance(each, str) and each.count(":")}
    return short | {loose.text(each.get("target")) for each in entries if isinstance(each, dict)} - {""}


def _wanted(name: str, source: str, because: str) -> Iterator[Claim]:
    """A variable whose value a person gives."""
    value: dict[str, Value] = {"required": False}
    if names.secret(name):
        value["secret"] = True
    yield Claim(table="env", key=name, value=value, source=source, guess=because)
