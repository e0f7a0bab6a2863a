"""Everything that an engine tells about the containers of a checkout, to anyone who may ask it."""

from __future__ import annotations

import subprocess

from tests.conftest import Checkout
from tests.real.rig import Rig


def told(rig: Rig, checkout: Checkout) -> dict[str, str]:
    """What was asked -> all that was said: containers, their images, volumes, networks, processes and logs."""
    mine = f"label=dev.checkout={checkout.path}"
    containers = rig.docker("ps", "-aq", "--filter", mine).stdout.split()
    assert containers, "there is something to inspect"
    images = {rig.docker("inspect", "-f", "{{.Image}}", each).stdout.strip() for each in containers}
    found = {f"inspect {each}": rig.docker("inspect", each).stdout for each in containers}
    found |= {f"top {each}": rig.docker("top", each, "-eo", "pid,args", check=False).stdout for each in containers}
    found |= {f"history {each}": rig.docker("history", "--no-trunc", each).stdout for each in images}
    found |= {f"inspect {each}": rig.docker("inspect", each).stdout for each in images}
    for noun in ("volume", "network"):
        for each in rig.docker(noun, "ls", "-q", "--filter", mine).stdout.split():
            found[f"{noun} {each}"] = rig.docker(noun, "inspect", each).stdout
    logs = {each: rig.docker("logs", each) for each in containers}
    found |= {f"logs {each}": ran.stdout + ran.stderr for each, ran in logs.items()}
    return found


def as_stranger(*argv: str) -> str:
    """What another user of this machine gets to read."""
    ran = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv], capture_output=True, text=True
    )
    return ran.stdout + ran.stderr
