"""The services of Compose that are made from the checkout, as claims of [services]."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from converge.adoption import commands, loose, names
from converge.adoption.evidence import Claim, Note, Value
from converge.adoption.stack import variables
from converge.adoption.stack.assigned import Assigned
from converge.adoption.stack.layers import Container
from converge.adoption.stack.places import Place, Places, relative, within
from facts.value import dataclass, field

_HEALTH = re.compile(r"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\])(?::(\d+))?(/[\w./-]*)?")


@dataclass(frozen=True)
class Built:
    """One container, and which component of which directory it becomes."""

    container: Container
    place: Place
    also: str = ""
    assigned: Assigned = field(default_factory=Assigned)
    """Its ports."""

    @property
    def name(self) -> str:
        """The name of the component."""
        return names.component(self.container.name)

    def claim(self, key: str, value: Value, source: str, guess: str = "") -> Claim:
        """A claim of its entry."""
        return Claim(
            table="services", of=self.place.path, also=self.also, key=key, value=value, source=source, guess=guess
        )


def claims(built: Built, places: Places) -> Iterator[Claim | Note]:
    """All but its ports and its environment."""
    container = built.container
    yield built.claim("name", built.name, container.source(), built.place.guess)
    yield from _watch(built, places)
    yield from _env_files(built, places)
    yield from _ready(built)
    key = "command" if container.value("command") else "entrypoint"
    if built.also and container.value(key) is None:
        yield built.claim("as_main", True, container.source())
    yield from command(built, container.value(key), container.source(key))


def command(built: Built, said: object, source: str) -> Iterator[Claim | Note]:
    """What a command line says of a component."""
    words = variables.shown(said) if isinstance(said, str) else [variables.shown(each) for each in loose.texts(said)]
    for step in commands.steps(words):
        if step.role == "migrate":
            yield built.claim("migrate", step.text, source)
        elif step.keys:
            yield from (built.claim(key, value, source, step.guess) for key, value in step.keys.items())
        elif step.role == "work" or (built.also and step.role == "other"):
            yield from _dev(built, step.text, source)


def _dev(built: Built, text: str, source: str) -> Iterator[Claim | Note]:
    """The command of a worker, where its program is one that is there without the image."""
    kind = commands.kind(text)
    if not kind:
        yield Note(source=source, said=f"what {built.container.name} runs is in its image alone: {text[:80]}")
        return
    guess = "the command of its container"
    yield built.claim("kind", kind, source, guess)
    yield built.claim("dev", f"exec {text}", source, guess)
    if kind in commands.RELOADED and not re.search(r"watch|reload|\bdev\b|nodemon", text):
        yield built.claim("reload", True, source, "a worker that does not reload by itself")


def ports_of(built: Built) -> Iterator[Claim | Note]:
    """What is said of its ports."""
    yield from (Note(source=source, said=said) for source, said in built.assigned.notes)
    main = built.assigned.ports.get("")
    if main:
        yield built.claim("port", main.number, main.source, main.guess)
    for name, port in built.assigned.more.items():
        yield built.claim(f"ports.{name}", port.number, port.source, port.guess)


def _watch(built: Built, places: Places) -> Iterator[Claim | Note]:
    found: list[str] = []
    for value, layer in built.container.all("develop"):
        for at, entry in enumerate(loose.listed(loose.table(value).get("watch"))):
            path = places.inside(layer, loose.text(loose.table(entry).get("path")) or ".")
            source = layer.source("develop", "watch", at)
            if loose.text(loose.table(entry).get("action")) == "rebuild":
                continue
            if path is None:
                yield Note(source=source, said="a directory outside of the checkout is not watched")
            elif (
                path in places.folders and not within(path, [built.place.path]) and not within(built.place.path, [path])
            ):
                found.append(relative(path, built.place.path))
    if found:
        yield built.claim("watch", tuple(dict.fromkeys(found)), built.container.source("develop", "watch"))


def _env_files(built: Built, places: Places) -> Iterator[Claim | Note]:
    own: list[str] = []
    everyone: list[str] = []
    source = built.container.source("env_file")
    for value, layer in built.container.all("env_file"):
        for entry in loose.listed(value):
            said = loose.text(loose.table(entry).get("path")) or loose.text(entry)
            path = places.inside(layer, said) if said else None
            if path is None:
                yield Note(source=source, said="an env_file outside of the checkout is not read")
            elif loose.table(entry).get("required") is False and path not in places.files:
                continue
            else:
                shared = "/" not in path and built.place.path != "."
                (everyone if shared else own).append(path)
    if everyone:
        yield Claim(table="env", key="env_file", value=tuple(everyone), source=source)
    if own:
        yield built.claim("env_file", tuple(relative(path, built.place.path) for path in own), source)


def _ready(built: Built) -> Iterator[Claim]:
    """The path of the health check, where it asks the main port by HTTP."""
    test = loose.table(built.container.value("healthcheck")).get("test")
    match = _HEALTH.search(" ".join(loose.texts(test)))
    if not match or not match[2] or not built.assigned.ports:
        return
    if match[1] and built.assigned.inside.get(int(match[1]), "?"):
        return
    path = posixpath.normpath(match[2]) if match[2] != "/" else "/"
    yield built.claim("ready", {"http": path}, built.container.source("healthcheck", "test"))
