"""The look at ports: whose each taken one is, and None for a free one."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from facts import ports
from facts.local import LocalReader
from facts.probe import observe


def test_a_taken_port_says_to_which_component_it_belongs(free_port: Callable[[], int]) -> None:
    free, asked = free_port(), []

    def whose(port: int, pid: int) -> str:
        asked.append((port, pid))
        return "a"

    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        found = observe([ports.probe({free, taken}, whose)], LocalReader())["ports"]
        assert found[free] is None and (found[taken].pid, found[taken].belongs_to) == (os.getpid(), "a")
    assert asked == [(taken, os.getpid())]
