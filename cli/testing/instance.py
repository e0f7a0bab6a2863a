"""The platform that tests run on: an instance of its own, made ready once, started as far as a suite needs it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from functools import partial

from cli import progress, render
from cli.board import Board
from cli.context import Context
from cli.start import refuse_open
from cli.testing.suite import Suite
from converge import cycle
from converge.desired import EnvVar, Loaded
from converge.instance import Instance
from converge.lock import hold
from facts.auth import CLERK
from facts.value import dataclass, replace
from runtime import placements
from runtime.component import ServiceComponent
from runtime.docker import containers
from runtime.placements.choice import Asked
from runtime.platform import Platform
from runtime.provision import migrations
from runtime.start import start
from runtime.stop import stop


def of(context: Context) -> Instance:
    """The instance that is tested: `test`, or `NAME-test` for an instance NAME."""
    name = context.instance_name or os.environ.get("DEV_INSTANCE", "")
    return Context(context.directory, f"{name}-test" if name else "test").instance


def under_test(loaded: Loaded) -> Loaded:
    """The same platform as tests see it: no identity provider, and a secret of this run for test users by header."""
    desired = loaded.desired
    if desired.auth is None:
        return loaded
    header = desired.env.get("TEST_AUTH_SECRET", EnvVar(secret=True))
    header = replace(header, generate=None, value=secrets.token_urlsafe(32))
    own = {"APP_ENV": EnvVar(value="test"), "TEST_AUTH_SECRET": header}
    kept = {name: variable for name, variable in desired.env.items() if name not in CLERK}
    return replace(loaded, desired=replace(desired, env=kept | own))


def asked(context: Context) -> Asked:
    """Services are tested in Docker where this platform's own run there."""
    in_docker = any(placements.where(service) == "docker" for service in context.platform.services.values())
    return Asked("docker" if in_docker else None)


@dataclass
class BringUp:
    """Starts what suites need; called before each of them."""

    context: Context
    platform: Platform
    yes: bool
    prepared: bool = False

    def __call__(self, suite: Suite) -> None:
        """Start what the suite needs; DevError if it does not get ready."""
        if suite.of_tool:
            return
        if not self.prepared:
            loaded, instance = self.platform.loaded, self.platform.instance
            report = cycle.prepare(loaded, instance, progress.listen, self.yes, purpose="test")
            refuse_open(report)
            self.prepared = True
        if suite.needs != ():
            names = None if suite.needs is None else list(suite.needs)
            with Board(names or []) as board:
                failed = start(self.platform, names, board.event, asked(self.context))
            for problem in failed.values():
                raise problem
        if (component := self.platform.services.get(suite.name)) and component.wants.migrate:
            self._migrate(component)

    def _migrate(self, component: ServiceComponent) -> None:
        """Give the tests of a service the tables that it would have; it does not run beside them itself."""
        if migrations.look(self.platform, component).state != "applied":
            say = partial(_say, component.name)
            migrations.run(self.platform, component, migrations.Place("native"), say, lambda: None)


def _say(name: str, text: str) -> None:
    render.say(f"{name:<12} {text}")


@contextlib.contextmanager
def held(platform: Platform, suites: list[Suite]) -> Iterator[None]:
    """Keep the test instance to this run, and remove it afterwards; nothing where no suite needs a platform."""
    if all(suite.needs == () and suite.of_tool for suite in suites):
        yield
        return
    instance = platform.instance
    with hold(instance.state / "test.lock", say=render.say):
        try:
            yield
        finally:
            stop(platform, None)
            containers.clear(instance)
            shutil.rmtree(instance.data, ignore_errors=True)
            for left in ("run", "compose", "placed", "private", "env", "container-secrets"):
                shutil.rmtree(instance.state / left, ignore_errors=True)
