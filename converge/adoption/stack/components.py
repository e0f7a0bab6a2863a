"""Which containers of the Compose files become infrastructure, which become services, and which are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from converge.adoption import commands, images, loose, names
from converge.adoption.addresses import Part
from converge.adoption.evidence import Claim, Note
from converge.adoption.stack import assigned, imaged, layers, order, places, ports, taken
from converge.adoption.stack.assigned import Assigned
from converge.adoption.stack.built import Built
from converge.adoption.stack.layers import Container, Stack
from converge.adoption.stack.places import Place, Places
from converge.adoption.tree import Tree

MOST = 400
"""Services of Compose that are read."""


class Components:
    """The components of one repository, and `said`: what there is to say of the containers that are none."""

    def __init__(self, stack: Stack, found: Places) -> None:
        self.stack, self.places = stack, found
        self.said: list[Claim | Note] = list(stack.notes)
        self.profiles: list[str] = []
        active = self._active([each for each in stack.containers[:MOST] if self._named(each)])
        self.services = self._services(active)
        code = {each.container.name for each in self.services}
        rest = [each for each in active if each.name not in code and each.value("build") is None]
        candidates = self._infra(rest, {name for each in active for name in _completed(each)})
        self.taken = taken.of(stack, candidates)
        self.said += self.taken.notes
        self.ports: dict[str, Assigned] = {}
        self.infra = [each for each in candidates if self._usable(each)]
        self.taken = self.taken.only({each.name for each in self.infra})
        self.needs = self._needs()

    def hosts(self) -> dict[str, Part]:
        """Every name by which containers call one another, of those with a port."""
        found: dict[str, Part] = {}
        for container in self.infra:
            said = self.ports[container.name]
            kind = images.kind(loose.text(container.value("image")))
            part = Part(names.component(container.name), kind, False, said.inside, said.outside, imaged.PORTS)
            found |= dict.fromkeys(_hosts(container), part) if said.ports else {}
        for each in self.services:
            part = Part(each.name, "", True, each.assigned.inside, each.assigned.outside)
            found |= dict.fromkeys(_hosts(each.container), part) if each.assigned.ports else {}
        return found

    def gone(self) -> set[str]:
        """Names of containers that became nothing here."""
        return {each.name for each in self.stack.containers} - set(self.hosts())

    def _usable(self, container: Container) -> bool:
        """Whether services can reach it; its ports are chosen here."""
        if container.name in self.taken.refused:
            return False
        used = {port.outside for each in self.stack.containers for port in ports.of(each)[0] if port.outside}
        used |= {number for each in self.ports.values() for number in each.outside}
        found = imaged.assigned_ports(container, used)
        for source, said in found.notes:
            self._note(source, said)
        if not found.ports:
            because = "it publishes no port and its image is not known: add port and container_port in [infra]"
            self._note(container.source("image"), f"{container.name} is left out: {because}")
            return False
        self.ports[container.name] = found
        return True

    def _services(self, containers: Sequence[Container]) -> list[Built]:
        """The components with code of the checkout; the first of a directory that serves is its main one."""
        builds = {loose.text(each.value("image")): each for each in containers if each.value("build") is not None}
        placed = {each.name: place for each in containers if (place := self._place(each, builds))}
        found: list[Built] = []
        main: set[str] = set()
        known = [each for each in containers if each.name in placed]
        for each in sorted(known, key=lambda each: _rank(each, placed[each.name])):
            place, role = placed[each.name], _role(each)
            if role == "migrate":
                self._migrate(each, place)
                continue
            also = "" if place.path not in main and role != "work" else _also(each, place, found)
            main |= set() if also else {place.path}
            found.append(Built(each, place, also, assigned.of(each)))
        return found

    def _place(self, container: Container, builds: Mapping[str, Container]) -> Place | None:
        """The directory of its code; that of the container that builds its image (`builds`), if it is another one."""
        image = loose.text(container.value("image"))
        other = container if container.value("build") is not None or not image else builds.get(image, container)
        if other.value("build") is None:
            return self.places.mounted(container)
        place = self.places.built(other)
        if place is None:
            self._note(other.source("build"), f"{container.name} is built from a directory that is not in the checkout")
        elif not self.places.has_code(place.path):
            self._note(other.source("build"), f"{container.name} is left out: {place.path} has no code, only an image")
        elif places.for_tests(container, place):
            self._note(container.source(), f"{container.name} is left out: it looks as if it only tests the others")
        else:
            return place
        return None

    def _migrate(self, container: Container, place: Place) -> None:
        """A container that migrates and ends becomes `migrate` of the service in its directory."""
        step = next(each for each in _command(container) if each.role == "migrate")
        source = container.source("command" if container.value("command") else "entrypoint")
        self.said.append(Claim(table="services", of=place.path, key="migrate", value=step.text, source=source))

    def _infra(self, containers: Sequence[Container], ends: set[str]) -> list[Container]:
        found = []
        for each in containers:
            if because := imaged.left_out(each, ends):
                self._note(each.source("image"), f"{each.name} is left out: {because}")
            else:
                found.append(each)
        return found

    def _needs(self) -> dict[str, list[str]]:
        """Container -> what it waits for."""
        everyone = [*self.infra, *(each.container for each in self.services)]
        found, circles = order.needs(everyone, {each.name for each in everyone})
        by_name = {each.name: each for each in everyone}
        for name, other in circles:
            self._note(by_name[name].source("depends_on"), f"{name} cannot wait for {other}: they wait for each other")
        return found

    def _active(self, containers: Sequence[Container]) -> list[Container]:
        """Those in no profile, or in one for development; one note for each set of other profiles."""
        self.profiles = chosen = imaged.profiles(containers)
        found: dict[str, list[Container]] = {}
        for each in containers:
            if not imaged.active(each, chosen):
                found.setdefault(", ".join(loose.texts(each.value("profiles"))), []).append(each)
        for own, group in found.items():
            said = ", ".join(each.name for each in group)
            self._note(group[0].source("profiles"), f"left out, as only in the profiles {own}: {said}")
        return [each for each in containers if imaged.active(each, chosen)]

    def _named(self, container: Container) -> bool:
        if names.component(container.name):
            return True
        self._note(container.source(), f"{container.name[:60]!r} cannot be the name of a component")
        return False

    def _note(self, source: str, said: str) -> None:
        self.said.append(Note(source=source, said=said))


@lru_cache(maxsize=1)
def of(tree: Tree) -> Components:
    """Those of the Compose files for development; several readers ask for those of one tree."""
    return Components(layers.read(tree), Places(tree))


def _completed(container: Container) -> Iterator[str]:
    """The containers for whose end it waits."""
    for value, _ in container.all("depends_on"):
        for name, entry in loose.table(value).items():
            if loose.table(entry).get("condition") == "service_completed_successfully":
                yield name


def _command(container: Container) -> tuple[commands.Step, ...]:
    return commands.steps(container.value("command") or container.value("entrypoint"))


def _rank(container: Container, place: Place) -> tuple[bool, bool, bool]:
    """The order of the containers of one directory: those that serve, and of those the one with its name."""
    named = container.name == place.path.rpartition("/")[2]
    return _role(container) == "work", not ports.of(container)[0], not named


def _role(container: Container) -> str:
    roles = [each.role for each in _command(container)]
    if roles and set(roles) == {"migrate"}:
        return "migrate"
    return roles[-1] if roles else "serve"


def _also(container: Container, place: Place, found: Sequence[Built]) -> str:
    """`worker` or `beat` for the first one of Celery; else the name of the container."""
    step = next((each for each in _command(container) if each.also), None)
    taken = {each.also for each in found if each.place.path == place.path}
    return step.also if step and step.also not in taken else names.component(container.name)


def _hosts(container: Container) -> list[str]:
    """The names by which other containers call it."""
    found = [container.name]
    for key in ("container_name", "hostname"):
        found += loose.texts(container.value(key))
    for network in loose.table(container.value("networks")).values():
        found += loose.texts(loose.table(network).get("aliases"))
    return found
