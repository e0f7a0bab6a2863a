"""Fills in what runs a service that no reader understood: the command of its container."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Iterator

from converge.adoption import commands, found, loose
from converge.adoption.evidence import Claim, Note
from converge.adoption.stack import components
from converge.adoption.tree import Tree

MANIFESTS = {
    "python": ("requirements.txt", "requirements.lock", "pyproject.toml", "Pipfile", "setup.py"),
    "node": ("package.json",),
    "command": ("Gemfile", "composer.json", "mix.exs"),
}
"""Kind -> files by which its packages are installed, here or by the team."""
PROGRAMS = {
    "python": re.compile(r"(python3?|locust|gunicorn|uvicorn|hypercorn|granian|flask|celery|streamlit|rq|dramatiq)\b"),
    "node": re.compile(r"(node|nodemon|tsx|ts-node|ts-node-dev|npm|yarn|pnpm|npx)\b"),
    "command": re.compile(r"(bundle|ruby|rackup|puma|php|mix)\b"),
}
DISTROLESS = re.compile(r"\S*/distroless/nodejs")
"""An image whose entry point is node."""
RELOADS = re.compile(r"--reload\b|--watch\b|\bwatch\b|nodemon|ts-node-dev|\bdev\b|streamlit|--debug\b")
"""What a command has that restarts itself on an edit."""
FILE = re.compile(r"(?:python3?|node|tsx|ts-node)(?:\s+-\S+)*\s+([\w./-]+\.(?:py|[cm]?[jt]s))\b")
_INSTRUCTION = re.compile(
    r"^[ \t]*(FROM|CMD|ENTRYPOINT|EXPOSE)[ \t]+((?:[^\n]*\\\n)*[^\n]*)", re.MULTILINE | re.IGNORECASE
)
GRPC = re.compile(r"\bgrpc\.(NewServer|server|aio\.server)\(|\bnew grpc\.Server\(")
HTTP = re.compile(
    r"ListenAndServe|http\.(Serve\(|Server\{|createServer)|FastAPI\(|Flask\(|express\(\)"
    r"|\b(?:gin|fiber|echo|chi)\.(New|Default)"
)
GUESS = "the command of its container; it is restarted on an edit"


def read(tree: Tree, said: Iterable[Claim | Note]) -> Iterator[Claim]:
    """Claims of the services of which something is said (`said`), or that have a Dockerfile of their own, but of which
    neither their kind nor what runs them is known; and of those that speak gRPC."""
    known = _known(tree, said)
    files = tree.named("*.go", "*.py", "*.js", "*.ts")
    owned = found.owned([path for path in files if not found.TESTS.search(path)], known)
    for folder, keys in known.items():
        if not keys & {"kind", "dev"} and keys & {"name", "port"}:
            yield from _service(tree, folder, "port" in keys)
        if "port" in keys and "protocol" not in keys and (match := _grpc(tree, owned[folder])):
            yield Claim(table="services", of=folder, key="protocol", value="h2c", source=match.source)


def _known(tree: Tree, said: Iterable[Claim | Note]) -> dict[str, set[str]]:
    """Directory of a service -> the keys of its main one that are said."""
    known: dict[str, set[str]] = {}
    for each in said:
        if isinstance(each, Claim) and each.table == "services" and not each.also:
            known.setdefault(each.of, set()).add(each.key)
    for path in tree.named("Dockerfile", "Containerfile"):
        folder = found.folder(path)
        if not found.TESTS.search(path) and not any(_holds(folder, other) for other in known):
            known[folder] = {"name"}
    return known


def _holds(folder: str, other: str) -> bool:
    """Whether a service is in a directory, or is above it and has that as a part."""
    return folder == other or folder == "." or other == "." or other.startswith(f"{folder}/")


def _grpc(tree: Tree, own: list[str]) -> found.Match | None:
    """Where its source makes a server of gRPC, if it makes none of HTTP."""
    match = found.first(tree, own, GRPC, "grpc.")
    return match if match and not found.first(tree, own, HTTP) else None


def _service(tree: Tree, folder: str, port: bool) -> Iterator[Claim]:
    for line, source, exposed in (*_containers(tree, folder), *_dockerfile(tree, folder)):
        steps = [step for step in commands.steps(_plain(line)) if step.role != "migrate"]
        text = _here(tree, folder, steps[-1].text) if steps else ""
        kind = _kind(tree, folder, text)
        if not kind:
            continue
        yield Claim(table="services", of=folder, key="kind", value=kind, source=source)
        yield Claim(table="services", of=folder, key="dev", value=f"exec {text}", source=source, guess=GUESS)
        if not RELOADS.search(text):
            yield Claim(table="services", of=folder, key="reload", value=True, source=source, guess=GUESS)
        if exposed and not port:
            guess = "the port of its container"
            yield Claim(table="services", of=folder, key="port", value=exposed, source=source, guess=guess)
        return
    yield from _dotnet(tree, folder)


def _dotnet(tree: Tree, folder: str) -> Iterator[Claim]:
    for path in tree.named("*.csproj"):
        if found.folder(path) == folder and "<OutputType>Exe" in tree.text(path):
            source = f"{path}:{tree.text(path).partition('<OutputType>')[0].count(chr(10)) + 1}"
            dev, guess = "exec dotnet watch run", "the usual command of .NET"
            yield Claim(table="services", of=folder, key="dev", value=dev, source=source, guess=guess)
            return


def _plain(line: object) -> object:
    """Without redirections, of which a shell would see the end of a command in `2>&1`."""
    return re.sub(r"\s\d?>&?\s*\S+", "", line) if isinstance(line, str) else line


def _here(tree: Tree, folder: str, text: str) -> str:
    """The command as it runs here: an image can have nodemon without the package, and Node itself can do the same."""
    if text.startswith("nodemon ") and '"nodemon"' not in tree.text(_at(folder, "package.json")):
        words = [word for word in text.split()[1:] if not word.startswith(("--inspect", "-L", "--legacy-watch"))]
        return " ".join(["node --watch", *words])
    return text


def _kind(tree: Tree, folder: str, text: str) -> str:
    """The kind whose packages the command needs; empty if they, or the file that it runs, are not in the directory."""
    paths = frozenset(tree.paths)
    if (file := FILE.match(text)) and posixpath.normpath(posixpath.join(folder, file[1])) not in paths:
        return ""
    for kind, pattern in PROGRAMS.items():
        if pattern.match(text) and any(_at(folder, name) in paths for name in MANIFESTS[kind]):
            return kind
    return ""


def _at(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))


def _containers(tree: Tree, folder: str) -> Iterator[tuple[object, str, int]]:
    """The commands that Compose gives to the main container of the directory."""
    for built in components.of(tree).services:
        if built.place.path == folder and not built.also:
            for key in ("command", "entrypoint"):
                if value := built.container.value(key):
                    yield value, built.container.source(key), 0


def _dockerfile(tree: Tree, folder: str) -> Iterator[tuple[object, str, int]]:
    """The command of the last stage, which the arguments of CMD follow if there is an ENTRYPOINT."""
    path = next((each for name in ("Dockerfile", "Containerfile") if (each := _at(folder, name)) in tree.paths), "")
    text, said, exposed = tree.text(path), dict[str, tuple[object, int]](), 0
    for match in _INSTRUCTION.finditer(text):
        name, value = match[1].upper(), match[2].replace("\\\n", " ").strip()
        line = text.count("\n", 0, match.start()) + 1
        if name == "FROM":
            said, exposed = {"ENTRYPOINT": (["node"], line)} if DISTROLESS.match(value) else {}, 0
        elif name == "EXPOSE":
            number = re.match(r"\d+", value)
            exposed = exposed or (int(number[0]) if number and 0 < int(number[0]) < 65536 else 0)
        else:
            said[name] = _words(value), line
    entry, command = said.get("ENTRYPOINT"), said.get("CMD")
    if entry and command and isinstance(entry[0], list) and isinstance(command[0], list):
        yield [*entry[0], *command[0]], f"{path}:{entry[1]}", exposed
    for words, line in filter(None, (entry, command)):
        yield words, f"{path}:{line}", exposed


def _words(value: str) -> object:
    """The list of a command in JSON; else its text, which a shell runs."""
    if value.startswith("["):
        try:
            return loose.texts(json.loads(value))
        except (ValueError, RecursionError):
            return value
    return value
