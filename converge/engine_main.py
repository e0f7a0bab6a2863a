"""The engine: a process of its own that applies one pyinfra operation to this machine, JSON in and out."""

from gevent import monkey

monkey.patch_all()

import importlib
import json
import logging
import os
import sys
import tempfile
from typing import Any

import gevent
from pyinfra.api import Config, Inventory, State
from pyinfra.api.connect import connect_all, disconnect_all
from pyinfra.api.operation import add_op
from pyinfra.api.operations import run_ops
from pyinfra.context import ctx_host, ctx_state

APT = 'DPkg::Lock::Timeout "300";\nAcquire::Retries "2";\nAcquire::http::Timeout "60";\n'
"""Waits for another package manager to end, which pyinfra itself does not."""


def apply(request: dict[str, Any], config: str) -> dict[str, Any]:
    """Run the operation in a fresh State; `ok` means only that it says so."""
    module, _, name = request["operation"].partition(".")
    operation = getattr(importlib.import_module(f"pyinfra.operations.{module}"), name)
    state = State(Inventory((["@local"], {})), Config())
    try:
        connect_all(state)
        meta = add_op(
            state, operation, name=request["operation"], **request["args"],
            _sudo=request["sudo"], _timeout=request["timeout"],
            _env={"DEBIAN_FRONTEND": "noninteractive", "APT_CONFIG": config},
        )  # fmt: skip
        problem = ""
        try:
            run_ops(state)
        except Exception as failure:  # with a single host, its failure is raised
            problem = str(failure)
        (result,) = meta.values()
        ok = not problem and not state.failed_hosts and bool(result.did_succeed(_raise_if_not_complete=False))
        said = "" if ok else _last_lines(result) or problem
        return {"ok": ok, "said": said}
    finally:
        disconnect_all(state)
        ctx_state.reset()
        ctx_host.reset()


def _last_lines(result: Any) -> str:
    try:
        lines = [line for line in (*result.stdout_lines, *result.stderr_lines) if line.strip()]
    except Exception:  # it never got to a command
        return ""
    return " | ".join(lines[-6:])


def main() -> int:
    """One request from stdin, one answer as the last line of stdout."""
    logger = logging.getLogger("pyinfra")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    gevent.get_hub().exception_stream = None
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever is printed on the way is talk, not the answer
    request = json.load(sys.stdin)
    with tempfile.NamedTemporaryFile("w", prefix="dev-apt-", suffix=".conf") as config:
        config.write(APT)
        config.flush()
        os.chmod(config.name, 0o644)
        try:
            answer = apply(request, config.name)
        except Exception as failure:
            answer = {"ok": False, "said": f"{type(failure).__name__}: {failure}"}
    print(json.dumps(answer), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
