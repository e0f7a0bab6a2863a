"""The words of a plan: items that were checked, steps that would change them, outcomes of those that ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from facts.value import dataclass, field

Status = Literal[
    "ok", "drift", "changed", "failed", "unverified", "blocked", "manual", "unknown", "skipped", "oscillating"
]
Reach = Literal["project", "system", "destructive"]
"""How far a step goes: this checkout and the per-user store, the whole machine, or something that cannot be undone."""


@dataclass(frozen=True)
class Step:
    """One change: what would happen (`change`), why (`because`), which operation does it, and with what."""

    id: str
    """The id of the item it repairs, e.g. `tools.go`."""
    operation: str
    """Key of the operation in `converge.operations.OPERATIONS`."""
    change: str
    """A phrase that completes "would …", e.g. "install Go 1.27.3 into the store"."""
    because: str
    reach: Reach = "project"
    after: tuple[str, ...] = ()
    """Ids of steps that must have succeeded first; ids that are not in the plan are satisfied."""
    args: Mapping[str, Any] = field(default_factory=dict)
    """JSON values only: a step crosses a process border and is written to the journal."""
    by_hand: str = ""
    """The exact command for a person who does it alone, for steps that reach the system."""


@dataclass(frozen=True)
class Item:
    """One check: what was found and what is wanted, and the step that would close the gap, if there is one."""

    id: str
    noun: str
    status: Status
    found: str
    want: str
    because: str = ""
    hint: str = ""
    source: str = ""
    """`desired_state.toml:LINE` that asked for it."""
    code: str = ""
    """Error code for `--explain`, where the gap has one."""
    step: Step | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a step."""

    step: Step
    status: Status
    because: str = ""
    duration_s: float = 0.0
    code: str = ""
    """Error code for `--explain`, where it did not end well."""
    hint: str = ""
