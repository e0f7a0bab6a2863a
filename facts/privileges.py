"""What this user may do: root, groups, sudo without a password."""

from __future__ import annotations

from facts.probe import Probe
from facts.value import dataclass


@dataclass(frozen=True)
class Privileges:
    """Numeric user id, group names, and whether sudo asks for nothing."""

    uid: int
    groups: tuple[str, ...]
    sudo: bool

    @property
    def root(self) -> bool:
        """Whether it is root."""
        return self.uid == 0


def probe() -> Probe:
    """`privileges`; sudo is asked with -n, so it never prompts."""
    return Probe("privileges", "id -u; id -Gn; sudo -n true && echo sudo", _parse, slow=True)


def _parse(text: str) -> Privileges:
    lines = text.splitlines()
    return Privileges(int(lines[0]), tuple(lines[1].split()), "sudo" in lines[2:])
