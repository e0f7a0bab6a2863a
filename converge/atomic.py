"""Small files in which a platform keeps what is so: written whole or not at all, whenever a run is killed."""

from __future__ import annotations

import os
import threading
from pathlib import Path


def write(path: Path, text: str, durable: bool = False) -> None:
    """Replace the file; its directory is made if there is none. A `durable` one is on the disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with open(fresh, "w") as file:
        file.write(text)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    fresh.replace(path)
    if durable:
        sync(path.parent)


def sync(directory: Path) -> None:
    """Have what was renamed or removed in the directory on the disk."""
    held = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)
