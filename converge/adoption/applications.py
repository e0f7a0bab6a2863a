"""The web application of a Python project: what its commands serve, else what its source makes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from converge.adoption import found
from converge.adoption.tree import Tree
from facts.value import dataclass, field

_ASSIGNED = r"^(\w+)(?:\s*:\s*[\w.\"']+)?\s*=\s*"
ASGI = re.compile(_ASSIGNED + r"(?:\w+\.)?(FastAPI|Starlette|Litestar|Quart|Sanic)\(", re.MULTILINE)
FLASK = re.compile(_ASSIGNED + r"(?:\w+\.)?Flask\(", re.MULTILINE)
MADE = re.compile(_ASSIGNED + r"(?:create|make|get|build|init)_\w*(?:app|application|api)\w*\(", re.MULTILINE)
FACTORY = re.compile(r"^def (create_app|make_app|get_app|app_factory)\((?:[^()]|\([^()]*\))*\)[^:]*:", re.MULTILINE)
MAKES = re.compile(r"\b(FastAPI|Starlette|Litestar|Flask|Quart)\(")
IMPORTS = re.compile(r"^\s*(?:from|import) (fastapi|starlette|litestar|quart|flask)\b", re.MULTILINE)
ENTRY = re.compile(r"^\[tool\.fastapi\][^\[]*?^entrypoint\s*=\s*[\"']([\w.]+:\w+)[\"']", re.MULTILINE | re.DOTALL)
SERVED = re.compile(
    r"\b(?:uvicorn|hypercorn|granian)\b[^\n#]*?[\s\"']([A-Za-z_][\w.]*):([A-Za-z_]\w*)(?=[\s\"',\])]|$)"
    r"(?:[^\n#]*?--port[= \"',]+(\d{2,5})\b)?", re.MULTILINE,
)  # fmt: skip
"""A command that serves an ASGI application: its module, its name and its port."""
COMMANDS = (
    "Makefile", "justfile", "Taskfile.yml", "pyproject.toml", "Procfile.dev", "Procfile", "*.sh", "Dockerfile",
    "README.md",
)  # fmt: skip
"""Files with such commands, the best first."""


@dataclass(frozen=True, kw_only=True)
class Application:
    """How a project is served."""

    kind: str
    source: str
    keys: Mapping[str, str] = field(default_factory=dict)
    """`app`, or `dev`."""
    port: int
    guess: str = ""
    """Why `keys` are a guess."""
    said_port: bool = False
    """Whether the source says the port; else it is the usual one of the server."""


def of(tree: Tree, project: str, paths: Sequence[str]) -> Application | None:
    """That of a project; `paths` are its modules, the most likely ones first."""
    entry = found.first(tree, [posixpath.normpath(posixpath.join(project, "pyproject.toml"))], ENTRY)
    if entry:
        return Application(kind="python", source=entry.source, keys={"app": entry.groups[0]}, port=8000)
    return _served(tree, project, paths) or _assigned(tree, project, paths) or _factory(tree, project, paths)


def _served(tree: Tree, project: str, paths: Sequence[str]) -> Application | None:
    """What a command serves, if its module is in the project."""
    modules = {module(path, project) for path in paths}
    for pattern in COMMANDS:
        for path in tree.named(pattern):
            if found.folder(path) not in (project, f"{project}/scripts", "scripts"):
                continue
            text = tree.text(path)
            for match in SERVED.finditer(text):
                if match[1] in modules and "--factory" not in match[0]:
                    source = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
                    number = int(match[3] or 0)
                    keys = {"app": f"{match[1]}:{match[2]}"}
                    said = 0 < number < 65536
                    port = number if said else 8000
                    return Application(kind="python", source=source, keys=keys, port=port, said_port=said)
    return None


def _assigned(tree: Tree, project: str, paths: Sequence[str]) -> Application | None:
    """A module's variable that is one, or that is made by a function of a module that imports the framework."""
    likely = sorted(_variables(tree, paths), key=lambda each: paths.index(each[1].path))
    if not likely:
        return None
    kind, match, guess = likely[0]
    others = [path for path in paths if path != match.path]
    several = any(found.first(tree, others, pattern) for pattern in (ASGI, FLASK))
    return Application(
        kind=kind, source=match.source, keys={"app": f"{module(match.path, project)}:{match.groups[0]}"},
        port=5000 if kind == "flask" else 8000, guess="the first of several applications" if several else guess,
    )  # fmt: skip


def _variables(tree: Tree, paths: Sequence[str]) -> Iterator[tuple[str, found.Match, str]]:
    """The first one of each sort, with the kind that serves it, and why it is a guess."""
    for pattern, kind, word in ((ASGI, "python", ""), (FLASK, "flask", "Flask(")):
        if match := found.first(tree, paths, pattern, word):
            yield kind, match, ""
    made = found.first(tree, [path for path in paths if IMPORTS.search(tree.text(path))], MADE)
    by = IMPORTS.search(tree.text(made.path)) if made else None
    if made and by:
        yield "flask" if by[1] == "flask" else "python", made, "it is made by a function"


def _factory(tree: Tree, project: str, paths: Iterable[str]) -> Application | None:
    """A function that returns one."""
    match = found.first(tree, paths, FACTORY)
    made = MAKES.search(tree.text(match.path)) if match else None
    if not match or not made:
        return None
    app = f"{module(match.path, project)}:{match.groups[0]}"
    if made[1] == "Flask":
        return Application(kind="flask", source=match.source, keys={"app": app}, port=5000)
    dev = f"exec uvicorn {app} --factory --reload --host {{host}} --port {{port}}"
    guess = "its application is made by a function"
    return Application(kind="python", source=match.source, keys={"dev": dev}, port=8000, guess=guess)


def module(path: str, project: str) -> str:
    """The module as it is imported in the directory of the project."""
    inner = found.within(path, project).removesuffix(".py").removesuffix("/__init__")
    return inner.replace("/", ".")
