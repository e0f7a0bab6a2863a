"""The containers and the gateway of one start: made once for all components, by the first that needs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping

from facts.value import dataclass, field
from runtime.component import Component
from runtime.docker import containers
from runtime.placements.choice import Choices
from runtime.platform import Platform
from runtime.routes import gateway, owner_map


@dataclass
class Containers:
    """What Compose makes for the components that run in Docker."""

    platform: Platform
    choices: Choices
    wanted: Mapping[str, Component]
    check: Callable[[], None]
    """Raises DevError `interrupted` if the start was cancelled."""
    _made: dict[str, str] | None = None
    _held: list[str] = field(default_factory=list)
    _making: threading.Lock = field(default_factory=threading.Lock)
    _open: bool = False
    _opening: threading.Lock = field(default_factory=threading.Lock)

    @property
    def routed(self) -> bool:
        """Whether services in containers are reached through a gateway."""
        return self.choices.project is not None and self.choices.project.routed

    def make(self, say: Callable[[str], None]) -> Mapping[str, str]:
        """Component -> id of its container, made by one Compose call for all of them."""
        with self._making:
            if self._made is None:
                self.check()
                project = self.choices.project
                assert project is not None
                mine = {name: c for name, c in self.wanted.items() if self.choices.placements.get(name) == "docker"}
                try:
                    self._made = containers.make(project, mine, self.choices.images, say, self._hold)
                except BaseException:
                    for name in self._held:
                        owner_map.own(self.platform, name, "docker")
                    raise
            return self._made

    def open_routes(self, say: Callable[[str], None]) -> None:
        """Start the gateway and the edge before the first service in a container."""
        made = self.make(say)
        with self._opening:
            if not self._open:
                owner_map.prepare(self.platform)
                owner_map.run_gateway(self.platform, made[gateway.NAME])
                self._open = True

    def _hold(self, names: Iterable[str]) -> None:
        """Make callers wait whose containers Compose may stop now."""
        for name in names:
            if name in self.wanted and owner_map.owners(self.wanted[name].instance).get(name) == "docker":
                self._held.append(name)
                owner_map.hold(self.platform, name)
