"""What every command starts from: which checkout, which instance, how much output."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path

from cli import hiding
from converge.desired import Loaded
from converge.errors import DevError, Exit
from converge.instance import Instance, check_name
from facts.value import dataclass, replace
from runtime.platform import Platform

TOOL = Path(__file__).resolve().parent.parent
"""The checkout this tool runs from; the default target too."""


@dataclass(frozen=True)
class Context:
    """The target of one command."""

    directory: Path | None = None
    instance_name: str = ""
    verbose: int = 0
    extra: tuple[str, ...] = ()
    """Words after `--`, for the program that a command runs."""
    trust: bool = False
    """Whether --trust was given."""
    trusted: bool = True
    """Whether what the checkout says may be run; `gate.py` decides it."""

    @cached_property
    def checkout(self) -> Path:
        """The target checkout, links resolved."""
        if self.directory is None:
            hiding.of_checkout(TOOL)
            return TOOL
        if not self.directory.is_dir():
            raise DevError(
                "no-checkout",
                f"{self.directory} is not a directory",
                because="-C names the checkout to work on",
                exit=Exit.USAGE,
            )
        found = self.directory.resolve()
        hiding.of_checkout(found)
        return found

    @cached_property
    def loaded(self) -> Loaded:
        """The checked desired state of the checkout."""
        from converge import schema  # saves 5 ms of --version

        loaded = schema.load(self.checkout, self.trusted)
        return loaded if self.trusted else replace(loaded, trusted=False)

    @cached_property
    def instance(self) -> Instance:
        """Where everything of this platform is."""
        desired = self.loaded.desired
        name = self.instance_name or os.environ.get("DEV_INSTANCE", "")
        if name:
            check_name(name)
        ports = [i.port for i in desired.infra.values()] + [s.port for s in desired.services.values() if s.port]
        ports += [s.debug_port for s in desired.services.values() if s.debug_port]
        found = Instance(self.checkout, desired.project.name, name, max(ports, default=0))
        hiding.of_instance(found, self.loaded)
        return found

    @cached_property
    def platform(self) -> Platform:
        """What is wanted, and where."""
        return Platform(self.loaded, self.instance)
