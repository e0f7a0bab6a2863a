"""The small platform, on the rig's engine or without any."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import Checkout
from tests.handoff.platform import Platform
from tests.real.conftest import rig as rig
from tests.real.rig import Rig


@pytest.fixture
def boxed(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> Iterator[Platform]:
    """Started with --docker."""
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    made = Platform(checkout, rig, free_port(), free_port())
    made.write()
    made.dev("start", "--docker")
    yield made
    made.end()
    checkout.dev("clean", "--force")
    assert made.container("echo-box") == made.container("dev-gateway") == ""
    assert checkout.processes() == []


@pytest.fixture
def bare(checkout: Checkout, free_port: Callable[[], int]) -> Iterator[Platform]:
    """Started natively, on a machine without Docker."""
    made = Platform(checkout, None, free_port(), free_port())
    made.write()
    made.dev("start")
    yield made
    made.end()
    made.dev("stop")
    assert checkout.processes() == []
