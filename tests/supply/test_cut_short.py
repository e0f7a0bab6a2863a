"""An archive whose download ends too early is one that could not be had, not one that somebody changed."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Checkout

PLATFORMS = ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64")


def archive() -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as content:
        about = tarfile.TarInfo("hello/bin/hello")
        about.size, about.mode = 22, 0o755
        content.addfile(about, io.BytesIO(b"#!/bin/sh\necho hello 1\n"[:22]))
    return body.getvalue()


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives every caller these bytes and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    caller, _ = server.accept()
                except OSError:
                    return
                with caller:
                    caller.recv(65536)
                    caller.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


HEAD, BODY = b"HTTP/1.1 200 OK\r\n", archive()


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:-9],
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY[:-9],
        b"not what a server says\r\n\r\n",
    ],
    ids=["length", "chunks", "nonsense"],
)
def test_a_download_cut_short_is_told_as_that(checkout: Checkout, tmp_path: Path, answer: bytes) -> None:
    digest = hashlib.sha256(BODY).hexdigest()
    checkout.state('[tools]\nhello = "1.0"\n')
    with answering(answer) as url:
        rows = [f'archives.{name} = {{ url = "{url}/hello.tar.gz", sha256 = "{digest}" }}' for name in PLATFORMS]
        checkout.write("desired_state.lock", "\n".join(["schema = 1", "[tools.hello]", 'version = "1.0"', *rows, ""]))
        env = {"DEV_STORE": str(tmp_path / "store"), "NO_PROXY": "127.0.0.1"}
        ran = checkout.dev("doctor", "--fix", env=env)
    said = ran.out + ran.err
    assert (
        ran.code != 0
        and "could not be downloaded" in said
        and "does not have the hash in desired_state.lock" not in said
    )
    assert not list((tmp_path / "store/tools").rglob("*.complete"))
