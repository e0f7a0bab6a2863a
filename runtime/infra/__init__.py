"""Infrastructure kinds: how each runs natively, what its container needs, its addresses, readiness, content."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Protocol, cast

from runtime.component import InfraComponent, Launch
from runtime.platform import Platform


class InfraKind(Protocol):
    """The interface of a module `runtime/infra/KIND.py`; how to add one: docs/how-to/add-an-infra-kind.md.

    Every member is asked for a component of this kind. `runtime/infra/plain.py` has the answers of a kind with nothing
    special. In Docker a component is run by an entry of its name in `compose/infra.yaml`.
    """

    keeps_data: bool
    """Whether it has data; it then stays in the placement of its data."""

    greets: bool
    """Whether `why_not` uses the component's protocol; Docker's proxy then needs no separate check."""

    ready_timeout: float
    """Seconds that a start waits for it to become ready, where its entry has no `ready.timeout`."""

    copied_by_sql: bool
    """Whether `./dev data` can snapshot its databases and copy them to another placement."""

    def prepare(self, platform: Platform, component: InfraComponent) -> None:
        """Make its data directory before the native launch; safe to run again; an existing one is never replaced."""
        ...

    def launch(self, platform: Platform, component: InfraComponent, host: str) -> Launch:
        """How it runs natively, on the loopback address `host` and its only port; `HOST` of its environment is that
        address if it is not 127.0.0.1. DevError if its program is missing."""
        ...

    def no_fallback(self, platform: Platform, component: InfraComponent) -> str:
        """Why the native one cannot replace the declared image, as a clause; empty if it can."""
        ...

    def variables(self, platform: Platform, component: InfraComponent) -> Mapping[str, str]:
        """Variables of its Compose file entry, besides port and image: `PASSWORD` is `${NAME_PASSWORD}` there."""
        ...

    def check_volume(self, component: InfraComponent) -> None:
        """Check the content of its volume before its container starts. DevError if the container must not use it."""
        ...

    def addresses(self, platform: Platform, component: InfraComponent, host: str) -> Mapping[str, str]:
        """What `{NAME.url}`, `{NAME.address}`, `{NAME.host}` and `{NAME.port}` mean if it is reached as `host`; and
        `{NAME.user}`, `{NAME.password}`, `{NAME.database}` as far as it has them (`converge/credentials.py`)."""
        ...

    def why_not(self, component: InfraComponent, timeout: float) -> str:
        """Why it cannot be used although its port accepts connections, within `timeout` seconds; empty if it can."""
        ...


def kind(component: InfraComponent) -> InfraKind:
    """The module of the component's kind."""
    return load(component.kind)


def load(name: str) -> InfraKind:
    """The module of a kind, one of the keys of `converge.kinds.INFRA`."""
    return cast(InfraKind, importlib.import_module(f"runtime.infra.{name}"))
