"""One look at everything asked for: all nouns' probes in one batch, and a broken noun hides no other."""

from __future__ import annotations

from collections.abc import Sequence

from converge import own_files, trust
from converge.context import ConvergeContext
from converge.errors import DevError, Exit
from converge.operations import Operation, load
from converge.steps import Item, Status
from facts.local import LocalReader
from facts.probe import AnyProbe, Observation, Reader, observe
from facts.value import dataclass


@dataclass(frozen=True)
class Look:
    """The items of one moment, and tracebacks of nouns that broke."""

    items: tuple[Item, ...]
    bugs: tuple[str, ...] = ()


def look(context: ConvergeContext, nouns: Sequence[str], reader: Reader | None = None) -> Look:
    """Observe and compare; a noun that cannot be judged gives one `unknown` item, or `manual` if a person must help."""
    reader = reader or LocalReader()
    operations: dict[str, Operation] = {}
    probes: dict[str, Sequence[AnyProbe]] = {}
    broken: dict[str, Exception] = {}
    for noun in nouns:
        try:
            operations[noun] = load(noun, context.more)
            probes[noun] = operations[noun].probes(context)
            if noun in context.more and probes[noun] and not context.loaded.trusted:
                raise trust.refused(context.instance.checkout, trust.WHY)
        except Exception as problem:
            broken[noun] = problem
    seen = _observe(probes, reader, broken)
    items: list[Item] = []
    bugs: list[str] = []
    for noun in nouns:
        if noun not in broken:
            try:
                items += operations[noun].items(context, seen[noun])
            except Exception as problem:
                broken[noun] = problem
        if failure := broken.get(noun):
            items.append(_unknown(noun, failure))
            if items[-1].code == "bug":
                bugs.append(_trace(failure))
    return Look(tuple(items), tuple(bugs))


def _trace(failure: Exception) -> str:
    import traceback  # saves 2 ms of a doctor without a bug

    return "".join(traceback.format_exception(failure))


def _observe(
    probes: dict[str, Sequence[AnyProbe]], reader: Reader, broken: dict[str, Exception]
) -> dict[str, Observation]:
    """Every noun's observation from one batch; only if that breaks, noun by noun to find the broken one."""
    wanted = {probe.name: probe for noun, some in probes.items() if noun not in broken for probe in some}
    try:
        together = observe(list(wanted.values()), reader)
        return dict.fromkeys(probes, together)
    except Exception:
        seen: dict[str, Observation] = {}
        for noun, some in probes.items():
            try:
                seen[noun] = observe(some, reader)
            except Exception as problem:
                broken.setdefault(noun, problem)
        return seen


def _unknown(noun: str, problem: Exception) -> Item:
    problem = (own_files.trouble(problem) if isinstance(problem, OSError) else None) or problem
    if isinstance(problem, DevError):
        because = problem.because or problem.what
        status: Status = "manual" if problem.exit == Exit.NEEDS_HUMAN else "unknown"
        return Item(noun, noun, status, problem.what, "", because, problem.hint, problem.source, problem.code)
    because = f"./dev itself failed: {type(problem).__name__}: {problem}"
    return Item(noun, noun, "unknown", "could not be checked", "", because, "please report it", code="bug")
