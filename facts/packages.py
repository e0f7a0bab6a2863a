"""Which package manager the system has, and where a package's command is."""

from __future__ import annotations

import shlex

from facts.probe import Probe

MANAGERS = {"apt": "apt-get", "dnf": "dnf", "pacman": "pacman", "brew": "brew"}
"""Package manager -> the command that shows it is there, in the order they are looked for."""


def manager() -> Probe:
    """`packages.manager`: apt, dnf, pacman or brew; None where there is none we know."""
    sh = "\n".join(f"command -v {command} >/dev/null && echo {name}" for name, command in MANAGERS.items())
    return Probe("packages.manager", sh + "\ntrue", lambda text: next(iter(text.split()), None))


def probe(name: str, commands: tuple[str, ...]) -> Probe:
    """`packages.NAME`: path of the first of the commands that is there; None without any."""
    sh = 'PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; '  # daemons lie where a user's PATH may not reach
    sh += " || ".join(f"command -v {shlex.quote(command)}" for command in commands)
    return Probe(f"packages.{name}", sh + " || true", lambda text: text.strip() or None)
