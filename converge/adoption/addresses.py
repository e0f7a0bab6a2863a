"""Puts templates in the place of addresses: `postgresql://u:p@db:5432/app` becomes `{db.url}/app`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from converge import templates
from converge.adoption import loose
from facts.value import dataclass, field

LOCAL = frozenset(["localhost", "127.0.0.1", "0.0.0.0", "host.docker.internal"])
_URL = re.compile(
    r"(?P<jdbc>jdbc:)?(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://"
    r"(?:(?P<user>[^/\s,\"'<>]*)@)?(?P<host>[A-Za-z0-9_.-]+)(?::(?P<port>\d+))?"
)
_PAIR = re.compile(r"(?<![\w./@:{-])(?P<host>[A-Za-z0-9_.-]+):(?P<port>\d{2,5})(?![\w.-])")
_HOSTED = re.compile(r"(?i)(.*?)_?(host|hostname|server|addr|address|endpoint|broker|servers|hosts)\Z")
_DATABASE = re.compile(r"\{([a-z0-9-]+)\.url(?::[^{}]*)?\}/([A-Za-z_][A-Za-z0-9_-]*)(?:\?.*)?\Z")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
SCHEMES: Mapping[str, tuple[str, ...]] = {
    "postgres": ("postgres", "postgresql"), "redis": ("redis", "valkey"), "mysql": ("mysql",),
    "mariadb": ("mysql", "mariadb"),
    "mongo": ("mongodb",), "rabbitmq": ("amqp",), "nats": ("nats",),
}  # fmt: skip
"""Kind -> schemes of its URL; one with a driver is `scheme+driver`."""
SQL = frozenset(["postgres", "mysql", "mariadb", "mongo"])
"""Kinds with users and databases."""
GROUP: Mapping[str, tuple[str, ...]] = {
    "user": ("USER", "USERNAME"), "password": ("PASSWORD", "PASS", "PASSWD", "PWD"),
    "database": ("DB", "NAME", "DATABASE", "DBNAME", "DB_NAME"),
}  # fmt: skip
"""Part of an address -> how its variable ends, beside that of the host: DB_HOST, DB_PORT, DB_USER."""


@dataclass(frozen=True)
class Part:
    """A component that addresses can name."""

    name: str
    kind: str = ""
    """Kind of infrastructure; empty for a service, or for a container of no kind."""
    service: bool = False
    inside: Mapping[int, str] = field(default_factory=dict)
    """Port inside of its container -> "" for the main one, or its name in `ports`."""
    outside: Mapping[int, str] = field(default_factory=dict)
    """Published port -> the same."""
    ports: bool = True
    """Whether templates can name the ports besides the main one."""

    def word(self, extra: str, what: str) -> str:
        """The template of a part of its address; of a port that has none, the number itself."""
        if not extra or self.ports:
            return f"{{{self.name}.{extra}_{what}}}" if extra else f"{{{self.name}.{what}}}"
        number = next((number for number, name in self.outside.items() if name == extra), 0)
        return str(number) if what == "port" else f"127.0.0.1:{number}"


@dataclass(frozen=True)
class Filled:
    """A value with its templates."""

    text: str
    named: tuple[str, ...] = ()
    """Components that the templates name."""
    databases: tuple[tuple[str, str], ...] = ()
    """Component and name of each database of Postgres in it."""


class Addresses:
    """Finds the components of a repository in values of variables."""

    def __init__(self, hosts: Mapping[str, Part]) -> None:
        """`hosts`: every name by which a container calls another one."""
        self.hosts = hosts
        self.published = {port: part for part in hosts.values() for port in part.outside}

    def variables(self, given: Mapping[str, str]) -> dict[str, Filled]:
        """The variables that name a component, with templates; all others are left out."""
        found: dict[str, Filled] = {}
        for name, value in given.items():
            filled = self._host(name, value, given) or self._value(name, value)
            if filled.named:
                found[name] = filled
        for name, filled in list(found.items()):
            if filled.text == f"{{{filled.named[0]}.host}}":
                found |= self._beside(name, filled.named[0], given, found)
        return found

    def host(self, variable: str, value: str, known: Collection[str]) -> str:
        """The first of these hosts that a variable names; empty if there is none."""
        named = [match["host"] for pattern in (_URL, _PAIR) for match in pattern.finditer(value)]
        named += [value.strip()] if _HOSTED.match(variable) else []
        return next((each for each in named if each in known), "")

    def _host(self, variable: str, value: str, given: Mapping[str, str]) -> Filled | None:
        """A variable that is the name of a host alone; one on this machine is known by the port beside it."""
        match = _HOSTED.match(variable)
        part = self.hosts.get(value.strip())
        if match and not part and value.strip() in LOCAL and match[1]:
            numbers = (loose.number(given.get(f"{match[1]}{line}PORT")) for line in ("_", ""))
            part = next((self.published[number] for number in numbers if number in self.published), None)
        return Filled(f"{{{part.name}.host}}", (part.name,)) if match and part else None

    def _value(self, variable: str, value: str) -> Filled:
        named: list[str] = []
        text = _URL.sub(lambda match: self._url(match, named), escaped(value))
        text = _PAIR.sub(lambda match: self._pair(match, named), text)
        match = _DATABASE.match(text)
        databases = ((match[1], match[2]),) if match and self._kind(match[1]) == "postgres" else ()
        return Filled(text, tuple(dict.fromkeys(named)), databases)

    def _kind(self, component: str) -> str:
        return next((each.kind for each in self.hosts.values() if each.name == component), "")

    def _find(self, host: str, port: int | None) -> tuple[Part, str] | None:
        """The component and the name of its port ("" for the main one)."""
        if part := self.hosts.get(host):
            return part, part.inside.get(port or 0, "")
        if host in LOCAL and port in self.published:
            part = self.published[port]
            return part, part.outside[port]
        return None

    def _url(self, match: re.Match[str], named: list[str]) -> str:
        port = int(match["port"]) if match["port"] and len(match["port"]) < 6 else None
        found = self._find(match["host"], port)
        if not found:
            return match.group()
        part, extra = found
        named.append(part.name)
        scheme, plus, _ = match["scheme"].partition("+")
        if part.service and match["host"] in LOCAL:
            return f"{match['scheme']}://{match['host']}:{part.word(extra, 'port')}"
        if part.service and scheme == "http":
            return part.word(extra, "url")
        if scheme in SCHEMES.get(part.kind, ()) and not match["jdbc"] and not extra:
            return f"{{{part.name}.url:{match['scheme']}}}" if plus else f"{{{part.name}.url}}"
        user = f"{match['user']}@" if match["user"] else ""
        return f"{match['jdbc'] or ''}{match['scheme']}://{user}{part.word(extra, 'address')}"

    def _pair(self, match: re.Match[str], named: list[str]) -> str:
        found = self._find(match["host"], int(match["port"]))
        if not found:
            return match.group()
        part, extra = found
        named.append(part.name)
        return part.word(extra, "address")

    def _beside(
        self, host: str, component: str, given: Mapping[str, str], found: Mapping[str, Filled]
    ) -> Iterator[tuple[str, Filled]]:
        """The variables of port, user, password and database beside that of a host."""
        match = _HOSTED.match(host)
        prefix = match[1] if match else ""
        part = next(each for each in self.hosts.values() if each.name == component)
        for key, ends in {"port": ("PORT",), **(GROUP if part.kind in SQL else {})}.items():
            names = [f"{prefix}{line}{end}" for end in ends for line in ("_", "")]
            for name in names if prefix else ():
                if given.get(name) and name not in found:
                    yield name, _part_of(part, key, given[name])


def _part_of(part: Part, key: str, value: str) -> Filled:
    if key == "database":
        databases = ((part.name, value),) if part.kind == "postgres" and _NAME.fullmatch(value) else ()
        return Filled(escaped(value), (part.name,), databases)
    number = loose.number(value) or 0
    extra = part.inside.get(number, part.outside.get(number, "")) if key == "port" else ""
    return Filled(part.word(extra, key), (part.name,))


def escaped(value: str) -> str:
    """The value with every word in braces that would be a template written as `{{word}}`."""
    return templates.SHAPE.sub(lambda match: f"{{{match.group()}}}", value)
