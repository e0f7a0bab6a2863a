"""Writes a desired state from evidence; each entry says which file and line it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from converge.adoption.evidence import Service, Tool


def written(project: str, tools: Sequence[Tool], services: Sequence[Service]) -> str:
    """The text of `desired_state.toml`. Of two entries with one name the first counts, and a comment names the other.

    The order of the arguments does not matter: entries are sorted by name, then by source.
    """
    lines = ["schema = 1", "", "[project]", f"name = {_quoted(project)}", *_tools(tools), *_services(services)]
    return "\n".join(lines) + "\n"


def _tools(tools: Sequence[Tool]) -> Iterator[str]:
    if tools:
        yield from ("", "[tools]")
    seen = set[str]()
    for tool in sorted(tools, key=lambda each: (each.name, each.source)):
        if tool.name in seen:
            yield _comment(f"question: {tool.source} names {tool.name} {tool.version}; which one counts?")
        else:
            yield f"{tool.name} = {_quoted(tool.version)} {_comment(tool.source)}"
        seen.add(tool.name)


def _services(services: Sequence[Service]) -> Iterator[str]:
    seen = set[str]()
    for service in sorted(services, key=lambda each: (each.name, each.source)):
        if service.name in seen:
            yield _comment(f"question: {service.source} shows {service.name}, too; which name should it have?")
            continue
        seen.add(service.name)
        yield from ("", f"[services.{service.name}] {_comment(service.source)}")
        yield f"kind = {_quoted(service.kind)}"
        yield f"path = {_quoted(service.path)}"
        yield from (_comment(f"question: {question}") for question in service.questions)


def _quoted(value: str) -> str:
    """A basic string of TOML; JSON escapes the same characters but DEL, which TOML does not take as it is."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _comment(said: str) -> str:
    """A comment in one line: a file name may have characters that would end it."""
    return "# " + "".join(each if each.isprintable() else "?" for each in said)
