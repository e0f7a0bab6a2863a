"""The rig as a fixture: a Docker engine and a registry of the tests' own, or one loud reason why not."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.real import rig as rigs
from tests.real.place import lacks


@pytest.fixture(scope="session")
def rig() -> Iterator[rigs.Rig]:
    """The running rig with all stand-in images; it ends with the last test run that uses it."""
    if reason := lacks():
        pytest.skip(f"DOCKER IS NOT TESTED HERE: {reason}")
    with rigs.used(lambda text: print(text, file=sys.stderr)) as running:
        yield running
