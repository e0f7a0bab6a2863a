"""What is said about suites: the list of them, the summary of a run, and JUnit XML."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cli import render
from cli.testing.suite import Result, Suite
from converge.errors import Exit
from converge.instance import Instance


def show(suites: Sequence[Suite], as_json: bool) -> None:
    """The suites with one line of what each checks."""
    if as_json:
        rows = [
            {
                "name": suite.name, "group": suite.group, "about": suite.about, "directory": str(suite.cwd),
                "needs": None if suite.needs is None else list(suite.needs),
            }
            for suite in suites
        ]  # fmt: skip
        render.document({"schema": 1, "suites": rows})
        return
    for suite in suites:
        render.out(f"{suite.name:<18} {suite.about}")
    if any(suite.name != suite.group for suite in suites):
        render.say("the part before a colon runs all suites of that group: ./dev test tool", "dim")


def summary(results: Sequence[Result], instance: Instance) -> int:
    """Print how each suite ended; the exit code of the run."""
    render.out()
    for result in results:
        render.out(f"{result.suite.name:<18} {result.seconds:6.1f} s  {_verdict(result)}")
    failed = [result for result in results if result.failed]
    render.out(f"{len(results) - len(failed)} of {len(results)} suites passed")
    if failed and (instance.state / "logs").exists():
        render.say(f"logs of the platform under test: {instance.state / 'logs'}")
    return int(Exit.NOT_CONVERGED if failed else Exit.OK)


def _verdict(result: Result) -> str:
    if result.empty:
        return render.style("no tests", "dim")
    if result.failed:
        return render.style(f"failed ({result.code})", "bold", "red")
    return render.style("passed", "green")


def junit(path: Path, results: Sequence[Result]) -> None:
    """One case per suite; pytest's own suites write their cases into other files."""
    from xml.etree import ElementTree  # saves 5 ms of every other run

    failures = sum(result.failed for result in results)
    root = ElementTree.Element("testsuite", name="dev", tests=str(len(results)), failures=str(failures))
    for result in results:
        case = ElementTree.SubElement(
            root, "testcase", classname="dev", name=result.suite.name, time=f"{result.seconds:.3f}"
        )
        if result.failed:
            ElementTree.SubElement(case, "failure", message=f"ended with {result.code}")
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
