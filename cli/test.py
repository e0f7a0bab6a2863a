"""`./dev test`: every test of the tool and of the platform, one summary."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cli import bootstrap, progress, render
from cli.board import Board
from cli.context import TOOL, Context
from cli.option import Argument, Option
from converge.desired import EnvVar, Loaded
from converge.errors import DevError, Exit
from converge.instance import Instance
from facts.auth import CLERK
from runtime.platform import Platform

if TYPE_CHECKING:
    from runtime.component import ServiceComponent
    from runtime.placements.choice import Asked

TOOL_GROUPS = ("tool", "emulator")
"""Groups of suites of the tool itself."""
NO_TESTS = 5
"""pytest's exit code for an empty collection."""


@dataclass(frozen=True)
class Suite:
    """One command that ends with 0 when all is well."""

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Callable[[], Mapping[str, str]]
    """Found out when it runs: what a bare machine lacks is installed only then."""
    needs: tuple[str, ...] | None = ()
    """Components that must run in the test instance; None stands for all."""

    @property
    def group(self) -> str:
        """What a person names it by."""
        return self.name.partition(":")[0]


def run(
    context: Context,
    names: Annotated[
        list[str] | None, Argument("NAME…", help="tool, system, services or [tests]; all without.")
    ] = None,
    system: Annotated[bool, Option("--system", help="Only the test of the running platform.")] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Consent to installing what tests need (CI=true does).")] = False,
    junit: Annotated[str | None, Option("--junit", help="Directory for JUnit XML.", metavar="DIR")] = None,
    list_only: Annotated[bool, Option("--list", help="Only list the suites.")] = False,
) -> int:
    """Run every test of the tool and of the platform.

    With names, only those suites; words after -- go to the test runner.
    Services are tested on a platform of their own (instance `test`), which is gone afterwards.
    """
    platform = Platform(_under_test(context.loaded), _test_instance(context))
    chosen = _chosen(context, platform, Path(junit).resolve() if junit else None, names, system)
    if list_only:
        for name in dict.fromkeys(suite.group for suite in chosen):
            render.out(name)
        return int(Exit.OK)
    results: list[tuple[Suite, int, float]] = []
    consent = yes or os.environ.get("CI") == "true"
    with _platform(platform, chosen, _BringUp(platform, consent, _asked(context))) as bring_up:
        for suite in chosen:
            bring_up(suite)
            results.append((suite, *_run(suite)))
            if results[-1][1] and suite.needs is None and os.environ.get("CI") == "true":
                from cli import bundle

                bundle.run(Context(context.directory, platform.instance.name))  # while what failed still runs
    if junit:
        _junit(Path(junit) / "dev.xml", results)
    return _summary(results, platform.instance)


def _junit(path: Path, results: list[tuple[Suite, int, float]]) -> None:
    """One case per suite; pytest's own suites write their cases beside it."""
    from xml.etree import ElementTree

    failures = sum(bool(code) for _, code, _ in results)
    root = ElementTree.Element("testsuite", name="dev", tests=str(len(results)), failures=str(failures))
    for suite, code, seconds in results:
        case = ElementTree.SubElement(root, "testcase", classname="dev", name=suite.name, time=f"{seconds:.3f}")
        if code:
            ElementTree.SubElement(case, "failure", message=f"ended with {code}")
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _summary(results: list[tuple[Suite, int, float]], instance: Instance) -> int:
    render.out()
    for suite, code, seconds in results:
        verdict = render.style("passed", "green") if code == 0 else render.style(f"failed ({code})", "bold", "red")
        verdict = render.style("no tests", "dim") if code == NO_TESTS and _pytest(suite) else verdict
        render.out(f"{suite.name:<18} {seconds:6.1f} s  {verdict}")
    failed = [suite.name for suite, code, _ in results if code and not (code == NO_TESTS and _pytest(suite))]
    render.out(f"{len(results) - len(failed)} of {len(results)} suites passed")
    if failed and (instance.state / "logs").exists():
        render.say(f"logs of the platform under test: {instance.state / 'logs'}")
    return int(Exit.NOT_CONVERGED if failed else Exit.OK)


def _pytest(suite: Suite) -> bool:
    return "pytest" in suite.argv


def _asked(context: Context) -> Asked:
    """Services are tested in Docker where this platform's own run there."""
    from runtime import placements
    from runtime.placements.choice import Asked

    boxed = any(placements.where(service) == "docker" for service in context.platform.services.values())
    return Asked("docker" if boxed else None)


def _under_test(loaded: Loaded) -> Loaded:
    """The same platform as tests see it: no identity provider, and a secret of this run for test users by header."""
    desired = loaded.desired
    if desired.auth is None:
        return loaded
    door = desired.env.get("TEST_AUTH_SECRET", EnvVar(secret=True))
    door = replace(door, generate=None, value=secrets.token_urlsafe(32))
    own = {"APP_ENV": EnvVar(value="test"), "TEST_AUTH_SECRET": door}
    kept = {name: variable for name, variable in desired.env.items() if name not in CLERK}
    return replace(loaded, desired=replace(desired, env=kept | own))


def _test_instance(context: Context) -> Instance:
    name = context.instance_name or os.environ.get("DEV_INSTANCE", "")
    return Context(context.directory, f"{name}-test" if name else "test").instance


