"""Reads `.devcontainer/devcontainer.json` for ports, where there is no Compose file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from converge.adoption import jsonc, loose
from converge.adoption.evidence import Claim, Note
from converge.adoption.stack import files
from converge.adoption.tree import Tree

PLACES = ("devcontainer.json", ".devcontainer.json")


def read(tree: Tree) -> Iterable[Claim | Note]:
    """The one forwarded port as that of the program at the root; more of them as a note."""
    for path in tree.named(*PLACES):
        if path.count("/") < 3:
            yield from _file(tree, path)


def _file(tree: Tree, path: str) -> Iterator[Claim | Note]:
    text = tree.text(path)
    found = jsonc.read(text)
    if not isinstance(found, dict):
        yield Note(source=f"{path}:1", said="it cannot be read as JSON with comments")
        return
    if not files.chosen(tree.paths).files and not loose.text(found.get("dockerComposeFile")):
        yield from _ports(found, path, text)
    for key in ("postCreateCommand", "postStartCommand"):
        if found.get(key):
            said = f"{key} prepares the container of the editor; what of it is needed here may be a task"
            yield Note(source=f"{path}:{jsonc.line(text, key)}", said=said)


def _ports(found: dict[str, object], path: str, text: str) -> Iterator[Claim | Note]:
    source = f"{path}:{jsonc.line(text, 'forwardPorts')}"
    numbers = [each for each in map(loose.number, loose.listed(found.get("forwardPorts"))) if each]
    labels = {key: loose.text(loose.table(each).get("label")) for key, each in
              loose.table(found.get("portsAttributes")).items()}  # fmt: skip
    if len(numbers) == 1:
        yield Claim(
            table="services", of=".", key="port", value=numbers[0], source=source, guess="the editor forwards it"
        )
    elif numbers:
        said = ", ".join(
            f"{each} ({labels[str(each)][:40]})" if labels.get(str(each)) else str(each) for each in numbers
        )
        yield Note(
            source=source, said=f"ports that the editor forwards: {said}; which service has which one is not said"
        )
