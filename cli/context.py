"""What every command starts from: which checkout, which instance, how much output."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from pathlib import Path

from cli import hiding, where
from converge import declared_ports
from converge.desired import Loaded
from converge.errors import DevError, Exit
from converge.instance import Instance, check_name
from converge.tool import TOOL
from facts.value import dataclass, replace
from runtime.platform import Platform

_WRAPPER = os.environ.pop("DEV_WRAPPER", "")  # a program that this process starts may be another repository's
OWN = Path(_WRAPPER).resolve() if os.path.isabs(_WRAPPER) else TOOL
"""The checkout of the launcher that started this process, which is the target if one stands in none.

Without a pin of a package the launcher is the tool's own one. For an installed `dev` it is no checkout.
"""


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
        """The target checkout, links resolved: that of -C, else the one in which one stands, else the launcher's."""
        found = self._named(self.directory) if self.directory else self._stands[0]
        hiding.of_checkout(found)
        return found

    @property
    def chosen(self) -> str:
        """A line that says which checkout it is, where that is not obvious; empty with -C."""
        return "" if self.directory else self._stands[1]

    @cached_property
    def _stands(self) -> tuple[Path, str]:
        return where.stands(OWN)

    def _named(self, directory: Path) -> Path:
        try:
            if not stat.S_ISDIR(os.stat(directory).st_mode):
                raise NotADirectoryError
            found = directory.resolve()
        except (FileNotFoundError, NotADirectoryError):
            raise DevError(
                "no-checkout", f"{directory} is not a directory", because="-C names the checkout to work on",
                exit=Exit.USAGE,
            ) from None  # fmt: skip
        except OSError as problem:
            raise DevError(
                "no-checkout", f"{directory} cannot be used", because=problem.strerror or str(problem),
                hint="name a checkout that you may enter, by its absolute path", exit=Exit.USAGE,
            ) from None  # fmt: skip
        where.leave_deleted(found)
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
        ports = [each.number for each in declared_ports.of(desired)]
        ports += self.loaded.composed.numbers if self.loaded.composed else []
        found = Instance(self.checkout, desired.project.name, name, max(ports, default=0))
        hiding.of_instance(found, self.loaded)
        return found

    @cached_property
    def platform(self) -> Platform:
        """What is wanted, and where."""
        return Platform(self.loaded, self.instance)
