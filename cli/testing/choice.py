"""Which suites a command line means: all, those of the names, or single tests of the tool."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from cli.context import Context
from cli.testing import instance as test_instance
from cli.testing import own, paths, services
from cli.testing.suite import Suite
from converge.errors import DevError, Exit
from converge.tool import TOOL
from runtime.platform import Platform


def chosen(context: Context, platform: Platform, junit: Path | None, names: list[str], system: bool) -> list[Suite]:
    """The suites of these names, groups and paths, in the order they run; every suite where nothing is named."""
    every = _every(context, platform, junit)
    known = list(dict.fromkeys(name for suite in every for name in (suite.group, suite.name)))
    wanted = [*names, "system"] if system else names
    places = [name for name in wanted if name not in known and paths.is_path(name)]
    if strange := [name for name in wanted if name not in (*known, *places)]:
        raise _unknown(strange[0], known)
    suites = [suite for suite in every if not wanted or {suite.group, suite.name} & {*wanted}]
    return [*suites, *([_of_places(context, platform, junit, places)] if places else ())]


def _of_places(context: Context, platform: Platform, junit: Path | None, places: list[str]) -> Suite:
    """One run of pytest on these files and tests."""
    directories = {name: service.path for name, service in platform.services.items()}
    nodes = [paths.node(place, directories) for place in places]
    return own.pytest((*(own.SHARED if paths.several(nodes) else ()), *nodes), junit, context.extra)


def _every(context: Context, platform: Platform, junit: Path | None) -> list[Suite]:
    return [
        *(own.suites(platform.loaded, junit, context.extra) if context.checkout == TOOL else ()),
        *services.of_services(platform, junit, context.extra),
        *services.declared(platform, context.extra),
        *services.of_system(platform, lambda: test_instance.asked(context).services or "native"),
    ]


def _unknown(name: str, known: list[str]) -> DevError:
    files = {path.stem: path for path in paths.files()}
    near = get_close_matches(name, [*known, *files], 3)
    shown = [f"./dev test {files[each].relative_to(TOOL) if each in files else each}" for each in near]
    return DevError(
        "unknown-suite", f"there is no suite {name!r}", because=f"the suites are {', '.join(known) or 'none'}",
        hint=f"did you mean {' or '.join(shown)}?" if near else "./dev test --list shows them", exit=Exit.USAGE,
    )  # fmt: skip
