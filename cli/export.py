"""`./dev export`: the desired state in the format of another tool."""

from __future__ import annotations

from itertools import takewhile
from typing import Annotated

from cli import render
from cli.context import Context
from cli.exporting import compose, devcontainer, mise, model, process_compose
from cli.option import Argument
from converge.errors import DevError, Exit

FORMATS = {
    "compose": compose,
    "devcontainer": devcontainer,
    "mise": mise,
    "process-compose": process_compose,
}
"""Format -> the module that renders it."""


def run(
    context: Context,
    names: Annotated[
        list[str] | None, Argument("FORMAT", help="compose, devcontainer, mise or process-compose.")
    ] = None,
) -> int:
    """Print the desired state as a file of another tool, without secrets; what it cannot say is in comments."""
    if not names or len(names) != 1 or names[0] not in FORMATS:
        raise DevError(
            "usage", "one format is needed", because=f"known formats are {', '.join(FORMATS)}",
            hint="./dev export mise > mise.toml", exit=Exit.USAGE,
        )  # fmt: skip
    module = FORMATS[names[0]]
    plain = model.of_platform(context.platform, module.IN_CONTAINERS)
    made = module.render(plain).removesuffix("\n")
    render.out(made)
    count = sum(1 for _ in takewhile(lambda line: line.startswith(("#", "//")), made.splitlines())) - 1
    left = f"; not exported: {count}, see its comments" if count > 0 else ""
    render.say(f"written for {module.FILE}{left}", "dim")
    return int(Exit.OK)
