"""`./dev env NAME`: the environment a component gets."""

from __future__ import annotations

from typing import Annotated

from cli import hiding, render
from cli.context import Context
from cli.option import Argument
from converge.env_files import files
from converge.errors import DevError, Exit
from converge.redaction.patterns import MASK, secret_name
from facts.ports import HOME
from runtime import placements
from runtime.environment import of_component
from runtime.routes import owner_map


def run(context: Context, names: Annotated[list[str] | None, Argument("NAME", help="The component.")] = None) -> int:
    """Print the environment of a component where it runs now; secrets are hidden."""
    if not names or len(names) != 1:
        raise DevError("usage", "one component's name is needed", hint="./dev env catalog", exit=Exit.USAGE)
    component = context.platform.component(names[0])
    hidden = {name for name, variable in context.loaded.desired.env.items() if variable.secret}
    route = owner_map.routes(context.instance).get(component.name)
    host = route.host or HOME if route else HOME
    found = of_component(context.platform, component, placements.where(component), host)
    for each in dict.fromkeys(("", component.name)) if component.is_service else ("",):
        given = files.values(context.loaded, context.instance.checkout, each)
        hidden |= {name for name in given if secret_name(name)}
    for name, value in sorted(found.items()):
        shown = MASK if name in hidden else hiding.text(value)
        render.out(f"{name}={shown}")
    return 0
