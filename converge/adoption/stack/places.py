"""The directory of the checkout that a Compose service is built from, or whose files are mounted into it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from typing import Any

from converge.adoption import images, loose
from converge.adoption.stack.layers import Container, Layer
from converge.adoption.tree import Tree
from facts.value import dataclass

CODE = (
    ".py",
    ".js",
    ".ts",
    ".tsx",
    ".jsx",
    ".mjs",
    ".go",
    ".rs",
    ".rb",
    ".php",
    ".java",
    ".kt",
    ".cs",
    ".ex",
    ".scala",
)
TESTS = frozenset(["playwright", "cypress", "e2e", "test", "tests", "testing"])
"""Words in the name of a container or of its Dockerfile that is for tests."""
MANIFESTS = frozenset([
    "package.json", "pyproject.toml", "requirements.txt", "setup.py", "manage.py", "Pipfile", "go.mod", "Cargo.toml",
    "pom.xml", "build.gradle", "build.gradle.kts", "Gemfile", "composer.json", "mix.exs", "main.go", "deno.json",
])  # fmt: skip
"""Files that a directory with a program has."""
_OPERATIONS = re.compile(r"(^|/)(\.?docker\w*|deploy\w*|build|ci|infra\w*|ops|compose)\Z")
"""Directories in which people keep Dockerfiles of programs that are elsewhere."""
_ELSEWHERE = re.compile(r"[a-z+]+://|git@|github\.com/")


@dataclass(frozen=True)
class Place:
    """Where the code of a service is."""

    path: str
    """Relative to the checkout; `.` is its root."""
    source: str
    dockerfile: str = ""
    """Path of its Dockerfile, relative to the checkout."""
    guess: str = ""


class Places:
    """Directories of one repository."""

    def __init__(self, tree: Tree) -> None:
        self.files = frozenset(tree.paths)
        self.folders = {"."} | {folder for path in tree.paths for folder in _parents(path)}
        self.code = {posixpath.dirname(path) or "." for path in tree.paths if path.endswith(CODE)}
        self.programs = {posixpath.dirname(path) or "." for path in tree.paths
                         if posixpath.basename(path) in MANIFESTS or path.endswith((".csproj", ".fsproj"))}  # fmt: skip

    def built(self, container: Container) -> Place | None:
        """The directory of its build context; None if it is not in the checkout."""
        layers = list(container.all("build"))
        table: dict[str, Any] = {}
        for said, _ in reversed(layers):
            table |= loose.table(said) or {"context": loose.text(said)}
        context = next((each for said, each in layers if loose.table(said).get("context") or loose.text(said)), None)
        folder = self.inside(context or layers[0][1], loose.text(table.get("context")) or ".")
        if folder is None or folder not in self.folders:
            return None
        dockerfile = posixpath.normpath(posixpath.join(folder, loose.text(table.get("dockerfile")) or "Dockerfile"))
        source = (context or layers[0][1]).source("build", "context")
        return self._program(container, folder, dockerfile, source)

    def _program(self, container: Container, folder: str, dockerfile: str, source: str) -> Place:
        """The directory of the program: that of the Dockerfile, or the one with the name of the service."""
        own = posixpath.dirname(dockerfile) or "."
        if own != folder and (own in self.programs or (own in self.code and not _OPERATIONS.search(own))):
            return Place(own, container.source("build", "dockerfile"), dockerfile)
        mounts = () if self.has_code(folder) else self._mounts(container)
        for each in () if folder in self.programs else (folder, *mounts):
            if near := self._named(container.name, each):
                guess = f"{folder} has no program; this directory has the name of the service"
                return Place(near, source, dockerfile, guess)
        return Place(folder, source, dockerfile)

    def _mounts(self, container: Container) -> Iterator[str]:
        """The directories of the checkout that are mounted into it."""
        for value, layer in container.all("volumes"):
            for entry in loose.listed(value):
                said = loose.text(loose.table(entry).get("source")) or loose.text(entry).partition(":")[0]
                folder = self.inside(layer, said) if said.startswith(".") else None
                if folder in self.folders:
                    yield folder or "."

    def has_code(self, folder: str) -> bool:
        """Whether there is a source file in the directory or below it."""
        return folder == "." or any(each == folder or each.startswith(f"{folder}/") for each in self.code)

    def mounted(self, container: Container) -> Place | None:
        """The directory that is mounted into an image with nothing but a language."""
        image = loose.text(container.value("image"))
        if images.repository(image) not in images.RUNTIMES or not container.value("command"):
            return None
        for value, layer in container.all("volumes"):
            for at, entry in enumerate(loose.listed(value)):
                source = loose.text(loose.table(entry).get("source")) or loose.text(entry).partition(":")[0]
                folder = self.inside(layer, source) if source.startswith((".", "/")) else None
                if folder in self.folders:
                    guess = f"the image {image[:60]} runs what is mounted into it"
                    return Place(folder or ".", layer.source("volumes", at), guess=guess)
        return None

    def inside(self, layer: Layer, said: str) -> str | None:
        """A path of a Compose file relative to the checkout; None if it is not in it."""
        if _ELSEWHERE.match(said) or said.startswith(("/", "~")):
            return None
        path = posixpath.normpath(posixpath.join(layer.folder, said))
        return None if path == ".." or path.startswith("../") else path

    def _named(self, name: str, below: str) -> str:
        """The directory with a program that is called as the service, or as a word of its name, if there is one."""
        near = [each for each in self.programs if below == "." or each.startswith(f"{below}/")]
        for words in ([name], re.split("[-_]", name)):
            found = [each for each in near if posixpath.basename(each) in words]
            if len(found) == 1:
                return found[0]
        return ""


def for_tests(container: Container, place: Place) -> bool:
    """Whether a container only tests the others."""
    said = f"{container.name} {posixpath.basename(place.dockerfile)}"
    return bool(TESTS & set(re.split(r"[^a-z0-9]+", said.lower())))


def relative(path: str, folder: str) -> str:
    """A path of the checkout as it is written in a service of that directory."""
    return posixpath.relpath(path, folder)


def within(path: str, folders: Collection[str]) -> bool:
    """Whether a path is one of the directories, or in one."""
    return any(folder in (".", path) or path.startswith(f"{folder}/") for folder in folders)


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path
