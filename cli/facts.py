"""`./dev facts`: what is so now, without a word about what should be."""

from __future__ import annotations

from dataclasses import asdict, is_dataclass
from typing import Annotated, Any

import facts.docker
import facts.git
import facts.machine
import facts.privileges
import facts.shell
from cli import render
from cli.context import Context
from cli.option import Argument, Option
from converge import operations
from converge.context import context_of
from converge.errors import DevError, Exit
from facts.local import LocalReader
from facts.probe import observe
from facts.value import Unknown


def run(
    context: Context,
    nouns: Annotated[list[str] | None, Argument("NOUN…", help="machine, shell, docker, tools, …; all without.")] = None,
    json: Annotated[bool, Option("--json", help="One JSON document.")] = False,
) -> int:
    """Show what is so on this machine; never the value of a secret."""

    target = context_of(context.loaded, context.instance)
    probes = {
        probe.name: probe
        for probe in (
            *facts.machine.probes(str(context.checkout)),
            facts.shell.probe(),
            facts.privileges.probe(),
            facts.docker.probe(),
            facts.docker.kernel(),
            facts.git.probe(context.checkout),
            *(probe for noun in operations.OPERATIONS for probe in operations.load(noun).probes(target)),
        )
    }
    known = dict.fromkeys(name.partition(".")[0] for name in probes)
    for noun in nouns or ():
        if noun not in known:
            raise DevError(
                "noun-unknown", f"there are no facts named {noun!r}", because=", ".join(known), exit=Exit.USAGE
            )
    wanted = [probe for name, probe in probes.items() if not nouns or name.partition(".")[0] in nouns]
    found = {name: plain(value) for name, value in observe(wanted, LocalReader()).items()}
    if json:
        render.document({"schema": 1, "facts": dict(sorted(found.items()))})
    else:
        _show(found)
    return int(Exit.OK)


def _show(found: dict[str, Any]) -> None:
    """One line per fact."""
    for name, value in sorted(found.items()):
        text = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        render.out(f"{render.style(f'{name:<28}', 'bold')} {render.below(str(text))}")


def plain(value: Any) -> Any:
    """A fact as JSON values; an unknown one says why."""
    if isinstance(value, Unknown):
        return {"unknown": value.because}
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return list(value) if isinstance(value, tuple) else value
