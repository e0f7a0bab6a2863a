"""One file by HTTP, with limits for its size, its time and where a server may send us for it."""

from __future__ import annotations

import errno
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

LARGEST = 1 << 30
"""Bytes of a file."""
LONGEST = 1800.0
"""Seconds of a download."""
SILENCE = 60.0
"""Seconds without one byte."""
PACE, SLOWEST = 60.0, 60_000
"""In so many seconds at least so many bytes come."""
BLOCK = 1 << 16
BOUNDED = ("/bin/sh", "-c", 'ulimit -f "$1"; ulimit -v 4194304 2>/dev/null; shift; exec "$@"', "sh")
"""Before the number of blocks of 512 bytes that a file may have, and a command; macOS has no limit of memory."""


def fetch(url: str, target: Path) -> None:
    """Write what is there into the file. OSError or ValueError that says why it cannot be had; a full disk as it is."""
    opener = urllib.request.build_opener(_Redirects, _NoFiles)
    try:
        with opener.open(url, timeout=SILENCE) as answer, target.open("wb") as sink:
            _copy(answer, sink)
    except http.client.HTTPException as problem:
        raise ConnectionError(str(problem) or type(problem).__name__) from None


def is_of_disk(problem: BaseException) -> bool:
    """Whether it is the disk, and not the download, that failed."""
    return isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT)


def _copy(answer: Any, sink: IO[bytes]) -> None:
    wanted = answer.headers.get("Content-Length", "")
    length = int(wanted) if wanted.isdigit() else None
    if length is not None and length > LARGEST:
        raise ConnectionError(f"it has {length:,} bytes, and at most {LARGEST:,} are taken")
    began = checked = time.monotonic()
    came = seen = 0
    while block := answer.read1(BLOCK):
        sink.write(block)
        came += len(block)
        now = time.monotonic()
        if came > LARGEST:
            raise ConnectionError(f"it has more than {LARGEST:,} bytes")
        if now - began > LONGEST:
            raise TimeoutError(f"it takes longer than {LONGEST:.0f} s")
        if now - checked > PACE:
            if came - seen < SLOWEST:
                raise TimeoutError(f"the download is too slow: {came - seen:,} bytes in {PACE:g} s")
            checked, seen = now, came
    if length is not None and came < length:
        raise ConnectionError(f"the download is incomplete: {came} of {length} bytes")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """A server may send us on to another one, but not to a file, and not from TLS to a connection without."""

    max_redirections = 5

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        scheme = newurl.partition(":")[0].lower()
        if scheme not in ("http", "https") or (req.type == "https" and scheme == "http"):
            raise ConnectionError(f"the server sends us to {scheme}:, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class _NoFiles(urllib.request.FileHandler):
    """Only what a server has."""

    def file_open(self, req: urllib.request.Request) -> Any:
        raise urllib.error.URLError("file: addresses are not followed")
