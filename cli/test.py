"""`./dev test`: every test of the tool and of the platform, one summary."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from cli.context import Context
from cli.option import Argument, Option
from converge.errors import DevError, Exit
from converge.tool import TOOL
from runtime.platform import Platform


def run(
    context: Context,
    names: Annotated[
        list[str] | None,
        Argument(
            "NAME…", help="Suites (--list shows them), or files and directories of the tool's tests; all without."
        ),
    ] = None,
    system: Annotated[bool, Option("--system", help="Only the test of the running platform.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Consent to install what tests need (CI=true does too).")] = False,
    junit: Annotated[str | None, Option("--junit", help="Directory for JUnit XML.", metavar="DIR")] = None,
    list_only: Annotated[bool, Option("--list", help="Only list the suites and what each checks.")] = False,
    as_json: Annotated[bool, Option("--json", help="With --list: one JSON document.")] = False,
    fix: Annotated[bool, Option("--fix", help="Only format and repair the tool's files by ruff.")] = False,
) -> int:
    """Run every test of the tool and of the platform.

    With names, only those suites; `tests/facts/test_looks.py::test_x` runs one test of the tool; words after --
    go to the test runner. Services are tested on a platform of their own (instance `test`), which is removed
    afterwards.
    """
    from cli.testing import choice, report  # saves 7 ms of --help
    from cli.testing import fix as fixing
    from cli.testing import instance as test_instance
    from cli.testing.suite import Result
    from cli.testing.suite import run as run_suite

    if fix:
        if names or context.checkout != TOOL:
            raise _usage("--fix repairs the tool itself, all of it", "use it without names and without -C")
        return fixing.run()
    if as_json and not list_only:
        raise _usage("--json goes with --list", "for results in a file use --junit DIR")
    platform = Platform(test_instance.under_test(context.loaded), test_instance.of(context))
    directory = Path(junit).resolve() if junit else None
    suites = choice.chosen(context, platform, directory, names or [], system)
    if list_only:
        report.show(suites, as_json)
        return int(Exit.OK)
    results: list[Result] = []
    in_ci = os.environ.get("CI") == "true"
    bring_up = test_instance.BringUp(context, platform, yes or in_ci)
    with test_instance.held(platform, suites):
        for suite in suites:
            bring_up(suite)
            results.append(run_suite(suite))
            if results[-1].failed and suite.needs is None and in_ci:
                from cli import bundle  # saves 9 ms of a test run that passes

                bundle.run(Context(context.directory, platform.instance.name))  # while what failed still runs
    if directory:
        report.junit(directory / "dev.xml", results)
    return report.summary(results, platform.instance)


def _usage(because: str, hint: str) -> DevError:
    return DevError("usage", "these options do not go together", because=because, hint=hint, exit=Exit.USAGE)
