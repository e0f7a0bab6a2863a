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
    env: tuple[str, str] = ("", "")
    """The variable that says where it listens, and its value."""
    wrapper: str = ""
    """The script beside it that `dev` calls; without it the program of that name on PATH is called."""


SIGNS = (
    Sign(("pom.xml",), re.compile("spring-boot-maven-plugin"), "command", "exec ./mvnw spring-boot:run", 8080,
         ("SERVER_PORT", "{port}"), "mvnw"),
    Sign(("build.gradle", "build.gradle.kts"), re.compile(r"org\.springframework\.boot"), "command",
         "exec ./gradlew bootRun", 8080, ("SERVER_PORT", "{port}"), "gradlew"),
    Sign(("build.gradle", "build.gradle.kts"), re.compile(r"\bapplication\b"), "command", "exec ./gradlew run", 8080,
         wrapper="gradlew"),
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

PORT = re.compile(r'"(?:0\.0\.0\.0|127\.0\.0\.1|\[::1?\]):(\d{4,5})"|\[(?:0, ?){3}0\], ?(\d{4,5})')
"""An address in Rust."""


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
                yield from _service(tree, folder, sign, f"{path}:{line}")


def _serves(tree: Tree, sign: Sign, folder: str) -> bool:
    """A crate is a service if its main program uses a server; the other signs are frameworks of servers."""
    if sign.kind != "rust":
        return True
    main = "src/main.rs" if folder == "." else f"{folder}/src/main.rs"
    own = [path for path in tree.named("*.rs") if found.below(path, folder)]
    return main in tree.paths and found.first(tree, own, RUST) is not None


def _service(tree: Tree, folder: str, sign: Sign, source: str) -> Iterator[Claim]:
    yield Claim(table="services", of=folder, key="kind", value=sign.kind, source=source)
    if sign.dev:
        guess = "the usual command of this framework"
        dev = sign.dev
        if sign.wrapper and (sign.wrapper if folder == "." else f"{folder}/{sign.wrapper}") not in tree.paths:
            dev = dev.replace(f"./{sign.wrapper}", sign.wrapper.removesuffix("w"))
        yield Claim(table="services", of=folder, key="dev", value=dev, source=source, guess=guess)
    if not sign.port:
        return
    if variable := sign.env[0]:
        guess = "how this framework is told where to listen"
        yield Claim(table="services", of=folder, key=f"env.{variable}", value=sign.env[1], source=source, guess=guess)
    own = [path for path in tree.named("*.rs") if found.below(path, folder)] if sign.kind == "rust" else []
    if match := found.first(tree, own, PORT):
        number, guess = int(match.groups[0] or match.groups[1]), "an address in the source"
        yield Claim(table="services", of=folder, key="port", value=number, source=match.source, guess=guess)
        return
    guess = "the usual port of this framework"
    yield Claim(table="services", of=folder, key="port", value=sign.port, source=source, guess=guess)
