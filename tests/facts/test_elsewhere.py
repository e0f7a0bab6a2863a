"""Where processes listen, whatever the family of the address; and whether who calls 127.0.0.1 reaches it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from facts import containers, elsewhere, processes
from tests.conftest import wait_until


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "0.0.0.0", "::1", "::"])
def test_a_listener_is_found_by_its_address(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, 0))
        assert (address, server.getsockname()[1]) not in elsewhere.listening([os.getpid()])
        server.listen()
        assert (address, server.getsockname()[1]) in elsewhere.listening([os.getpid()])
        assert elsewhere.listening([1_000_000_000]) == []


@pytest.mark.parametrize(
    ("address", "reached"),
    [("127.0.0.1", True), ("0.0.0.0", True), ("::", True), ("::ffff:127.0.0.1", True), ("::1", False),
     ("10.0.0.1", False), ("::ffff:10.0.0.1", False), ("fe80::1", False)],
)  # fmt: skip
def test_what_a_caller_of_127_0_0_1_reaches(address: str, reached: bool) -> None:
    assert elsewhere.is_local(address) is reached


@pytest.mark.parametrize(
    ("name", "words", "found"),
    [("docker-proxy", ["-proto", "tcp", "-container-ip", "172.17.0.2", "-container-port", "80"], "172.17.0.2"),
     ("docker-proxy", ["-proto", "tcp"], ""), ("nginx", ["-container-ip", "172.17.0.2"], "")],
)  # fmt: skip
def test_a_proxy_of_docker_names_its_container(name: str, words: list[str], found: str) -> None:
    waits = "import sys; print(flush=True); sys.stdin.read()"
    argv = [f"/usr/bin/{name}", "-c", waits, *words]
    proxy = subprocess.Popen(argv, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert proxy.stdout and proxy.stdout.readline()
        assert containers.proxied(proxy.pid) == found
    finally:
        proxy.communicate()
    assert containers.proxied(proxy.pid) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a namespace of process numbers")
def test_a_process_of_another_namespace_is_elsewhere() -> None:
    inner = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        live = processes.Live()
        found = []

        def child() -> bool:
            found[:] = [each for each in processes.table().all() if each.parent == inner.pid]
            return bool(found) and live.elsewhere(found[0])

        wait_until(child)
        ours = processes.read(os.getpid())
        assert ours and not live.elsewhere(ours)
    finally:
        inner.communicate()
