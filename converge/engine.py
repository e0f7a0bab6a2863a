"""Our side of the engine: hands one approved operation to the pyinfra subprocess and reads what became of it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge.errors import DevError
from converge.machine import Machine

MAIN = Path(__file__).with_name("engine_main.py")
OPERATION_TIMEOUT = 900
"""Seconds one operation may take; a browser package over a slow line needs minutes."""


def run(machine: Machine, operation: str, args: Mapping[str, Any]) -> None:
    """Apply one operation. Raises DevError `system-change` with the last lines it said if it did not succeed."""
    sudo = os.geteuid() != 0 and not operation.startswith("brew.")
    request = {"operation": operation, "args": dict(args), "sudo": sudo, "timeout": OPERATION_TIMEOUT}
    ran = machine.run(
        [sys.executable, "-I", str(MAIN)], input=json.dumps(request), timeout=OPERATION_TIMEOUT + 60, same_session=True
    )
    try:
        answer = json.loads(ran.stdout.rstrip().rpartition("\n")[2])
    except ValueError:
        last = ran.stderr.strip().splitlines()[-1:]
        answer = {"ok": False, "said": f"the engine ended with {ran.returncode}: {' '.join(last)}"}
    if not answer["ok"]:
        raise DevError(
            "system-change",
            f"{operation} did not succeed",
            because=answer["said"] or "it gave no reason",
            hint="run the command by hand to see all its output, then ./dev doctor",
        )
