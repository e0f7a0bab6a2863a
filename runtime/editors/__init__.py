"""What an engineer's IDE needs to run a service: its environment, and entries in the IDE's own files."""

from __future__ import annotations

import os
from pathlib import Path

from converge import envfile
from converge.errors import DevError
from facts.value import dataclass
from runtime import services
from runtime.component import ServiceComponent
from runtime.editors import jetbrains, keeping, recipes, spelling, vscode
from runtime.editors.keeping import Keeper, Refused
from runtime.handoff import record
from runtime.platform import Platform


@dataclass(frozen=True)
class Written:
    """What was done for an IDE; paths are relative to the checkout."""

    files: tuple[str, ...] = ()
    """Files that were changed."""
    refused: tuple[Refused, ...] = ()
    ide: str = ""
    """How an IDE starts the service, as a phrase; empty without an entry."""
    env_file: str = ""
    command: str = ""
    """The command that starts the service in a terminal of the checkout; empty if unknown."""
    lost: tuple[str, ...] = ()
    """Variables whose values the debugger of the IDE cannot read."""


def hand_off(platform: Platform, component: ServiceComponent) -> Written:
    """Write the environment of a service that is being handed off, and the IDE's files for all services."""
    env, changed = environment(platform, component)
    done = sync(platform, component.name)
    own = str(component.instance.environment_file(component.name).relative_to(component.instance.checkout))
    return Written(
        (*((own,) if changed else ()), *done.files), done.refused, _ide(component), own, recipes.command(component),
        spelling.lost(env, services.kind(component).dialect),
    )  # fmt: skip


def environment(platform: Platform, component: ServiceComponent) -> tuple[dict[str, str], bool]:
    """Write the environment of a service that is handed off, 0600; its variables, and whether the file changed."""
    envfile.settle(component.instance)
    found = recipes.variables(platform, component)
    path = component.instance.environment_file(component.name)
    head = f"# Made by ./dev for {component.name} while it is handed off. It holds secrets: never commit it.\n"
    text = head + spelling.lines(found, services.kind(component).dialect)
    try:
        for directory in dict.fromkeys((component.instance.environments, path.parent)):
            directory.mkdir(mode=0o700, exist_ok=True)
        return found, keeping.replace(path, text.encode("utf-8", "surrogateescape"), 0o600)
    except OSError as problem:
        raise DevError(
            "not-writable", f"{path} could not be written", because=problem.strerror or str(problem),
            hint=f"check the permissions and the free space there, then ./dev handoff {component.name} again",
        ) from problem  # fmt: skip


def refresh(platform: Platform, component: ServiceComponent) -> None:
    """Update the environment of a service that is handed off, as a start does for a running one."""
    entry = record.record(component.instance, component.name)
    if entry and entry.state == "IDE_WAIT":
        environment(platform, component)


def sync(platform: Platform, about: str = "") -> Written:
    """Write entries for every declared service into the files of the IDEs that are used in this checkout.

    They are of the default instance alone: no file of a team should say what one machine runs beside it.
    """
    instance = platform.instance
    if instance.name:
        return Written()
    everyone = recipes.shown(platform)
    keeper = Keeper(instance.checkout)
    if uses_vscode(instance.checkout):
        for name, entries in vscode.entries(everyone).items():
            keeper.entries(Path(".vscode") / name, entries, about)
    if uses_jetbrains(instance.checkout):
        wanted = {jetbrains.file_name(each): jetbrains.text(each) for each in everyone.values()}
        keeper.own(Path(".run"), jetbrains.PATTERN, wanted)
    return Written(tuple(keeper.files), tuple(keeper.refused))


def uses_vscode(checkout: Path) -> bool:
    """Whether VS Code's files are written: its directory exists, it runs this terminal, or no other IDE is used."""
    return (checkout / ".vscode").is_dir() or os.environ.get("TERM_PROGRAM") == "vscode" or not uses_jetbrains(checkout)


def uses_jetbrains(checkout: Path) -> bool:
    """Whether one of JetBrains' IDEs was used here."""
    return (checkout / ".idea").is_dir() or (checkout / ".run").is_dir()


def _ide(component: ServiceComponent) -> str:
    if component.instance.name or not vscode.launches(component):
        return ""
    ways = {
        f"VS Code: F5 on `{vscode.OURS}{component.name}`": uses_vscode(component.instance.checkout),
        f"JetBrains: debug `{vscode.OURS}{component.name}`": bool(jetbrains.launched(component))
        and uses_jetbrains(component.instance.checkout),
    }
    return "; ".join(way for way, there in ways.items() if there)
