"""Which ports the system gives to outgoing connections, and that doctor says it of a free one, without a failure."""

from __future__ import annotations

import pytest

from facts import port_range
from tests.conftest import Checkout


@pytest.mark.parametrize(
    ("about", "reserved", "port", "gives"),
    [
        ("32768\t60999\n", "\n", 50051, True), ("32768\t60999\n", "50051\n", 50051, False),
        ("32768\t60999\n", "8080,50000-50100\n", 50051, False), ("32768\t60999\n", "\n", 18080, False),
        ("1024\t65000\n", "9000-9001,18080", 18081, True), ("32768\t60999", "", 61000, False),
    ],
)  # fmt: skip
def test_a_port_of_the_range_is_given_unless_it_is_reserved(about: str, reserved: str, port: int, gives: bool) -> None:
    assert port_range.parse(about, reserved).gives(port) is gives


@pytest.mark.parametrize("about", ["", "a b", "1 2 3"])
def test_another_form_is_none(about: str) -> None:
    with pytest.raises(ValueError):
        port_range.parse(about, "")


def test_doctor_says_it_and_finds_no_drift(checkout: Checkout) -> None:
    given = port_range.look()
    port = next((each for each in range(given.last, given.first, -1) if given.gives(each)), 0)
    if not port:
        pytest.skip("this system has no such range")
    checkout.state(f"[services.grpc]\nkind = 'command'\ndev = 'sleep 60'\nport = {port}\n")
    checkout.dev("doctor", "--fix")
    ran = checkout.dev("doctor")
    assert ran.code == 0 and f"{port} free, but the system may give it away" in ran.out, ran.out
    second = checkout.dev("--instance", "two", "doctor")
    assert second.code in (0, 2) and "error" not in second.err, second.err
