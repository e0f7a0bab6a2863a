"""Ranges of Docker networks: values in, values out."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from facts import routes
from runtime.docker import subnet
from runtime.placements.choice import major

TABLE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
tun0\t0000C00A\t00000000\t0001\t0\t0\t0\t0000E0FF\t0\t0\t0
down\t000010AC\t00000000\t0000\t0\t0\t0\t0000F0FF\t0\t0\t0
"""
"""As Linux writes it on a little-endian machine: a LAN, a VPN that takes 10.192.0.0/11, and a route that is down."""


def test_routes_are_read_as_linux_writes_them() -> None:
    assert [(way.interface, str(way.network)) for way in routes.parse(TABLE)] == [
        ("eth0", "0.0.0.0/0"), ("eth0", "192.168.1.0/24"), ("tun0", "10.192.0.0/11"),
    ]  # fmt: skip


def test_a_range_is_the_same_each_time_and_another_for_each_instance() -> None:
    seeds = [f"{number:010x}" for number in (0, 1, 77, 0xFFFFFFFFFF)]
    chosen = [subnet.choose(seed, []) for seed in seeds]
    assert chosen == [subnet.choose(seed, []) for seed in seeds]
    assert len(set(chosen)) == len(seeds) and all(network and network.prefixlen == 24 for network in chosen)


def test_what_a_vpn_takes_is_left_alone() -> None:
    taken = [way.network for way in routes.parse(TABLE)]
    free = subnet.choose("0", taken)
    assert free and not any(free.overlaps(network) for network in taken if network.prefixlen)
    assert free.subnet_of(IPv4Network("172.24.0.0/13")), "the first pool was taken as a whole"


def test_without_any_free_range_there_is_none() -> None:
    every = [IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
    assert subnet.choose("5", every) is None


def test_a_vpn_that_takes_everything_leaves_the_choice() -> None:
    assert subnet.choose("5", [IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1")]) == subnet.choose("5", [])


def test_the_pools_of_the_engine_count_before_ours() -> None:
    assert subnet.choose("ff", [], ["fd00::/8", "10.9.8.0/26"]) == IPv4Network("10.9.8.0/26")


@pytest.mark.parametrize(
    ("image", "wanted"),
    [("postgres:18", "18"), ("postgres:18.1-alpine", "18"), ("pgvector/pgvector:pg17", "17"), ("postgres:latest", ""),
     ("postgres", ""), ("postgres:16@sha256:" + 64 * "0", "16"), (None, ""),
     ("registry.example:5000/postgres:15", "15"), ("registry.example:5000/postgres", "")],
)  # fmt: skip
def test_the_major_of_an_image_is_that_of_its_tag(image: str | None, wanted: str) -> None:
    assert major(image) == wanted
