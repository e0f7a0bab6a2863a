"""The suites of a platform: one per service with tests, those of [tests], and the test of the running platform."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from cli.testing.suite import Suite
from converge.desired import Loaded, Service
from converge.instance import Instance
from converge.operations.dependencies import venv
from runtime.component import Component, components
from runtime.environment import addresses, of_component, of_suite, shared

RUNNERS = {"python": "pytest", "go": "go test", "next": "npm test", "node": "npm test"}
"""What runs the tests of a kind of service, as the list of suites names it."""


def of_services(loaded: Loaded, instance: Instance, junit: Path | None, extra: tuple[str, ...]) -> Iterator[Suite]:
    """The tests of each service: its own `test`, or those its kind is known to have."""
    for name, service in loaded.desired.services.items():
        report: tuple[str, ...] = ()
        if service.test:
            argv: tuple[str, ...] = ("/bin/sh", "-c", service.test)
        elif service.kind == "python":
            report = (f"--junitxml={junit / name}.xml",) if junit else ()
            argv = (str(venv(instance, name) / "bin/python"), "-m", "pytest", "-q", "-p", "no:cacheprovider")
        elif service.kind == "go":
            argv = ("go", "test", "./...")
        elif service.kind in ("next", "node"):
            argv = ("npm", "test", "--silent")
        else:
            continue

        def env(component: Component = Component(name, service, instance)) -> dict[str, str]:
            return of_component(loaded, component) | {"PYTHONDONTWRITEBYTECODE": "1"}

        needs = tuple(need for need in service.needs if need in loaded.desired.infra)
        directory = instance.checkout / service.path
        about = f"{service.test or RUNNERS[service.kind]} of the service, in {service.path}"
        yield Suite(name, about, (*argv, *report, *extra), directory, env, needs)


def declared(loaded: Loaded, instance: Instance, extra: tuple[str, ...]) -> Iterator[Suite]:
    """The suites of [tests]."""
    for name, suite in loaded.desired.tests.items():

        def env(name: str = name) -> dict[str, str]:
            return of_suite(loaded, instance, name) | {"PYTHONDONTWRITEBYTECODE": "1"}

        argv = ("/bin/sh", "-c", suite.command, name, *extra)
        yield Suite(name, f"{suite.command}, in {suite.path}", argv, instance.checkout / suite.path, env, suite.needs)


def of_system(loaded: Loaded, instance: Instance, placement: Callable[[], str]) -> Iterator[Suite]:
    """The test of the whole running platform, `system_test` of [project], with the addresses of all components."""
    command = loaded.desired.project.system_test
    if not command:
        return
    every = components(loaded, instance)

    def env() -> dict[str, str]:
        found: dict[str, str] = {"DEV_INSTANCE": instance.name, "DEV_PLACEMENT": placement()}
        for name, component in every.items():
            found = shared(loaded, instance, name) | found
            if isinstance(component.wants, Service):
                found = of_component(loaded, component) | found
            if component.port:
                found[f"{name.upper().replace('-', '_')}_URL"] = addresses(loaded, component)["url"]
        return found

    about = f"{command}, on the running platform"
    yield Suite("system", about, ("/bin/sh", "-c", command), instance.checkout, env, None)
