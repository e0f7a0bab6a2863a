"""What a start prepares first, what it installs while it starts, and which components cannot be prepared."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cli import progress
from cli.context import Context
from converge import cycle, part
from converge.context import Purpose
from converge.desired import Loaded
from converge.errors import DevError
from converge.report import Report
from converge.steps import Item
from converge.tools import SUBSTITUTED
from facts.value import dataclass, replace
from runtime.component import Component
from runtime.start import installing


@dataclass(frozen=True)
class Prepared:
    """The result, and what is left for `Installing`."""

    report: Report
    """Without the tools of which `obstacles` tells."""
    loaded: Loaded | None
    obstacles: Mapping[str, DevError]
    """Component -> why it could not be prepared."""
    lacking: Collection[str]
    """Services whose packages are still to be installed."""


NOTHING = Prepared(Report(()), None, {}, ())


def prepare(
    context: Context, wanted: Mapping[str, Component], names: Collection[str] | None, yes: bool, purpose: Purpose
) -> Prepared:
    """Make ready what the named components need, or all, but for the packages of services."""
    loaded = context.loaded if names is None else part.of(context.loaded, names)
    report = cycle.prepare(loaded, context.instance, progress.listen, yes, purpose=purpose, later=installing.NOUN)
    tools = [item for item in report.open if item.id.startswith("tools.") and item.id[6:] not in SUBSTITUTED]
    without = {item.id: _users(context.loaded, item, wanted) for item in tools}
    if any(len(users) == len(wanted) for users in without.values()):
        without = {}  # nothing can be started
    obstacles = installing.failures(_without_steps(report))
    obstacles |= {name: _lacks(item, name) for item in tools for name in without.get(item.id, ())}
    pending = {item.id.partition(".")[2] for item in report.open if item.noun == installing.NOUN and item.step}
    kept = tuple(item for item in report.items if item.id not in without)
    return Prepared(replace(report, items=kept), loaded, obstacles, sorted(pending - obstacles.keys()))


def _without_steps(report: Report) -> Report:
    return replace(report, items=tuple(item for item in report.items if not item.step))


def _users(loaded: Loaded, tool: Item, wanted: Mapping[str, Component]) -> list[str]:
    """The components that need a tool."""
    name = tool.id.partition(".")[2]
    return [each for each in wanted if name in part.of(loaded, [each]).desired.tools]


def _lacks(tool: Item, name: str) -> DevError:
    return DevError(
        "dependencies-failed", f"{tool.id.partition('.')[2]}, which {name} needs, could not be installed",
        because=tool.because, hint=tool.hint or "see ./dev doctor", source=tool.source,
    )  # fmt: skip
