"""A process that root started and that became another user is told from a stranger of the same user by its descent."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from converge.desired import Service
from converge.instance import Instance
from facts import peers, users
from runtime.component import Launch, ServiceComponent
from runtime.placements import native
from tests import stranger
from tests.conftest import wait_until

BEGIN = "import os, signal, socket, sys\nlistener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
BECOME = f"os.setgroups([]); os.setresgid(*3 * [{stranger.UID}]); os.setresuid(*3 * [{stranger.UID}])\n"
SERVE = "kept = []\nwhile True:\n    kept.append(listener.accept()[0])\n"
FORK = "if os.fork():\n    signal.pause()\n"
PROGRAMS = {
    "it becomes another user": BEGIN + BECOME + SERVE,
    "a worker of it": BEGIN + FORK + BECOME + SERVE,
    "a worker with a session of its own": BEGIN + FORK + "os.setsid()\n" + BECOME + SERVE,
    "an orphan of it": BEGIN + FORK + "if os.fork():\n    os._exit(0)\n" + BECOME + SERVE,
}


@stranger.needs_root
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_process_that_became_another_user_is_the_components(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int], program: str
) -> None:
    monkeypatch.setenv(users.SETTING, "yes")
    port = free_port()
    component = ServiceComponent("api", Service(kind="command", port=port), Instance(tmp_path, "story"))
    argv = (sys.executable, "-IS", "-c", PROGRAMS[program], str(port))
    native.spawn(component, Launch(argv, tmp_path, {"HOME": str(tmp_path)}), "")
    try:
        wait_until(lambda: peers.uid_of_listener("127.0.0.1", port) is not None)
        with stranger.connected("127.0.0.1", port) as connection:
            wait_until(lambda: peers.uid_of_peer(connection) == stranger.UID)
            component.verify(connection)
        with stranger.listening() as (other, theirs), stranger.connected("127.0.0.1", theirs) as connection:
            assert other.say("accept") == "accept"
            with pytest.raises(peers.Stranger):
                component.verify(connection)
    finally:
        native.stop(component)
