"""The kinds of services and infrastructure: what checks and repairs must know of each, as data.

How a kind is run, debugged and tested is said by the module of its name in `runtime/services/` or `runtime/infra/`.
A new kind is one entry here and one such module: docs/how-to/add-a-service-kind.md, docs/how-to/add-an-infra-kind.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from facts.value import dataclass

GO_BUILD: Mapping[str, str] = MappingProxyType({
    "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false -modcacherw", "GOWORK": "off",
})  # fmt: skip
"""Environment of a Go build that takes no other toolchain than its own."""


@dataclass(frozen=True, kw_only=True)
class ServiceKind:
    """What converge knows of a kind of service."""

    packages: str = ""
    """Family of installers (`converge/installers/rows.py`) for its lock file; empty: nothing is installed for it."""
    reloader: str = ""
    """Entry of [tools] that reloads it on a change, where that is a tool of its own."""
    requires: tuple[str, ...] = ()
    """Keys of which its entry must have one."""
    runs: str = ""
    """Why one of them is required, as a clause; shown to users."""
    example: str = ""
    """How to write them; shown to users."""


@dataclass(frozen=True, kw_only=True)
class InfraKind:
    """What converge knows of a kind of infrastructure."""

    tool: str = ""
    """Tool of the store that its embedded placement runs; `tools.EMBEDDED` says in which version."""
    credentials: bool = False
    """Whether it has a user and a password, which `{NAME.user}` and `{NAME.password}` stand for, and databases."""
    named: bool = True
    """Whether a component of that name is of this kind although its entry says no `kind`."""
    requires: tuple[str, ...] = ()
    """Keys of which its entry must have one."""
    runs: str = ""
    """Why one of them is required, as a clause; shown to users."""
    example: str = ""
    """How to write them; shown to users."""


SERVICES: Mapping[str, ServiceKind] = {
    "go": ServiceKind(packages="go", reloader="air"),
    "python": ServiceKind(
        packages="python",
        requires=("app", "dev"),
        runs="kind python runs an ASGI `app` by uvicorn, or what `dev` says",
        example='add app = "package.module:name" or dev = "…"',
    ),
    "node": ServiceKind(packages="node"),
    "next": ServiceKind(packages="node"),
    "rust": ServiceKind(packages="rust"),
    "command": ServiceKind(
        requires=("dev",), runs="kind command runs what `dev` says", example='add dev = "…"'
    ),
}  # fmt: skip
"""Kind of service -> what is known of it."""

INFRA: Mapping[str, InfraKind] = {
    "postgres": InfraKind(tool="postgres", credentials=True),
    "pubsub": InfraKind(tool="pubsub-emulator"),
    "redis": InfraKind(),
    "command": InfraKind(
        named=False, requires=("run", "image"),
        runs="an infra component of no other kind runs what `run` says, or an `image`",
        example='add run = "…", or image = "…" with an entry in compose/infra.yaml, or the kind that it is',
    ),
}  # fmt: skip
"""Kind of infrastructure -> what is known of it."""


def of_infra(name: str, kind: str | None, run: str | None) -> str:
    """The kind of an infra component: what its entry says; else `command` if it has a `run`; else its own name."""
    if kind:
        return kind
    return name if not run and name in INFRA and INFRA[name].named else "command"