def _chosen(
    context: Context, platform: Platform, junit: Path | None, names: list[str] | None, system: bool
) -> list[Suite]:
    wanted = [*(names or ()), *(["system"] if system else ())]
    own = TOOL_GROUPS if context.checkout == TOOL else ()
    suites = [
        *(_tool(platform.loaded, junit, context.extra) if own and (not wanted or {*own} & {*wanted}) else ()),
        *_services(platform, junit, context.extra),
        *_suites(platform, context.extra),
        *_system(platform, lambda: _asked(context).services or "native"),
    ]
    known = list(dict.fromkeys([*own, *(suite.group for suite in suites)]))
    for name in wanted:
        if name not in known:
            raise DevError(
                "unknown-suite", f"there is no suite {name!r}", because=f"the suites are {', '.join(known) or 'none'}",
                hint="./dev test --list shows them", exit=Exit.USAGE,
            )  # fmt: skip
    return [suite for suite in suites if not wanted or suite.group in wanted]


def _tool(loaded: Loaded, junit: Path | None, extra: tuple[str, ...]) -> Iterator[Suite]:
    try:
        python = str(bootstrap.ensure(TOOL, "test"))
    except bootstrap.BootstrapError as problem:
        raise DevError("test-environment", "the tests' own packages are missing", because=str(problem)) from None
    env = {
        **os.environ,
        "MYPY_CACHE_DIR": str(TOOL / ".dev/cache/mypy"),
        "RUFF_CACHE_DIR": str(TOOL / ".dev/cache/ruff"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if not extra:
        yield Suite("tool:lint", (python, "-m", "ruff", "check", "."), TOOL, lambda: env)
        yield Suite("tool:format", (python, "-m", "ruff", "format", "--check", "."), TOOL, lambda: env)
        yield Suite("tool:types", (python, "-m", "mypy"), TOOL, lambda: env)
        yield Suite("emulator", ("go", "test", "./..."), TOOL / "compose/pubsub", lambda: _go(env, loaded))
    report = (f"--junitxml={junit / 'tool.xml'}",) if junit else ()
    workers = ("-n", str(os.cpu_count() or 1), "--dist=loadscope")
    yield Suite("tool:tests", (python, "-m", "pytest", "-q", *workers, *report, *extra), TOOL, lambda: env)


def _go(env: Mapping[str, str], loaded: Loaded) -> dict[str, str]:
    from converge import supply, tools

    path = [*tools.path_entries(loaded), env.get("PATH", os.defpath)]
    return {**supply.go_environment(), "PATH": os.pathsep.join(path)}


def _services(platform: Platform, junit: Path | None, extra: tuple[str, ...]) -> Iterator[Suite]:
    from runtime import services
    from runtime.environment import of_component

    for name, component in platform.services.items():
        service = component.wants
        argv = services.kind(component).test(component, junit / f"{name}.xml" if junit else None)
        argv = ("/bin/sh", "-c", service.test) if service.test else argv
        if not argv:
            continue

        def env(component: ServiceComponent = component) -> dict[str, str]:
            return of_component(platform, component) | {"PYTHONDONTWRITEBYTECODE": "1"}

        needs = tuple(need for need in service.needs if need in platform.infra)
        yield Suite(name, (*argv, *extra), component.path, env, needs)


def _suites(platform: Platform, extra: tuple[str, ...]) -> Iterator[Suite]:
    from runtime.environment import of_suite

    for name, suite in platform.desired.tests.items():

        def env(name: str = name) -> dict[str, str]:
            return of_suite(platform, name) | {"PYTHONDONTWRITEBYTECODE": "1"}

        argv = ("/bin/sh", "-c", suite.command, name, *extra)
        yield Suite(name, argv, platform.instance.checkout / suite.path, env, suite.needs)


def _system(platform: Platform, placement: Callable[[], str]) -> Iterator[Suite]:
    from runtime.environment import addresses, of_component, shared

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

    yield Suite("system", ("/bin/sh", "-c", command), platform.instance.checkout, env, None)


@contextlib.contextmanager
def _platform(platform: Platform, suites: list[Suite], bring_up: _BringUp) -> Iterator[_BringUp]:
    """The test instance: made ready once, started as far as each suite needs it, gone afterwards."""
    from converge.lock import hold
    from runtime import boxes
    from runtime.stop import stop

    instance = platform.instance

    if all(suite.needs == () and suite.group == "tool" for suite in suites):
        yield bring_up
        return
    with hold(instance.state / "test.lock", say=render.say):
        try:
            yield bring_up
        finally:
            stop(platform, None)
            boxes.clear(instance)
            shutil.rmtree(instance.data, ignore_errors=True)
            for left in ("run", "compose", "placed", "private", "env"):
                shutil.rmtree(instance.state / left, ignore_errors=True)


@dataclass
class _BringUp:
    platform: Platform
    yes: bool
    asked: Asked
    ready: bool = False

    def __call__(self, suite: Suite) -> None:
        """Start what the suite needs."""
        from cli.start import refuse_open
        from converge import cycle
        from runtime.start import start

        if suite.group == "tool":
            return
        if not self.ready:
            report = cycle.prepare(
                self.platform.loaded, self.platform.instance, progress.listen, self.yes, purpose="test"
            )
            refuse_open(report)
            self.ready = True
        if suite.needs == ():
            return
        names = None if suite.needs is None else list(suite.needs)
        with Board(names or []) as board:
            failed = start(self.platform, names, board.event, self.asked)
        for problem in failed.values():
            raise problem


def _run(suite: Suite) -> tuple[int, float]:
    """Run a suite in a process group of its own, which ends with it or with Ctrl-C."""
    render.say(f"── {suite.name}", "bold")
    began = time.monotonic()
    process = subprocess.Popen(
        suite.argv, cwd=suite.cwd, env=dict(suite.env()), stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        code = process.wait()
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return code, time.monotonic() - began
