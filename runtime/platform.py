"""A platform: the components that a desired state declares, in one instance of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from converge.desired import Desired, Loaded
from converge.errors import DevError, Exit
from converge.instance import Instance
from facts.value import dataclass
from runtime.component import Component, InfraComponent, ServiceComponent


@dataclass(frozen=True)
class Platform:
    """A desired state and an instance."""

    loaded: Loaded
    instance: Instance

    @property
    def desired(self) -> Desired:
        """The content of desired_state.toml."""
        return self.loaded.desired

    @cached_property
    def infra(self) -> dict[str, InfraComponent]:
        """Every infrastructure component by name, as declared."""
        return {name: InfraComponent(name, wants, self.instance) for name, wants in self.desired.infra.items()}

    @cached_property
    def services(self) -> dict[str, ServiceComponent]:
        """Every service by name, as declared."""
        return {name: ServiceComponent(name, wants, self.instance) for name, wants in self.desired.services.items()}

    @cached_property
    def components(self) -> dict[str, Component]:
        """Every declared component by name, infrastructure first."""
        return {**self.infra, **self.services}

    def component(self, name: str) -> Component:
        """The component of that name; DevError `unknown-component` if it does not exist."""
        if name not in self.components:
            raise DevError(
                "unknown-component",
                f"there is no component {name!r}",
                because="desired_state.toml declares " + (", ".join(self.components) or "none"),
                exit=Exit.USAGE,
            )
        return self.components[name]

    def chosen(self, names: Iterable[str] | None) -> dict[str, Component]:
        """The named components and everything they need or use, needs first; all of them without names."""
        found: dict[str, Component] = {}
        later = list(names or self.components)
        while later:
            open_names = [self.component(later.pop(0)).name]
            while open_names:  # a chain of needs may be longer than Python's stack
                component = self.components[open_names[-1]]
                if need := next((each for each in component.wants.needs if each not in found), ""):
                    open_names.append(need)
                    continue
                if component.name not in found:
                    found[component.name] = component
                    later += component.uses
                open_names.pop()
        return found

    def source(self, component: Component, key: str = "") -> str:
        """`file:line` where the component, or a key of its entry, is declared."""
        return self.loaded.source(".".join(filter(None, (component.section, component.name, key))))
