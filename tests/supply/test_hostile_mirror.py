"""A mirror that tries everything: nothing that is not in the lock gets into the store, and each trick ends soon."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import io
import stat
import tarfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge import fetch, schema, supply, unpack
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.instance import Instance
from converge.local_machine import LocalMachine

PLATFORMS = ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64")
PATIENCE = 45.0
"""Seconds that one trick may take, on a machine that does other things as well."""
SLOW = ("a byte at a time", "silence", "a page without end")


class Mirror(http.server.BaseHTTPRequestHandler):
    """Gives each answer as bytes, or does what the answer, a function, does; else it is an index of one wheel."""

    protocol_version = "HTTP/1.0"
    answer: Callable[[Mirror], None]

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            type(self).answer(self)

    def give(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def drip(self, block: bytes, pause: float, length: str = "") -> None:
        """Blocks with a pause after each, until the other side hangs up or the test is long over."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        if length:
            self.send_header("Content-Length", length)
        self.end_headers()
        end = time.monotonic() + 3 * PATIENCE
        while time.monotonic() < end:
            self.wfile.write(block)
            self.wfile.flush()
            self.server.gone.wait(pause)  # type: ignore[attr-defined]

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def mirror(answer: Callable[[Mirror], None]) -> Iterator[str]:
    handler = type("Here", (Mirror,), {"answer": answer})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads, server.gone = True, threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.gone.set()  # type: ignore[attr-defined]
            server.shutdown()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of its own, and limits that a test can reach."""
    for name, value in {"DEV_STORE": "store", "HOME": "home"}.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    for name in ("PIP_FIND_LINKS", "PIP_NO_INDEX", "DEV_HELLO_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    given = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1",
             "PIP_CONFIG_FILE": "/dev/null"}  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(fetch, "LARGEST", 2 << 20)
    monkeypatch.setattr(unpack, "LARGEST", 2 << 20)
    return tmp_path


@pytest.fixture
def impatient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less time, for what is slow on purpose; nothing else of the tests depends on how fast this machine is."""
    if request.getfixturevalue("trick") in SLOW:
        for name, limit in {"LONGEST": 2.0, "SILENCE": 0.5, "PACE": 0.3, "SLOWEST": 1000}.items():
            monkeypatch.setattr(fetch, name, limit)


def install(place: Path, pinned: dict[str, object]) -> None:
    loaded = schema.parse(b'schema = 1\n[project]\nname = "x"\n[tools]\nhello = "1.0"\n')
    lock = {"tools": {"hello": {"version": "1.0", "package": "hello", **pinned}}}
    with LocalMachine(ConvergeContext(loaded, Instance(place, "x"), lock)) as machine:
        supply.install("hello", "1.0", machine)


def refused(place: Path, pinned: dict[str, object]) -> DevError:
    """How the installation is refused: soon, and with nothing left."""
    began = time.monotonic()
    with pytest.raises(DevError) as caught:
        install(place, pinned)
    assert time.monotonic() - began < PATIENCE
    assert [path for path in (place / "store/tools").rglob("*") if path.name != "hello"] == []
    assert not (place / "proof").exists()
    assert caught.value.because or caught.value.hint
    return caught.value


def archive(url: str, body: bytes) -> dict[str, object]:
    row = {"url": f"{url}/hello.tar.gz", "sha256": hashlib.sha256(body).hexdigest()}
    return {"archives": dict.fromkeys(PLATFORMS, row)}


def member(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, leads: str = "", mode: int = 0o755) -> tuple[
    tarfile.TarInfo, bytes
]:  # fmt: skip
    about = tarfile.TarInfo(name)
    about.size, about.type, about.linkname, about.mode = len(content), kind, leads, mode
    return about, content


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w:gz") as made:
        for about, content in members:
            made.addfile(about, io.BytesIO(content))
    return body.getvalue()


