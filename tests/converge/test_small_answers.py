"""Names of instances, hints of clients, and signals: small answers on which much rests."""

from __future__ import annotations

import signal
import subprocess

import pytest

from converge import ending, instance, network
from converge.errors import DevError, Exit
from facts.processes import read
from tests.conftest import wait_until


@pytest.mark.parametrize("name", ["a", "0", "two", "a-b", "a" * 32])
def test_a_name_of_an_instance_is_taken(name: str) -> None:
    instance.check_name(name)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a/b", "..", "a b", "a\n", "é", "a" * 33])
def test_a_name_that_is_no_part_of_a_path_is_refused(name: str) -> None:
    with pytest.raises(DevError) as caught:
        instance.check_name(name)
    assert (caught.value.code, caught.value.exit) == ("instance-name", Exit.USAGE)


@pytest.mark.parametrize(
    ("said", "hint"),
    [("[SSL: CERTIFICATE_VERIFY_FAILED]", network.CA_HINT), ("x509: certificate signed by", network.CA_HINT),
     ("Certificate expired", network.CA_HINT), ("connection refused", "other"), ("", "other")],
)  # fmt: skip
def test_a_hint_fits_what_was_said(said: str, hint: str) -> None:
    assert network.hint(said, "other") == hint


def test_loopback_never_goes_through_a_proxy_and_a_ca_is_for_all() -> None:
    given = {"SSL_CERT_FILE": "/ca", "PIP_CERT": "/own", "no_proxy": "corp"}
    found = network.environment(given)
    assert found["no_proxy"] == f"corp,{network.LOOPBACK}" and found["NO_PROXY"] == network.LOOPBACK
    assert [found[name] for name in network.FOLLOWERS] == ["/own", "/ca", "/ca", "/ca"]
    assert "PIP_CERT" not in network.environment({})


@pytest.mark.parametrize("exact", [True, False])
def test_a_signal_reaches_exactly_the_process_that_was_meant(monkeypatch: pytest.MonkeyPatch, exact: bool) -> None:
    """Also on a system without pidfd; a process that got the number later is left alone."""
    if not exact:
        monkeypatch.delattr("os.pidfd_open")
    child = subprocess.Popen(["sleep", "600"])
    try:
        wait_until(lambda: (seen := read(child.pid)) is not None and seen.state == "S")
        found = read(child.pid)
        assert found
        ending.send(found._replace(start=found.start - 1), signal.SIGKILL)
        assert child.poll() is None
        ending.send(found, signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL
        ending.send(found, signal.SIGKILL)  # it is gone: nothing happens
    finally:
        child.kill()
        child.wait()
