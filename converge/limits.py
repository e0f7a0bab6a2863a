"""What a number or a text of the desired state may be at most, so that no later step has to expect more."""

from __future__ import annotations

from collections.abc import Iterator

from converge import toml
from converge.desired import Loaded

WEEK = 604_800.0
"""Seconds; the longest time that anything waits for."""
COMPONENTS = 1000
"""Components; as many ports as they and their debuggers need are there in every instance."""
RETRIES = 1000
RANDOM_BYTES = 4096
PATH = 1024
"""Characters of a path relative to the checkout; the smallest PATH_MAX is 1024 (macOS), Linux has 4096."""
NAME = 200
"""Characters of the name of a variable or file; 255 bytes are the limit of file systems."""


def check(loaded: Loaded) -> None:
    """Refuse what is out of range, at its line."""
    if (count := len(loaded.desired.infra) + len(loaded.desired.services)) > COMPONENTS:
        last = [*loaded.desired.infra, *loaded.desired.services][-1]
        at = loaded.source(f"services.{last}") or loaded.source(f"infra.{last}")
        raise toml.refuse("value-wrong", f"there are {count:,} components", at, f"the limit is {COMPONENTS:,}")
    for key, value, least, most in _numbers(loaded):
        if value is not None and not least <= value <= most:
            because = f"it must be from {least:g} to {most:g}"
            raise toml.refuse("value-wrong", f"{key} has a wrong value", loaded.source(key), because)
    for key, text, longest in _texts(loaded):
        if len(text) > longest:
            because = f"it has {len(text):,} characters, and the limit is {longest:,}"
            raise toml.refuse("value-wrong", f"{key[:NAME]} has a wrong value", loaded.source(key), because)


def _numbers(loaded: Loaded) -> Iterator[tuple[str, float | None, float, float]]:
    """Key, value, smallest and largest value."""
    for name, variable in loaded.desired.env.items():
        if variable.generate:  # fewer than can be guessed are refused elsewhere
            yield f"env.{name}.bytes", variable.bytes, float("-inf"), RANDOM_BYTES
    for section, group in (("infra", loaded.desired.infra), ("services", loaded.desired.services)):
        for name, component in group.items():
            key, timeout = f"{section}.{name}", component.ready.timeout if component.ready else None
            yield f"{key}.stop_grace", component.stop_grace, 0, WEEK
            yield f"{key}.ready.timeout", timeout, 0, WEEK
    for name, service in loaded.desired.services.items():
        key = f"services.{name}"
        yield f"{key}.ready_after", service.ready_after, 0, WEEK
        yield f"{key}.compile_timeout", service.compile_timeout, 0, WEEK
        yield f"{key}.retries", service.retries, 0, RETRIES


def _texts(loaded: Loaded) -> Iterator[tuple[str, str, int]]:
    """Key, text and its longest length."""
    desired = loaded.desired
    yield from ((f"env.{name}", name, NAME) for name in desired.env)
    yield from ((f"files.{path}", path, PATH) for path in desired.files)
    yield from ((f"services.{name}.path", service.path, PATH) for name, service in desired.services.items())
    yield from ((f"tests.{name}.path", suite.path, PATH) for name, suite in desired.tests.items())
    yield from ((f"tools.{name}", f"{name}{version}", NAME) for name, version in desired.tools.items())