GOOD = tar(member("hello/bin/hello", b"#!/bin/sh\necho hello 1.0\n"))
ANSWERS: dict[str, tuple[Callable[[Mirror], None], str]] = {
    "other bytes of the same length": (lambda it: it.give(bytes(len(GOOD))), "hash-mismatch"),
    "another file": (lambda it: it.give(tar(member("hello/bin/hello", b"evil"))), "hash-mismatch"),
    "a page": (lambda it: it.give(b"<html>sign in</html>"), "hash-mismatch"),
    "nothing": (lambda it: it.give(b""), "hash-mismatch"),
    "compressed once more": (lambda it: it.give(gzip.compress(GOOD), Content_Encoding="gzip"), "hash-mismatch"),
    "a part that nobody asked for": (
        lambda it: it.give(GOOD[9:], 206, Content_Range=f"bytes 9-{len(GOOD) - 1}/{len(GOOD)}"), "hash-mismatch"
    ),
    "a length that is too small": (lambda it: it.give(GOOD, Content_Length=str(len(GOOD) - 9)), "hash-mismatch"),
    "a length that is too large": (lambda it: it.give(GOOD, Content_Length=str(len(GOOD) + 9)), "download-failed"),
    "a huge length": (lambda it: it.give(GOOD, Content_Length=str(1 << 60)), "download-failed"),
    "no end": (lambda it: it.drip(bytes(1 << 16), 0), "download-failed"),
    "a byte at a time": (lambda it: it.drip(b"x", 0.05, "100000"), "download-failed"),
    "silence": (lambda it: it.drip(b"x", 2 * PATIENCE, "100000"), "download-failed"),
    "a way to a file": (lambda it: it.give(b"", 302, Location="file:///etc/passwd"), "download-failed"),
    "a way to nowhere": (lambda it: it.give(b"", 302, Location="http://127.0.0.1:9/x"), "download-failed"),
    "a way to ftp": (lambda it: it.give(b"", 302, Location="ftp://127.0.0.1/x"), "download-failed"),
    "a way in a circle": (lambda it: it.give(b"", 302, Location=it.path), "download-failed"),
    "an error": (lambda it: it.give(GOOD, 500), "download-failed"),
}  # fmt: skip
"""What the mirror answers for an archive -> how it is refused."""


@pytest.mark.parametrize("trick", ANSWERS)
@pytest.mark.usefixtures("impatient")
def test_an_answer_that_is_not_the_locked_file(trick: str, place: Path) -> None:
    answer, code = ANSWERS[trick]
    with mirror(answer) as url:
        assert refused(place, archive(url, GOOD)).code == code


def test_the_locked_file_itself_is_taken_also_from_another_host(place: Path) -> None:
    with mirror(lambda it: it.give(GOOD)) as other, mirror(lambda it: it.give(b"", 302, Location=f"{other}/x")) as url:
        install(place, archive(url, GOOD))
    assert (place / "store/tools/hello/1.0/bin/hello").read_bytes().startswith(b"#!")


@pytest.mark.parametrize("leads", ["http://mirror/x", "file:///etc/passwd", "ftp://mirror/x", "data:,x"])
def test_from_tls_nothing_leads_to_a_connection_without(leads: str) -> None:
    asked = urllib.request.Request("https://mirror/hello.tar.gz")
    with pytest.raises(ConnectionError):
        fetch._Redirects().redirect_request(asked, None, 302, "", {}, leads)


TARS: dict[str, bytes] = {
    "a name that goes up": tar(member("hello/../../../proof", b"x")),
    "an absolute name": tar(member("/{place}/proof", b"x")),
    "a link to an absolute name": tar(member("hello/l", kind=tarfile.SYMTYPE, leads="/etc")),
    "a link that goes up": tar(member("hello/l", kind=tarfile.SYMTYPE, leads="../../x")),
    "a link through a link": tar(
        member("hello/l", kind=tarfile.SYMTYPE, leads="."), member("hello/m", kind=tarfile.SYMTYPE, leads="l/../../x")
    ),
    "a file below a link": tar(
        member("hello/l", kind=tarfile.SYMTYPE, leads="bin"), member("hello/l/x", b"x")
    ),
    "a hard link to outside": tar(member("hello/l", kind=tarfile.LNKTYPE, leads="../../../etc/passwd")),
    "a hard link to a link": tar(
        member("hello/l", kind=tarfile.SYMTYPE, leads="x"), member("hello/m", kind=tarfile.LNKTYPE, leads="hello/l")
    ),
    "a device": tar(member("hello/d", kind=tarfile.CHRTYPE)),
    "a pipe": tar(member("hello/p", kind=tarfile.FIFOTYPE)),
    "a name twice": tar(member("hello/x", b"1"), member("hello/x", b"2")),
    "a file where a directory is": tar(member("hello/x/y", b"1"), member("hello/x", b"2")),
    "a bomb": tar(member("hello/x", bytes(3 << 20))),
    "two directories": tar(member("hello/x"), member("other/x")),
    "a file alone": tar(member("hello", b"x")),
    "nothing": tar(),
    "half of it": GOOD[:40],
    "no archive": b"PK\x03\x04 and so on",
}  # fmt: skip
"""Archives whose hash is in the lock."""


@pytest.mark.parametrize("trick", TARS)
def test_an_archive_that_wants_more_than_it_may(trick: str, place: Path) -> None:
    with mirror(lambda it: it.give(TARS[trick])) as url:
        assert refused(place, archive(url, TARS[trick])).code == "bad-archive"


def test_no_mode_of_an_archive_is_taken_but_whether_it_runs(place: Path) -> None:
    body = tar(member("hello/bin/hello", b"x", mode=0o6777), member("hello/bin/plain", b"x", mode=0o666))
    with mirror(lambda it: it.give(body)) as url:
        install(place, archive(url, body))
    home = place / "store/tools/hello/1.0"
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home, *home.rglob("*"))}
    assert found == {"1.0": 0o755, "bin": 0o755, "hello": 0o755, "plain": 0o644, ".programs": 0o644, ".complete": 0o644}


