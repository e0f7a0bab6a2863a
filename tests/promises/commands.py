"""Commands, and what is promised after each: a small model of the platform that is compared with the real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.conftest import Ran
from tests.promises import oracle
from tests.promises.small import Small


@dataclass(frozen=True)
class World:
    """What is promised to be so; None is not promised."""

    running: frozenset[str] = frozenset()
    made: bool | None = False
    """Files, values and settings are as declared."""
    debugged: bool | None = False
    """The service `web` has its debugger."""


Change = Callable[[World, frozenset[str]], World]
"""From the world, and the names of all components, to the world after the command."""


@dataclass(frozen=True)
class Command:
    """One command. The exit codes are those that its documentation gives for that world."""

    argv: tuple[str, ...]
    becomes: Change = lambda world, _: world
    codes: Callable[[World, frozenset[str]], set[int]] = lambda world, _: {0}
    fresh: tuple[str, ...] = ()
    """Components whose processes are others afterwards, if they ran."""

    @property
    def looks(self) -> bool:
        """It changes nothing."""
        return self in LOOKS.values()


def _up(world: World, *names: str) -> World:
    return replace(world, running=world.running | set(names))


def _needed(every: frozenset[str], *names: str) -> tuple[str, ...]:
    """The names, with Redis, which `web` needs, if there is one."""
    return (*names, *(every & {"redis"}))


CHANGES = {
    "start": Command(("start",), lambda world, every: replace(world, running=every, made=True)),
    "start web": Command(
        ("start", "web"), lambda world, every: replace(_up(world, *_needed(every, "web")), made=world.made or None)
    ),
    "stop": Command(("stop",), lambda world, every: replace(world, running=frozenset(), debugged=False)),
    "stop web": Command(
        ("stop", "web"), lambda world, every: replace(world, running=world.running - {"web"}, debugged=False)
    ),
    "restart": Command(
        ("restart",),
        lambda world, every: replace(_up(world, *_needed(every, "web", "worker")), made=world.made or None,
                                     debugged=None if world.debugged else world.debugged),
        fresh=("web", "worker"),
    ),
    "restart worker": Command(
        ("restart", "worker"), lambda world, every: replace(_up(world, "worker"), made=world.made or None),
        fresh=("worker",),
    ),
    "doctor --fix": Command(("doctor", "--fix"), lambda world, every: replace(world, made=True)),
    "debug web": Command(
        ("debug", "web"),
        lambda world, every: replace(_up(world, *_needed(every, "web")), made=world.made or None, debugged=True),
    ),
    "debug --off web": Command(("debug", "--off", "web"), lambda world, every: replace(world, debugged=False)),
    "clean --force": Command(("clean", "--force"), lambda world, every: World()),
}  # fmt: skip
"""Commands that change something."""
LOOKS = {
    "status": Command(("status",), codes=lambda world, every: {0} if world.running == every else {2}),
    "doctor": Command(("doctor",), codes=lambda world, every: {None: {0, 2}, True: {0}, False: {2}}[world.made]),
    "logs": Command(("logs",)),
    "logs web": Command(("logs", "web", "--since", "1m")),
    "env web": Command(("env", "web"), codes=lambda world, every: {0} if world.made else {0, 2, 3, 4}),
    "facts": Command(("facts",)),
    "secrets list": Command(("secrets", "list")),
    "handoff --status": Command(("handoff", "--status")),
    "data list": Command(("data", "list")),
    "reference errors": Command(("reference", "errors")),
}
"""Commands that only look."""
ALL = {**CHANGES, **LOOKS}


def step(it: Small, world: World, name: str) -> tuple[World, list[str]]:
    """Give a command; what is promised now, and what of it is not so."""
    command, every = ALL[name], frozenset(it.components)
    files, before = it.place.tree() if command.looks else {}, it.pids()
    ran = it.place.dev(*command.argv)
    after = command.becomes(world, every)
    wrong = [f"it ended with {ran.code}: {ran.err}"] if ran.code not in command.codes(world, every) else []
    wrong += compare(it, after)
    if command.looks:
        wrong += unchanged(files, it.place.tree())
        wrong += ["a process was started or ended"] if it.pids() != before else []
    if name == "status":
        wrong += _status(ran, world)
    now = it.pids()
    wrong += [f"{each} is the same process" for each in command.fresh if each in world.running & set(now)
              and before[each] & now[each]]  # fmt: skip
    return after, wrong


def compare(it: Small, world: World) -> list[str]:
    """What is promised and not so."""
    wrong = it.down(*sorted(world.running)) if world.running else []
    living = it.pids()
    wrong += [f"{name} runs: {each}" for name in set(it.components) - world.running for each in living[name]]
    if not world.running:
        wrong += [f"left: {each}" for each in it.place.processes()]
    wrong += it.made() if world.made else []
    if world.debugged is not None and bool(oracle.listeners(it.debugger)) != world.debugged:
        wrong.append(f"a debugger {'does not listen' if world.debugged else 'listens'}")
    return wrong


NOTES = ("/.dev/.gitignore", "/.dev/cache", "/.dev/lock", "/bytecode", "/.cache/", "/.git/")
"""Parts of paths at which looking may note that it looked."""


def unchanged(before: dict[str, oracle.Entry], after: dict[str, oracle.Entry]) -> list[str]:
    """Files that looking changed, beside its own notes."""
    lines = oracle.differences(before, after)
    first = ("/.dev", "/.cache")  # made for those notes
    return [line for line in lines if not line.endswith(first) and not any(note in line for note in NOTES)]


def _status(ran: Ran, world: World) -> list[str]:
    """Components whose state `status` gives wrongly."""
    rows = [line.split() for line in ran.out.splitlines() if line and not line.startswith(" ")]
    said = {row[0] for row in rows if row[1] == "ready"}
    return [f"status calls {name} wrongly" for name in said ^ world.running]
