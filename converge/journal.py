"""What was about to be done and what was done: append-only JSON lines that survive a kill at any byte."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import own_files
from converge.redaction import patterns
from facts import regular

LARGEST = 256 * 1024
"""Bytes after which a journal without open intents is emptied."""


class Journal:
    """One checkout's journal; used by the holder of its lock only, `intent` and `done` from any of its threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = ""
        """Why the last record could not be written; empty if it was. A repair goes on without."""

    def intent(self, step_id: str, change: str) -> None:
        """Say, before the first write of a step, that it will be done."""
        self._append({"kind": "intent", "id": step_id, "change": patterns.certain(change)})

    def done(self, ended: Mapping[str, str]) -> None:
        """Say how steps ended: step id -> status."""
        self._append(*({"kind": "done", "id": step_id, "status": status} for step_id, status in ended.items()))

    def interrupted(self) -> dict[str, str]:
        """Intents without an end: step id -> change. It is unknown how far they came, so they must be checked again."""
        open_intents: dict[str, str] = {}
        for record in self.records():
            if record["kind"] == "intent":
                open_intents[record["id"]] = record["change"]
            elif record["kind"] == "done":
                open_intents.pop(record["id"], None)
        return open_intents

    def records(self) -> list[dict[str, Any]]:
        """Every whole line; a torn or altered one is passed over."""
        try:
            lines = regular.content(self.path).splitlines()
        except OSError:
            return []
        return [record for line in lines if (record := _parse(line)) is not None]

    def trim(self) -> None:
        """Empty the journal when it is long and has no open intent."""
        try:
            if self.path.stat().st_size > LARGEST and not self.interrupted():
                self.path.unlink()
        except OSError:
            pass  # it is trimmed another time

    def _append(self, *records: dict[str, Any]) -> None:
        if not records:
            return
        about = {"at": round(time.time(), 3), "pid": os.getpid()}
        bodies = [json.dumps({**record, **about}, ensure_ascii=True).encode() for record in records]
        try:
            self._write(b"".join(b"%08x %s\n" % (zlib.crc32(body), body) for body in bodies))
            self.lost = ""
        except OSError as problem:
            self.lost = own_files.refused("", problem, self.path).because

    def _write(self, line: bytes) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = own_files.opened(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # an earlier run was cut off in the middle of its line
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _parse(line: bytes) -> dict[str, Any] | None:
    checksum, _, body = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        record = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict):
        return None
    texts = ("kind", "id", "change") if record.get("kind") == "intent" else ("kind", "id")
    return record if all(isinstance(record.get(key), str) for key in texts) else None
