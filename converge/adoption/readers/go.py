"""Go: each program of a module that serves or works, with the port that its source names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from converge.adoption import found
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree

MAIN = re.compile(r"^package main\b", re.MULTILINE)
PROGRAM = re.compile(r"^func main\(\)", re.MULTILINE)
SERVES = re.compile(
    r"ListenAndServe|http\.Server\{|net\.Listen\(|grpc\.NewServer\(|gin\.(Default|New)\(|echo\.New\(|fiber\.New\("
    r"|chi\.NewRouter\(|mux\.NewRouter\(|\.Subscribe\(|kafka\.NewReader\("
)
PORT = re.compile(r'"(?:0\.0\.0\.0|127\.0\.0\.1|localhost)?:(\d{4,5})"')
VARIABLE = re.compile(r'(?:Getenv|LookupEnv|GetEnv|getEnv)\w*\(\s*"PORT"(?:\s*,\s*"?:?(\d{4,5}))?')
GIN = re.compile(r'gin-gonic/gin"(?:.|\n)*?\.Run\(\s*()\)')
"""Without an address gin listens where PORT says."""
SERVICES = re.compile(r"(^|[/-])(api|app|server|web|service|svc|worker|gateway|http|grpc|backend)s?$")
TOOLS = re.compile(r"(^|[/-])(tools?|scripts?|hack|gen|generate|migrat\w*|seed\w*|cli|ctl|mage|bench\w*|debug)([/-]|$)")


def read(tree: Tree) -> Iterable[Claim | Note]:
    """Claims of each program that seems to serve or to work; a Note of each other one."""
    modules = {found.folder(path): path for path in tree.named("go.mod")}
    sources = [path for path in tree.named("*.go") if not path.endswith("_test.go") and not found.TESTS.search(path)]
    for module, own in sorted(found.owned(sources, modules).items()):
        programs: dict[str, list[str]] = {}
        for path in own:
            if MAIN.search(tree.text(path)):
                programs.setdefault(found.folder(path), []).append(path)
        if programs:
            yield from _module(tree, module, programs, own)


def _module(tree: Tree, module: str, programs: dict[str, list[str]], own: list[str]) -> Iterator[Claim | Note]:
    mains = {folder: main for folder, paths in programs.items() if (main := found.first(tree, paths, PROGRAM))}
    serving = [folder for folder in mains if _serves(tree, folder, programs[folder], alone=len(mains) == 1)]
    if len(mains) == 1 and not serving and found.first(tree, own, SERVES):
        serving = list(mains)
    for folder, main in sorted(mains.items()):
        if folder not in serving:
            yield Note(source=main.source, said="a Go program that seems to be no service")
            continue
        also = "" if folder == serving[0] else folder.rpartition("/")[2]
        yield Claim(table="services", of=module, also=also, key="kind", value="go", source=main.source)
        if folder != module:
            value = f"./{found.within(folder, module)}"
            yield Claim(table="services", of=module, also=also, key="main", value=value, source=main.source)
        if len(serving) > 1:
            name = folder.rpartition("/")[2]
            yield Claim(table="services", of=module, also=also, key="name", value=name, source=main.source)
        yield from _port(tree, module, also, main, [*programs[folder], *(own if len(serving) == 1 else ())])


def _serves(tree: Tree, folder: str, paths: list[str], alone: bool) -> bool:
    if TOOLS.search(folder):
        return False
    return bool((alone and folder == ".") or SERVICES.search(folder) or found.first(tree, paths, SERVES))


def _port(tree: Tree, module: str, also: str, main: found.Match, paths: list[str]) -> Iterator[Claim | Note]:
    asked = found.first(tree, paths, VARIABLE) or found.first(tree, paths, GIN)
    match = found.first(tree, paths, PORT)
    if asked and asked.groups[0]:
        number, source, guess = int(asked.groups[0]), asked.source, ""
    elif asked:
        number, source, guess = 8080, asked.source, "it listens where PORT says"
    elif match:
        number, source, guess = int(match.groups[0]), match.source, "an address in the source"
    else:
        return
    if 0 < number < 65536:
        yield Claim(table="services", of=module, also=also, key="port", value=number, source=source, guess=guess)
