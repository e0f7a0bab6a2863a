"""User, password and database of infrastructure, as templates ask for them: which components have them, and why not."""

from __future__ import annotations

from converge import kinds
from converge.desired import Desired, Infra, Service
from converge.templates import Problem
from facts.value import replace

PARTS = ("user", "password", "database")
"""What there is besides addresses: `{db.user}`, `{db.password}`, `{db.database}`."""


def of(name: str, wants: Infra | Service) -> tuple[str, ...]:
    """Those of one component. A database is one only where no other is declared: nothing is guessed."""
    if isinstance(wants, Service) or not _kind(name, wants).credentials:
        return ()
    return PARTS if len(wants.databases) == 1 else PARTS[:2]


def explained(desired: Desired, problem: Problem) -> Problem:
    """The problem with the reason why the component lacks what it is asked for, if that is one of PARTS."""
    name, key = problem.part or ("", "")
    if key not in PARTS:
        return problem
    infra = desired.infra.get(name)
    if infra is None:
        return replace(problem, because=f"{name} is a service, which has no {key}")
    if not _kind(name, infra).credentials:
        kind = kinds.of_infra(name, infra.kind, infra.run)
        return replace(problem, because=f"{name} is of kind {kind}, which has no {key}; {problem.because}")
    if infra.databases:
        because = f"{name} has several databases: {', '.join(infra.databases)}"
        return replace(problem, because=because, hint="write the name of the one that is meant")
    hint = f'add databases = ["{desired.project.name}"] to [infra.{name}]'
    return replace(problem, because=f"no database of {name} is declared", hint=hint)


def _kind(name: str, infra: Infra) -> kinds.InfraKind:
    return kinds.INFRA[kinds.of_infra(name, infra.kind, infra.run)]
