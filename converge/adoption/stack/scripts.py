"""The SQL that a Compose file gives the image of Postgres for new data."""

from __future__ import annotations

from collections.abc import Iterator

from converge.adoption import loose
from converge.adoption.stack.layers import Container
from converge.adoption.stack.places import Places

PLACE = "/docker-entrypoint-initdb.d"
"""Where that image looks. Source: its page on Docker Hub."""


def of(container: Container, places: Places) -> tuple[list[str], str, list[str]]:
    """Files of the checkout, in the order in which they are run; where they are said; and files that are not SQL."""
    found: list[str] = []
    source = ""
    for value, layer in container.all("volumes"):
        for at, entry in enumerate(loose.listed(value)):
            table = loose.table(entry)
            said, _, rest = loose.text(entry).partition(":")
            target = loose.text(table.get("target")) or rest
            path = places.inside(layer, loose.text(table.get("source")) or said)
            if target.startswith(PLACE) and path:
                found += _files(path, places)
                source = source or layer.source("volumes", at)
    return (
        [each for each in found if each.endswith(".sql")],
        source,
        [each for each in found if not each.endswith(".sql")],
    )


def _files(path: str, places: Places) -> Iterator[str]:
    if path in places.files:
        yield path
    elif path in places.folders:
        yield from sorted(each for each in places.files if each.rpartition("/")[0] == path)
