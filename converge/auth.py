"""Which source of identities the services of a checkout get, from what is declared and what this machine keeps."""

from __future__ import annotations

import os

from converge import envfile
from converge.desired import Desired, Loaded
from converge.instance import Instance
from facts.auth import CLERK, NAMES, Identity, judge


def declared(desired: Desired) -> bool:
    """Whether this checkout has anything to do with identities."""
    return desired.auth is not None or any(name in desired.env for name in CLERK)


def look(loaded: Loaded, instance: Instance) -> Identity | None:
    """The mode of services that are started now; None where nothing is declared."""
    if not declared(loaded.desired):
        return None
    stored = envfile.values(instance)
    values = {name: stored.get(name, os.environ.get(name, "")) for name in open_names(loaded.desired)}
    found = judge(values | fixed(loaded.desired), loaded.desired.auth is not None)
    return found if concerns(loaded.desired, found) else None


def concerns(desired: Desired, identity: Identity) -> bool:
    """Whether the mode says anything: without [auth], services need not refuse to run where no key is set."""
    return desired.auth is not None or identity.mode == "clerk" or bool(identity.wrong)


def open_names(desired: Desired) -> tuple[str, ...]:
    """Variables whose value only this machine knows."""
    return tuple(name for name, variable in desired.env.items() if variable.value is None)


def fixed(desired: Desired) -> dict[str, str]:
    """Values from the desired state: those of [env], and the one setting that services have one by one."""
    found = {name: variable.value for name, variable in desired.env.items() if variable.value is not None}
    own = [service.env[NAMES[-1]] for service in desired.services.values() if NAMES[-1] in service.env]
    if own and NAMES[-1] not in desired.env:
        found[NAMES[-1]] = own[0]
    return found
