"""Node: the framework of each package.json that has one, its script and its port."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from converge.adoption import found, jsonc, loose
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree
from facts.value import dataclass, replace

DEEPEST = 4
"""Directories above a package.json."""
LISTENS = re.compile(r"\.listen\(\s*(?:\{\s*port:\s*)?(\d{4,5})\b")
VARIABLE = re.compile(r"process\.env\.PORT(?:\s*(?:\|\||\?\?)\s*[\"']?(\d{4,5}))?")
SERVER_PORT = re.compile(r"\bserver\s*:\s*\{[^{}]*?\bport\s*:\s*(\d{2,5})", re.DOTALL)
OPTION = re.compile(r"(?:--port[= ]|-p[= ]?|\bPORT=)(\d{4,5})\b")


@dataclass(frozen=True)
class Framework:
    """What its presence among the dependencies says of a service."""

    package: str
    kind: str
    port: int
    dev: str = ""
    """Its command, where the kind has none for it; `{script}` is the script of package.json that runs it."""


FRAMEWORKS = (
    Framework("next", "next", 3000),
    Framework("nuxt", "nuxt", 3000),
    Framework("astro", "astro", 4321),
    Framework("@remix-run/dev", "node", 3000, "exec npm run {script} -- --host {host} --port {port}"),
    Framework("@react-router/dev", "node", 5173, "exec npm run {script} -- --host {host} --port {port}"),
    Framework("@angular/cli", "node", 4200, "exec npm run {script} -- --host {host} --port {port}"),
    Framework("react-scripts", "node", 3000, "exec npm run {script}"),
    Framework("@nestjs/core", "node", 3000, "exec npm run {script}"),
    Framework("express", "node", 3000, "exec npm run {script}"),
    Framework("fastify", "node", 3000, "exec npm run {script}"),
    Framework("koa", "node", 3000, "exec npm run {script}"),
    Framework("hono", "node", 3000, "exec npm run {script}"),
    Framework("@hapi/hapi", "node", 3000, "exec npm run {script}"),
    Framework("apollo-server", "node", 4000, "exec npm run {script}"),
    Framework("@apollo/server", "node", 4000, "exec npm run {script}"),
    Framework("vite", "vite", 5173),
)
"""The first that is there counts."""
SCRIPTS = ("dev", "start:dev", "develop", "watch", "serve", "start")
"""Scripts that run a service, the best first."""
BUILDS = re.compile(r"\b(vite|vite-node|tsup|tsc|rollup|unbuild|email) (build|-w|--watch|dev --dir)|\btsup\b")
"""A script that builds a library, or shows parts of it, whatever its name is."""
SCRIPTS_KEY = '"scripts"'


def read(tree: Tree) -> Iterable[Claim | Note]:
    """Claims of each package.json with a framework and a script that runs it."""
    packages = {found.folder(path): path for path in tree.named("package.json")}
    sources = [path for path in tree.named("*.ts", "*.js", "*.mjs", "*.mts", "*.cjs") if not found.TESTS.search(path)]
    owned = found.owned(sources, packages)
    for folder, path in sorted(packages.items()):
        if path.count("/") <= DEEPEST and not found.TESTS.search(path):
            yield from _package(tree, folder, path, owned[folder])


def _package(tree: Tree, folder: str, path: str, own: list[str]) -> Iterator[Claim | Note]:
    text = tree.text(path)
    said = loose.table(jsonc.read(text))
    scripts = {name: loose.text(value) for name, value in loose.table(said.get("scripts")).items()}
    script = next((name for name in SCRIPTS if scripts.get(name)), "")
    framework = _framework(said)
    if framework is None or not _runs(said, script):
        return
    if framework.kind == "vite" and "vite" not in scripts[script]:  # another program runs it
        framework = replace(framework, kind="node", dev="exec npm run {script}")
    source = f"{path}:{jsonc.line(text, framework.package)}"
    at = f"{path}:{jsonc.line(text, script, after=SCRIPTS_KEY)}"
    yield Claim(table="services", of=folder, key="kind", value=framework.kind, source=source)
    if framework.dev and not (script == "dev" and "{port}" not in framework.dev):
        dev = framework.dev.replace("{script}", script)
        yield Claim(table="services", of=folder, key="dev", value=dev, source=at)
    yield from _port(tree, folder, framework, scripts.get(script, ""), at, own, source)


def _framework(said: Mapping[str, Any]) -> Framework | None:
    """The framework of a package; a root of workspaces that needs nothing itself has none."""
    needed = {**loose.table(said.get("devDependencies")), **loose.table(said.get("dependencies"))}
    if said.get("workspaces") and "dependencies" not in said:
        return None
    return next((each for each in FRAMEWORKS if each.package in needed), None)


def _runs(said: Mapping[str, Any], script: str) -> bool:
    """Whether it is an application: a library may have a framework only to be tested with it, or be built by it."""
    builds = BUILDS.search(loose.text(loose.table(said.get("scripts")).get(script)))
    return bool(script) and not builds and not (said.get("main") and said.get("files") and not said.get("private"))


def _port(
    tree: Tree, folder: str, framework: Framework, script: str, at: str, own: list[str], source: str
) -> Iterator[Claim | Note]:  # fmt: skip
    def claim(number: str | int, where: str, guess: str = "") -> Claim:
        return Claim(table="services", of=folder, key="port", value=int(number), source=where, guess=guess)

    configured = [each for each in own if re.match(r"(vite|nuxt|astro)\.config\.", each.rpartition("/")[2])]
    asked = framework.kind == "node" and found.first(tree, own, VARIABLE)
    if match := OPTION.search(script):
        yield claim(match[1], at)
    elif served := found.first(tree, configured, SERVER_PORT):
        yield claim(served.groups[0], served.source)
    elif asked and asked.groups[0]:
        yield claim(asked.groups[0], asked.source)
    elif framework.kind == "node" and (listens := found.first(tree, own, LISTENS)):
        yield claim(listens.groups[0], listens.source, "it listens there whatever PORT says")
    else:
        yield claim(framework.port, source, f"the usual port of {framework.package}")
