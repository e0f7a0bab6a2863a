"""Data directories of embedded databases: readable for their server alone, of its major version, never replaced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import facts.files
from converge import kinds, tools
from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine


def _databases(context: ConvergeContext) -> Iterable[tuple[str, Path]]:
    for name, infra in context.desired.infra.items():
        if kinds.of_infra(name, infra.kind, infra.run) == "postgres":  # the only kind whose data have such rules
            yield name, context.instance.data / name


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """Mode and major version of each, and where it was put."""
    found: list[AnyProbe] = []
    for name, path in _databases(context):
        found.append(facts.files.probe(f"data.{name}", path))
        found.append(facts.files.text(f"data.{name}.major", path / "PG_VERSION"))
        found.append(facts.files.text(f"data.{name}.placement", context.instance.data_note(name)))
    return found


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """ok where the server could start on it; absent ones are created by the first start."""
    for name, path in _databases(context):
        key, source = f"data.{name}", context.loaded.source(f"infra.{name}")
        entry, major = observation[key], observation[f"{key}.major"]
        if isinstance(entry, Unknown) or isinstance(major, Unknown):
            because = entry.because if isinstance(entry, Unknown) else major.because
            yield Item(key, "data", "unknown", "?", f"Postgres {tools.POSTGRES}", because, source=source)
        elif entry.kind == "absent" and observation[f"{key}.placement"] == "docker":
            volume = f"volume {context.instance.compose_project}_{name}"
            yield Item(key, "data", "skipped", f"in Docker, {volume}", "checked by ./dev start", source=source)
        elif entry.kind == "absent":
            yield Item(key, "data", "skipped", "none yet", "created by the first start", source=source)
        elif entry.kind != "directory" or (major and major != tools.POSTGRES):
            found = f"Postgres {major}" if major else f"a {entry.kind}"
            yield Item(
                key, "data", "blocked", found, f"Postgres {tools.POSTGRES}", f"{path} was not created by Postgres",
                "export the data with that version, or delete them: ./dev data reset", source, "postgres-major",
            )  # fmt: skip
        elif entry.mode in ("700", "750"):
            yield Item(key, "data", "ok", f"Postgres {major}", f"Postgres {tools.POSTGRES}", source=source)
        else:
            because = f"the mode of the directory is {entry.mode}, and Postgres refuses that"
            step = Step(key, "data", f"make {path} private to Postgres", because, args={"path": str(path)})
            yield Item(key, "data", "drift", entry.mode, "700", because, source=source, step=step)


def apply(step: Step, machine: Machine) -> None:
    """Set its permission bits; nothing in it is touched."""
    machine.make_directory(Path(step.args["path"]), 0o700)
