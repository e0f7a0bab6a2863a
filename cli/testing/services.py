"""The suites of a platform: one per service with tests, those of [tests], and the test of the running platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cli.testing.suite import Suite
from runtime import services
from runtime.component import ServiceComponent
from runtime.environment import addresses, of_component, of_suite, shared
from runtime.platform import Platform


def of_services(platform: Platform, junit: Path | None, extra: tuple[str, ...]) -> Iterator[Suite]:
    """The tests of each service: its own `test`, or those its kind is known to have."""
    for name, component in platform.services.items():
        service = component.wants
        argv = services.kind(component).test(component, junit / f"{name}.xml" if junit else None)
        argv = ("/bin/sh", "-c", service.test) if service.test else argv
        if not argv:
            continue

        def env(component: ServiceComponent = component) -> dict[str, str]:
            return of_component(platform, component) | {"PYTHONDONTWRITEBYTECODE": "1"}

        needs = tuple(need for need in service.needs if need in platform.infra or platform.services[need].once)
        about = f"{service.test or f'tests of a service of kind {service.kind}'}, in {service.path}"
        yield Suite(name, about, (*argv, *extra), component.path, env, needs)


def declared(platform: Platform, extra: tuple[str, ...]) -> Iterator[Suite]:
    """The suites of [tests]."""
    for name, suite in platform.desired.tests.items():

        def env(name: str = name) -> dict[str, str]:
            return of_suite(platform, name) | {"PYTHONDONTWRITEBYTECODE": "1"}

        argv = ("/bin/sh", "-c", suite.command, name, *extra)
        about = f"{suite.command}, in {suite.path}"
        yield Suite(name, about, argv, platform.instance.checkout / suite.path, env, suite.needs)


def of_system(platform: Platform, placement: Callable[[], str]) -> Iterator[Suite]:
    """The test of the whole running platform, `system_test` of [project], with the addresses of all components."""
    command = platform.desired.project.system_test
    if not command:
        return

    def env() -> dict[str, str]:
        found: dict[str, str] = {"DEV_INSTANCE": platform.instance.name, "DEV_PLACEMENT": placement()}
        for name, component in platform.components.items():
            found = shared(platform, name) | found
            if component.is_service:
                found = of_component(platform, component) | found
            if component.port:
                found[f"{name.upper().replace('-', '_')}_URL"] = addresses(platform, component)["url"]
        return found

    about = f"{command}, on the running platform"
    yield Suite("system", about, ("/bin/sh", "-c", command), platform.instance.checkout, env, None)
