"""The full command line by typer: help, values, completion, and exit code 64 for every usage error."""

from __future__ import annotations

import importlib
import inspect
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer

from cli import gate, render
from cli.context import Context
from cli.option import Argument, Option
from converge.errors import Exit

EXAMPLES = """\b
A first morning:
    ./dev start              make this checkout ready and run everything
    ./dev status             what runs, where, since when
    ./dev logs -f orders     follow one service
    ./dev doctor --fix       find and repair what is wrong with this machine
    ./dev test               every test of the tool and of the platform
    ./dev stop               end everything

\b
Exit codes: 0 fine, 2 drift or not ready, 3 failed, 4 needs a person, 5 unknown,
64 usage, 65 bad desired state, 75 locked, 130 interrupted.
"""


def run(argv: list[str], extra: tuple[str, ...], commands: Mapping[str, str]) -> int:
    """Parse the line with typer, run the command, give its exit code; usage errors are 64."""
    if not argv:
        argv = ["--help"]
    command = typer.main.get_command(build(commands, extra))
    try:
        result = command.main(args=argv, prog_name="./dev", standalone_mode=False)
    except typer.Exit as end:
        return int(end.exit_code)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except Exception as problem:
        if not hasattr(problem, "format_message"):
            raise
        shown = io.StringIO()
        problem.show(shown)  # type: ignore[attr-defined]
        render.say(shown.getvalue().removesuffix("\n"))
        return int(Exit.USAGE)
    return int(result or 0)


def build(commands: Mapping[str, str], extra: tuple[str, ...] = ()) -> typer.Typer:
    """The typer app of all commands."""
    app = typer.Typer(
        no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip

    @app.callback(
        help="One entry point for this checkout: prepares the machine, then runs the platform.\n\n" + EXAMPLES
    )
    def top(
        ctx: typer.Context,
        directory: Annotated[
            Path | None,
            typer.Option("-C", metavar="DIR", help="Work on the checkout in DIR; otherwise on the one you are in."),
        ] = None,
        instance: Annotated[
            str,
            typer.Option("--instance", metavar="NAME", help="A second platform, on other ports."),
        ] = "",
        verbose: Annotated[
            int,
            typer.Option("-v", "--verbose", count=True, show_default=False, help="More output; -vv shows tracebacks."),
        ] = 0,
        trust: Annotated[
            bool, typer.Option("--trust", help="Trust the checkout for this run, also that of another user.")
        ] = False,
        version: Annotated[
            bool, typer.Option("--version", help="Show the version and end.")  # `fast_parse.py` answers it
        ] = False,
    ) -> None:
        ctx.obj = Context(directory, instance, verbose, extra, trust)

    for name, module_name in commands.items():
        module = importlib.import_module(module_name)
        if hasattr(module, "run"):
            _add(app, name, module.run, getattr(module, "PASS_THROUGH", False))
        else:
            group = typer.Typer(no_args_is_help=True, help=module.__doc__, rich_markup_mode=None)
            for sub, function in module.COMMANDS.items():
                _add(group, sub, function, False, f"{name} ")
            app.add_typer(group, name=name)
    return app


def _add(
    app: typer.Typer, name: str, function: Callable[..., int], pass_through: bool, group: str = ""
) -> None:  # fmt: skip
    """One command whose `Option` and `Argument` values became typer's."""
    hints = get_type_hints(function, include_extras=True)
    parameters = [inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)]
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        annotation = _typer_annotation(hints[parameter.name])
        parameters.append(parameter.replace(annotation=annotation, kind=inspect.Parameter.KEYWORD_ONLY))

    def command(ctx: typer.Context, **values: Any) -> int:
        return function(gate.enter(ctx.find_root().obj, group + name, values), **values)

    command.__doc__ = function.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    settings = {"ignore_unknown_options": True, "allow_interspersed_args": False} if pass_through else {}
    app.command(name, context_settings=settings)(command)


def _typer_annotation(hint: Any) -> Any:
    plain, *metas = get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
    for meta in metas:
        if isinstance(meta, Option):
            return Annotated[plain, typer.Option(*meta.flags, help=meta.help, metavar=meta.metavar)]
        if isinstance(meta, Argument):
            return Annotated[plain, typer.Argument(metavar=meta.metavar, help=meta.help)]
    return plain
