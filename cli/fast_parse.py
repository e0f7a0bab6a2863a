"""Plain command lines (`status --json`, `start web`) read straight from a command's signature, without typer's import.

Anything it does not fully understand (values, help, a typing mistake) it leaves to `grammar.py`, so that there is one
set of messages.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any, get_type_hints

from cli import gate, render
from cli.context import Context
from cli.option import Argument, Option


def run(argv: list[str], extra: tuple[str, ...], commands: Mapping[str, str]) -> int | None:
    """The exit code of the command, or None if this line needs the full grammar."""
    rest = list(argv)
    directory: Path | None = None
    instance, verbose, trust = "", 0, False
    while rest and rest[0].startswith("-"):
        flag = rest.pop(0)
        if flag == "-C" and rest:
            directory = Path(rest.pop(0))
        elif flag == "--instance" and rest:
            instance = rest.pop(0)
        elif flag == "--trust":
            trust = True
        elif flag == "--version":
            from cli import version  # saves 4 ms of every other command

            render.out(version.text())
            return 0
        elif flag in ("-v", "-vv"):
            verbose += len(flag) - 1
        else:
            return None
    if not rest or rest[0] not in commands:
        return None
    module = importlib.import_module(commands[rest[0]])
    function = getattr(module, "run", None)
    if function is None:
        return None
    bind = _pass if getattr(module, "PASS_THROUGH", False) else _bind
    words = bind(function, rest[1:])
    if words is None:
        return None
    context = gate.enter(Context(directory, instance, verbose, extra, trust), rest[0], words)
    return int(function(context, **words))


def _pass(function: Callable[..., int], words: list[str]) -> dict[str, Any] | None:
    """All words for another program, if the first is no option, which may be one of ours."""
    return {"words": words} if words and not words[0].startswith("-") else None


def _bind(function: Callable[..., int], words: list[str]) -> dict[str, Any] | None:
    """Parameters from boolean flags and positional words; None if anything else is there."""
    hints = get_type_hints(function, include_extras=True)
    flags: dict[str, str] = {}
    positional = ""
    for name, default in _parameters(function):
        for meta in getattr(hints[name], "__metadata__", ()):
            if isinstance(meta, Option) and default is False:
                flags.update(dict.fromkeys(meta.flags, name))
            elif isinstance(meta, Argument):
                positional = name if "list" in str(hints[name]) and default is None else ""
    bound: dict[str, Any] = {}
    for word in words:
        if word in flags:
            bound[flags[word]] = True
        elif positional and not word.startswith("-"):
            bound.setdefault(positional, []).append(word)
        else:
            return None
    return bound


def _parameters(function: Callable[..., int]) -> Iterator[tuple[str, object]]:
    """Name and default of each parameter, the default an object of its own if there is none; without `inspect`."""
    assert isinstance(function, FunctionType)
    code, by_place, by_name = function.__code__, function.__defaults__ or (), function.__kwdefaults__ or {}
    names = code.co_varnames[: code.co_argcount]
    required: list[object] = [object()] * (len(names) - len(by_place))
    yield from zip(names, [*required, *by_place], strict=True)
    for name in code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]:
        yield name, by_name.get(name, object())
