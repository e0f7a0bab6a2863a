"""Which Compose files [compose] names: no service may be in two of them, and nothing in them may be refused."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Mapping, Sequence

from converge.adoption import loose
from converge.adoption.evidence import Note
from converge.adoption.stack import ports
from converge.adoption.stack.layers import Container, Layer, Stack
from converge.adoption.tree import Tree
from converge.compose_file import verdicts
from converge.compose_file.document import Document
from facts.value import dataclass


@dataclass(frozen=True)
class Taken:
    """What is taken of the files as it stands."""

    files: tuple[Document, ...]
    homes: Mapping[str, Layer]
    """Container -> what the one file says that has its image."""
    notes: tuple[Note, ...]
    refused: frozenset[str] = frozenset()
    """Containers that [compose] would refuse."""

    def only(self, names: Collection[str]) -> Taken:
        """Without other containers, and without files that have none of these."""
        homes = {name: layer for name, layer in self.homes.items() if name in names}
        files = tuple(each for each in self.files if any(layer.document is each for layer in homes.values()))
        return Taken(files, homes, self.notes, self.refused)

    def whole(self, profiles: Collection[str]) -> bool:
        """Whether [compose] takes the same ones without a list of them: all images of these profiles with a port."""
        usual = {
            name for each in self.files for name, said in loose.table(each.tree.get("services")).items()
            if _usual(loose.table(said), profiles) or name in self.homes
        }  # fmt: skip
        said = (note for each in self.files for note in verdicts.of(each, profiles))
        return usual == set(self.homes) and not any(note.verdict == "refused" for note in said)


def of(stack: Stack, containers: Sequence[Container]) -> Taken:
    """The files with images, the first one first; one that changes services of another one is left out."""
    homes: dict[str, Layer] = {}
    found: list[Document] = []
    notes: list[Note] = []
    refused: set[str] = set()
    for each in stack.documents:
        own = {container.name: layer for container in containers for layer in container.layers
               if layer.document is each and layer.table.get("image") and container.name not in homes}  # fmt: skip
        if not own:
            continue
        if said := _unfit(each, homes, found, own):
            notes.append(said)
            continue
        wrong = {name: said for name in own if (said := _refused(each, name))}
        fit = {name: layer for name, layer in own.items() if name not in wrong}
        notes += wrong.values()
        refused |= set(wrong)
        homes |= fit
        found += [each] if fit else []
    return Taken(tuple(found), homes, (*notes, *_lost(containers, homes)), frozenset(refused))


def _usual(said: Mapping[str, object], profiles: Collection[str]) -> bool:
    own = loose.texts(said.get("profiles"))
    return (
        bool(said.get("image") and said.get("ports")) and "build" not in said and (not own or set(own) <= set(profiles))
    )


def _unfit(
    each: Document, homes: Mapping[str, Layer], before: Sequence[Document], own: Mapping[str, Layer]
) -> Note | None:
    """Why [compose] cannot have this file."""
    for note in verdicts.of(each, (), set()):
        if note.verdict == "refused":
            return Note(source=note.source, said=f"[compose] cannot have this file: {note.key}: {note.because}")
    services = set(loose.table(each.tree.get("services")))
    earlier = {name for other in before for name in loose.table(other.tree.get("services"))}
    if twice := sorted((services & set(homes)) | (earlier & set(own))):
        said = f"another file has {', '.join(twice[:5])} too, and [compose] merges no files: this one is not in it"
        return Note(source=each.source("services", twice[0]), said=said)
    return None


def _refused(each: Document, name: str) -> Note | None:
    for note in verdicts.of(each, (), {name}):
        if note.verdict == "refused":
            return Note(source=note.source, said=f"{name} is left out: {note.key}: {note.because}")
    return None


def missing(tree: Tree, homes: Mapping[str, Layer]) -> Iterator[Note]:
    """The `.env` files without which [compose] cannot be read."""
    seen: set[str] = set()
    for layer in homes.values():
        for entry in loose.listed(layer.table.get("env_file")):
            said = loose.text(loose.table(entry).get("path")) or loose.text(entry)
            path = posixpath.normpath(posixpath.join(layer.folder, said))
            optional = loose.table(entry).get("required") is False
            if path in seen or path.startswith(("..", "/")) or optional or path in tree.paths or tree.text(path):
                continue
            seen.add(path)
            because = "make it from its example, and run ./dev init again"
            yield Note(source=layer.source("env_file"), said=f"[compose] needs {path}, which is not there: {because}")


def _lost(containers: Sequence[Container], homes: Mapping[str, Layer]) -> Iterator[Note]:
    """What another file says of a container besides its ports, which are written as keys of [infra]."""
    for each in containers:
        for layer in each.layers:
            keys = sorted(set(layer.table) - {"ports", "restart", "profiles"})
            if each.name in homes and layer is not homes[each.name] and keys:
                said = f"{', '.join(keys)} of {each.name} is not taken from here, as [compose] merges no files"
                yield Note(source=layer.source(keys[0]), said=said)


def first_port(layer: Layer) -> int | None:
    """The port of the container that [compose] takes as the main one; None if it publishes none."""
    found, _ = ports.of(Container(layer.path[1], (layer,)))
    return found[0].inside if found else None
