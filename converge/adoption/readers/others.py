"""Rust, JVM, .NET, Ruby, PHP and Elixir: the framework of a project, and the command that runs it with reload."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from converge.adoption import found
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree
from facts.value import dataclass


@dataclass(frozen=True)
class Sign:
    """A file whose text shows what runs in its directory."""

    files: tuple[str, ...]
    text: re.Pattern[str]
    kind: str
    dev: str
    """Empty where the kind has a command of its own."""
    port: int
    """0 for a worker."""


SIGNS = (
    Sign(("pom.xml",), re.compile("spring-boot-maven-plugin"), "command", "exec ./mvnw spring-boot:run", 8080),
    Sign(("build.gradle", "build.gradle.kts"), re.compile(r"org\.springframework\.boot"), "command",
         "exec ./gradlew bootRun", 8080),
    Sign(("build.gradle", "build.gradle.kts"), re.compile(r"\bapplication\b"), "command", "exec ./gradlew run", 8080),
    Sign(("*.csproj", "*.fsproj"), re.compile(r"Microsoft\.NET\.Sdk\.Web"), "command",
         "exec dotnet watch run --urls http://{host}:{port}", 5000),
    Sign(("*.csproj", "*.fsproj"), re.compile(r"<OutputType>Exe<"), "command", "exec dotnet watch run", 0),
    Sign(("Gemfile",), re.compile(r"^\s*gem ['\"]rails['\"]", re.MULTILINE), "command",
         "exec bin/rails server -b {host} -p {port}", 3000),
    Sign(("composer.json",), re.compile('"laravel/framework"'), "command",
         "exec php artisan serve --host={host} --port={port}", 8000),
    Sign(("mix.exs",), re.compile(":phoenix\\b"), "command", "exec mix phx.server", 4000),
    Sign(("Cargo.toml",), re.compile(r"^\[package\]", re.MULTILINE), "rust", "", 8080),
)  # fmt: skip
"""The first that fits a directory counts. The ports are the usual ones of each framework."""
RUST = re.compile(r"\b(axum|actix_web|rocket|warp|hyper|tonic|poem|salvo)\b")


def read(tree: Tree) -> Iterable[Claim | Note]:
    """Claims of each project whose files show such a framework."""
    seen = set[str]()
    for sign in SIGNS:
        for path in tree.named(*sign.files):
            folder = found.folder(path)
            match = sign.text.search(tree.text(path))
            if match and folder not in seen and not found.TESTS.search(path) and _serves(tree, sign, folder):
                seen.add(folder)
                line = tree.text(path).count("\n", 0, match.start()) + 1
                yield from _service(folder, sign, f"{path}:{line}")


def _serves(tree: Tree, sign: Sign, folder: str) -> bool:
    """A crate is a service if its main program uses a server; the other signs are frameworks of servers."""
    if sign.kind != "rust":
        return True
    main = "src/main.rs" if folder == "." else f"{folder}/src/main.rs"
    own = [path for path in tree.named("*.rs") if found.below(path, folder)]
    return main in tree.paths and found.first(tree, own, RUST) is not None


def _service(folder: str, sign: Sign, source: str) -> Iterator[Claim]:
    yield Claim(table="services", of=folder, key="kind", value=sign.kind, source=source)
    if sign.dev:
        guess = "the usual command of this framework"
        yield Claim(table="services", of=folder, key="dev", value=sign.dev, source=source, guess=guess)
    if not sign.port:
        return
    guess = "the usual port of this framework"
    yield Claim(table="services", of=folder, key="port", value=sign.port, source=source, guess=guess)
