"""Where a debugger listens: fixed by the ports that are declared, and in nobody's way."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converge.desired import Loaded
from converge.errors import DevError
from converge.instance import EPHEMERAL_START, STEP, Instance
from converge.schema import load, parse
from runtime.platform import Platform
from runtime.services import debugging
from tests.conftest import HEAD, TOOL


def state(ports: list[int], more: str = "") -> Loaded:
    rows = [f'[services.s{at}]\nkind = "go"\nport = {port}\n' for at, port in enumerate(ports)]
    return parse((HEAD + "".join(rows) + more).encode())


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1024, EPHEMERAL_START - 1), unique=True, min_size=1, max_size=12))
def test_every_service_gets_one_of_its_own(ports: list[int]) -> None:
    services = state(ports).desired.services.values()
    debuggers = [s.debug_port for s in services if s.debug_port]
    assert len(debuggers) == len(ports) and len({*debuggers, *ports}) == 2 * len(ports)
    assert all(1024 <= port < EPHEMERAL_START for port in debuggers)


def test_neighbours_get_neighbours() -> None:
    services = state([18080, 18081, 18084]).desired.services.values()
    assert [s.debug_port for s in services] == [18090, 18091, 18094]


def test_it_says_so_in_every_instance() -> None:
    """No port of one instance of our platform can be another one's debugger."""
    loaded = load(TOOL)
    declared = [i.port for i in loaded.desired.infra.values()]
    declared += [s.port for s in loaded.desired.services.values() if s.port]
    debuggers = [s.debug_port for s in loaded.desired.services.values() if s.debug_port]
    assert len({port % STEP for port in declared + debuggers}) == len(declared + debuggers)
    other = Instance(Path("/somewhere"), "shop", "two", max(declared + debuggers))
    platform = Platform(loaded, other)
    for service in platform.services.values():
        assert debugging.port(service) - other.port_shift in debuggers
        assert debugging.port(service) < EPHEMERAL_START
    assert {component.debug_port for component in platform.infra.values()} == {None}


def test_an_entry_of_its_own_wins_also_on_one_machine_alone() -> None:
    services = state([18080, 18081], "debug_port = 2345\n").desired.services
    assert services["s1"].debug_port == 2345 and services["s0"].debug_port == 18090
    text = f'{HEAD}[services.a]\nkind = "go"\nport = 18080\n'.encode()
    assert parse(text, b"[services.a]\ndebug_port = 3456\n").desired.services["a"].debug_port == 3456


@pytest.mark.parametrize(("port", "code"), [(18080, "port-duplicate"), (80, "port-range"), (70000, "port-range")])
def test_one_that_cannot_be_is_refused_by_its_line(port: int, code: str) -> None:
    with pytest.raises(DevError) as refused:
        state([18080, 18081], f"debug_port = {port}\n")
    assert refused.value.code == code and refused.value.source == "desired_state.toml:10"


def test_a_service_in_the_ephemeral_range_has_its_debugger_there_and_the_others_do_not() -> None:
    services = state([18080, 18081, 50051]).desired.services.values()
    assert len({(each.debug_port or 0) - (each.port or 0) for each in services}) == 1, "all at one distance"
    assert [(each.debug_port or 0) < EPHEMERAL_START for each in services] == [True, True, False]
    assert Instance(Path("/x"), "shop", "two", 50051).port(50051) < 65536
