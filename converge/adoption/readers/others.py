"""Rust, .NET, JVM, Ruby, PHP, Elixir: the program of each manifest that serves, as a kind or by its build tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from converge.adoption import found
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree
from facts.value import dataclass, field


@dataclass(frozen=True)
class Build:
    """What a manifest says of a service, if the pattern is in it."""

    manifests: tuple[str, ...]
    serves: re.Pattern[str]
    kind: str
    port: int = 0
    """The usual one; 0: only a port in the source counts."""
    dev: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    beside: str = ""
    """File beside the manifest without which `dev` does not run."""


BUILDS = (
    Build(("Cargo.toml",), re.compile(r"^(axum|actix-web|rocket|warp|tonic|poem|salvo|hyper)\b", re.MULTILINE), "rust"),
    Build(
        ("*.csproj",), re.compile(r"Microsoft\.NET\.Sdk\.Web"), "command", 5000,
        "exec dotnet watch run --no-launch-profile", {"ASPNETCORE_URLS": "http://{host}:{port}"},
    ),
    Build(
        ("Gemfile",), re.compile(r"^\s*gem ['\"]rails['\"]", re.MULTILINE), "command", 3000,
        "exec bin/rails server -b {host} -p {port}",
    ),
    Build(
        ("composer.json",), re.compile('"laravel/framework"'), "command", 8000,
        "exec php artisan serve --host={host} --port={port}",
    ),
    Build(("mix.exs",), re.compile(r":phoenix\b"), "command", 4000, "exec mix phx.server"),
    Build(
        ("build.gradle", "build.gradle.kts"), re.compile(r"org\.springframework\.boot"), "command", 8080,
        "exec ./gradlew bootRun", {"SERVER_PORT": "{port}"}, "gradlew",
    ),
    Build(
        ("build.gradle", "build.gradle.kts"), re.compile(r"""(id\s*\(?\s*|plugin:\s*)["']application["']"""), "command",
        0, "exec ./gradlew run", {}, "gradlew",
    ),
    Build(
        ("pom.xml",), re.compile(r"spring-boot-maven-plugin"), "command", 8080, "exec ./mvnw spring-boot:run",
        {"SERVER_PORT": "{port}"}, "mvnw",
    ),
    Build(
        ("pom.xml",), re.compile(r"spring-boot-maven-plugin"), "command", 8080, "exec mvn spring-boot:run",
        {"SERVER_PORT": "{port}"},
    ),
)  # fmt: skip
"""The first of a manifest counts."""
PORT = re.compile(r'"(?:0\.0\.0\.0|127\.0\.0\.1|\[::1?\]):(\d{4,5})"|\[(?:0, ?){3}0\], ?(\d{4,5})')


def read(tree: Tree) -> Iterable[Claim | Note]:
    """Claims of each manifest with a web framework or a plugin that runs a program."""
    seen: set[str] = set()
    files = frozenset(tree.paths)
    for build in BUILDS:
        for path in tree.named(*build.manifests):
            folder = found.folder(path)
            beside = build.beside if folder == "." else f"{folder}/{build.beside}"
            if folder in seen or found.TESTS.search(path) or (build.beside and beside not in files):
                continue
            if match := found.first(tree, [path], build.serves):
                seen.add(folder)
                yield from _service(tree, build, folder, match.source)


def _service(tree: Tree, build: Build, folder: str, source: str) -> Iterator[Claim | Note]:
    def claim(key: str, value: str | int, where: str = source, guess: str = "") -> Claim:
        return Claim(table="services", of=folder, key=key, value=value, source=where, guess=guess)

    yield claim("kind", build.kind)
    if build.dev:
        yield claim("dev", build.dev, guess="the usual command of its build tool")
    own = [path for path in tree.named("*.rs") if found.below(path, folder)] if build.kind == "rust" else []
    if match := found.first(tree, own, PORT):
        yield claim("port", int(match.groups[0] or match.groups[1]), match.source, "an address in the source")
    elif build.port:
        yield claim("port", build.port, guess="the usual port of its framework")
    for name, value in build.env.items():
        yield claim(f"env.{name}", value, guess="how its framework is told where to listen")
