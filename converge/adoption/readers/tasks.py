"""Reads the commands that a team has given names: Makefile, justfile, Taskfile, taskipy, scripts of package.json."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from converge.adoption import names
from converge.adoption.evidence import Claim, Note
from converge.adoption.named import Command, of
from converge.adoption.tree import Tree

MOST = 12
"""Tasks that are taken."""
WANTED = (
    "lint", "format", "fmt", "typecheck", "check", "seed", "codegen", "generate", "gen", "proto", "swagger", "openapi",
    "sqlc", "migrate", "makemigrations", "migration", "fixtures", "i18n", "messages", "client", "docs",
)  # fmt: skip
"""Words in the names of useful commands, the most useful first. Others build, deploy or start containers."""
ELSEWHERE = frozenset([
    "docker", "compose", "deploy", "prod", "production", "ci", "release", "publish", "install", "clean", "watch", "up",
    "down", "start", "stop", "logs", "build", "pre", "post", "staging", "create", "new", "rollback", "fix",
])  # fmt: skip
"""Words in the names of commands for something else."""


def read(tree: Tree) -> Iterable[Claim | Note]:
    """At most `MOST` entries of [tasks]; one note names commands that are left out."""
    taken: dict[str, Command] = {}
    left: list[Command] = []
    every = list(of(tree))
    plain = {(each.source.rpartition(":")[0], each.name) for each in every}
    for each in sorted(every, key=lambda each: (each.folder.count("/") + (each.folder != "."), _rank(each, plain))):
        name = names.component(each.name)
        if name in taken and "/" not in each.folder and taken[name].folder != ".":
            name = names.component(f"{each.folder}-{each.name}")
        if name and name not in taken and len(taken) < MOST and _rank(each, plain) < len(WANTED):
            taken[name] = each
        else:
            left.append(each)
    for name, each in taken.items():
        yield from _claims(name, each)
    if left:
        yield _left(left)


def _claims(name: str, each: Command) -> Iterator[Claim]:
    said = {"run": each.run, "path": "" if each.folder == "." else each.folder, "help": each.help}
    for key, value in said.items():
        if value:
            yield Claim(table="tasks", of=name, key=key, value=value, source=each.source)


def _left(group: list[Command]) -> Note:
    shown = ", ".join(each.name[:40] for each in group[:MOST])
    more = f" and {len(group) - MOST} more" if len(group) > MOST else ""
    return Note(source=group[0].source, said=f"commands that are not made tasks: {shown}{more}")


def _rank(each: Command, plain: Collection[tuple[str, str]]) -> int:
    """Place in `WANTED`; its length for what is not wanted, as a variant (`lint:fix`) of a command that is there."""
    words = re.split(r"[^a-z0-9]+", each.name.lower())
    found = [word for word in words if word in WANTED]
    file = each.source.rpartition(":")[0]
    if not found or len(words) > 2 or ELSEWHERE & set(words):
        return len(WANTED)
    if len(words) == 2 and any((file, word) in plain for word in found):
        return len(WANTED)
    return min(map(WANTED.index, found))
