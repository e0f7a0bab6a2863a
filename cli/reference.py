"""`./dev reference`: the pages that cannot lag behind the code, as Markdown."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Annotated, Any, get_type_hints

from cli import render
from cli.context import Context
from cli.main import COMMANDS
from cli.option import Argument, Option
from converge.errors import DevError, Exit


def run(
    context: Context,
    names: Annotated[list[str] | None, Argument("PAGE", help="commands, state or errors; all without.")] = None,
) -> int:
    """Print commands, keys and error codes as Markdown."""
    pages = {"commands": commands, "state": state, "errors": errors}
    for name in names or pages:
        if name not in pages:
            raise DevError("usage", f"there is no page {name!r}", because=", ".join(pages), exit=Exit.USAGE)
        for line in pages[name]():
            render.out(line)
    return int(Exit.OK)


def commands() -> Iterator[str]:
    """Every command with its options."""
    yield "# Commands"
    for name, module_name in COMMANDS.items():
        module = importlib.import_module(module_name)
        functions = {name: module.run} if hasattr(module, "run") else {
            f"{name} {sub}": function for sub, function in module.COMMANDS.items()
        }  # fmt: skip
        for line, function in functions.items():
            metas = [
                (meta, parameter)
                for parameter, hint in get_type_hints(function, include_extras=True).items()
                for meta in getattr(hint, "__metadata__", ())
            ]
            words = " ".join(f"[{meta.metavar}]" for meta, _ in metas if isinstance(meta, Argument))
            yield f"\n## `./dev {line}{' ' + words if words else ''}`\n"
            yield inspect.getdoc(function) or ""
            yield ""
            for meta, _ in metas:
                if isinstance(meta, Option):
                    value = f" {meta.metavar}" if meta.metavar else ""
                    yield f"- `{', '.join(meta.flags)}{value}`: {meta.help}"


def state() -> Iterator[str]:
    """Every key of desired_state.toml."""
    from converge import schema  # saves 4 ms of --help

    tree = schema.json_schema()
    yield "\n# Keys of desired_state.toml"
    yield from _model("", tree, tree["$defs"])


def _model(prefix: str, model: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    nested: list[tuple[str, dict[str, Any]]] = []
    yield f"\n## {f'`[{prefix}]`' if prefix else 'Top level'}\n"
    for name, field in model["properties"].items():
        target = field.get("additionalProperties", field)
        names = [ref.rpartition("/")[2] for ref in _refs(target)]
        key = f"{prefix}.{name}" if prefix else name
        many = "additionalProperties" in field
        nested += [(f"{key}.NAME" if many else key, known[each]) for each in names]
        default = "" if name in model.get("required", ()) else f" Default: `{field.get('default')}`."
        text = field.get("description") or known[names[0]].get("description", "") if names else field["description"]
        yield f"- `{name}`: {' '.join(str(text).split())}{'' if names else default}"
    for key, inner in nested:
        yield from _model(key, inner, known)


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from _refs(each)
    elif isinstance(value, list):
        for each in value:
            yield from _refs(each)


def errors() -> Iterator[str]:
    """Every error code."""
    from converge.codes import CODES  # saves 0.6 ms of --help

    yield "\n# Error codes\n"
    for code, text in sorted(CODES.items()):
        yield f"- `{code}`: {text}"