def wheel(*files: tuple[str, bytes, int]) -> bytes:
    body = io.BytesIO()
    base = "hello-1.0"
    about = [
        (f"{base}.dist-info/METADATA", b"Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n", 0o100644),
        (f"{base}.dist-info/WHEEL", b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n", 0o100644),
        (f"{base}.dist-info/RECORD", b"", 0o100644), (f"{base}.data/scripts/hello", b"#!/bin/sh\n", 0o100755),
    ]  # fmt: skip
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content, mode in [*about, *files]:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = mode << 16
            made.writestr(entry, content)
    return body.getvalue()


SCRIPTS = "hello-1.0.data/scripts"
WHEELS = {
    "a name that goes up": wheel((f"{SCRIPTS}/../../../../../proof", b"x", 0o100644)),
    "a link to outside": wheel((f"{SCRIPTS}/l", b"/etc", 0o120777)),
    "a link that goes up": wheel((f"{SCRIPTS}/l", b"../../../x", 0o120777)),
    "a pipe": wheel((f"{SCRIPTS}/p", b"", 0o010644)),
    "a bomb": wheel((f"{SCRIPTS}/x", bytes(3 << 20), 0o100644)),
    "no archive": b"<html>",
}


@pytest.mark.parametrize("trick", WHEELS)
def test_a_wheel_that_wants_more_than_it_may(trick: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "LARGEST", 2 << 20)
    file, target = tmp_path / "hello.whl", tmp_path / "a/b/target"
    file.write_bytes(WHEELS[trick])
    target.mkdir(parents=True)
    with pytest.raises(DevError) as caught:
        unpack.zipped(file, target, lambda name: supply._place("hello", name))
    assert caught.value.code == "bad-archive" and not list(tmp_path.rglob("proof"))


NAME = "hello-1.0-py3-none-any.whl"
GOOD_WHEEL = wheel()


def index(*links: str) -> bytes:
    return ("<!DOCTYPE html><html><body>" + "".join(f'<a href="{at}">{at.split("/")[-1]}</a>' for at in links)
            + "</body></html>").encode()  # fmt: skip


def offers(page: bytes, file: Callable[[Mirror], None], kind: str = "text/html") -> Callable[[Mirror], None]:
    def answer(it: Mirror) -> None:
        if it.path.startswith("/simple"):
            it.give(page, Content_Type=kind)
        else:
            file(it)

    return answer


PAGE = index(f"/files/{NAME}")
INDEXES: dict[str, tuple[Callable[[Mirror], None], str]] = {
    "a source archive alone": (offers(index("/files/hello-1.0.tar.gz"), lambda it: it.give(GOOD)), "download-failed"),
    "another wheel": (offers(PAGE, lambda it: it.give(wheel(("x.pth", b"import os", 0o100644)))), "hash-mismatch"),
    "a newer version alone": (
        offers(index("/files/hello-2.0-py3-none-any.whl"), lambda it: it.give(GOOD_WHEEL)), "download-failed"
    ),
    "JSON that is none": (offers(PAGE, lambda it: None, "application/vnd.pypi.simple.v1+json"), "download-failed"),
    "a page without end": (lambda it: it.drip(b"<a>" * 1000, 0.05), "download-failed"),
    "a wheel without end": (offers(PAGE, lambda it: it.drip(bytes(1 << 16), 0)), "download-failed"),
    "a byte at a time": (offers(PAGE, lambda it: it.drip(b"x", 0.1, "100000")), "download-failed"),
    "a way to a file": (
        offers(PAGE, lambda it: it.give(b"", 302, Location="file:///etc/passwd")), "download-failed|hash-mismatch"
    ),
}  # fmt: skip
"""What the mirror answers to pip -> how it is refused."""


def locked(body: bytes) -> dict[str, object]:
    row = {"file": NAME, "sha256": hashlib.sha256(body).hexdigest()}
    return {"wheels": dict.fromkeys(PLATFORMS, row)}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("trick", INDEXES)
def test_an_index_that_has_not_the_locked_wheel(
    trick: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    answer, codes = INDEXES[trick]
    with mirror(answer) as url:
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        assert refused(place, locked(GOOD_WHEEL)).code in codes.split("|")


def test_the_locked_wheel_is_taken_whatever_else_is_offered(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer version that is not in the lock, a path that goes up, and code in the wheel that nothing runs."""
    good = wheel(("hello.pth", f"import os; open({str(place / 'proof')!r}, 'w')".encode(), 0o100644))
    page = index("/files/hello-2.0-py3-none-any.whl", f"/files/../../{NAME}", "/files/hello-1.0.tar.gz")
    with mirror(offers(page, lambda it: it.give(good))) as url:
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
        install(place, locked(good))
    assert (place / "store/tools/hello/1.0/bin/hello").exists()
    assert not (place / "proof").exists()
