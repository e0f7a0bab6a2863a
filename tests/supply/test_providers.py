"""Tools that the tool does not know: their entry names the provider, and the lock has what was hashed and by which."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from converge import schema
from converge.desired import Tool
from converge.errors import DevError
from converge.instance import store
from converge.pins import providers
from converge.providers import archive, checksums, published, wheel
from tests import artefacts
from tests.conftest import Checkout

HEAD = 'schema = 1\n[project]\nname = "x"\n[tools]\n'
SUM = "0123456789abcdef" * 4
PROGRAM = b"#!/bin/sh\necho hello 1.2.3\n"


@contextlib.contextmanager
def served(files: Mapping[str, bytes | int]) -> Iterator[str]:
    """The address of a server with these files; `HERE` in a text is that address, and a number is a status."""

    class Here(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = files.get(self.path, 404)
            body = b"" if isinstance(found, int) else found
            self.send_response(found if isinstance(found, int) else 200)
            self.end_headers()
            self.wfile.write(body.replace(b"HERE", f"http://127.0.0.1:{server.server_port}".encode()))

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Here) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def tar(files: Mapping[str, bytes], mode: int = 0o755) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as out:
        for name, content in files.items():
            about = tarfile.TarInfo(name)
            about.size, about.mode = len(content), mode
            out.addfile(about, io.BytesIO(content))
    return made.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    return made.getvalue()


def sha(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{SUM}  a.tgz\n{'f' * 64}  a.tgz.sig\n", SUM),
        (f"{SUM.upper()} *./a.tgz\r\n", SUM),
        (f"SHA256 (a.tgz) = {SUM}\n", SUM),
        (f"a.tgz: {SUM}\n", SUM),
        (f"{SUM}\n", SUM),
        (f"{SUM}  b.tgz\n", None),
        (f"{SUM}\n{'f' * 64}\n", None),
        (f"{SUM}  a.tgz\n{'f' * 64}  a.tgz\n", None),
        (f"{SUM[:-1]}  a.tgz\n", None),
        (f"{SUM}  aXtgz\n", None),
    ],
)
def test_a_sum_is_that_of_the_file_with_this_name_alone(text: str, found: str | None) -> None:
    assert checksums.find(text, "a.tgz") == found


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("hello-1.2.3.tar.gz", tar({"hello-1.2.3/bin/hello": PROGRAM, "hello-1.2.3/README": b"x"})),
        ("hello.tgz", tar({"hello": PROGRAM, "LICENSE": b"x"})),
        ("hello.tgz", tar({"bin/hello": PROGRAM})),
        ("hello.tgz", tar({"x/hello-linux-amd64": PROGRAM, "x/hello.1": b"man page"})),
        ("hello.zip", zipped({"hello": PROGRAM, "include/hello.proto": b"x"})),
        ("hello-linux-amd64", PROGRAM),
    ],
)
def test_the_program_of_an_archive_is_in_bin(tmp_path: Path, name: str, body: bytes) -> None:
    home, file = tmp_path / "home", tmp_path / "archive"
    home.mkdir()
    file.write_bytes(body)
    archive.unpacked(file, name, "hello", home)
    found = home / "bin" / "hello"
    assert found.read_bytes() == PROGRAM and os.access(found, os.X_OK)
    assert found.resolve().is_relative_to(home)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("hello.tgz", tar({"hello.md": b"# x"})),
        ("hello.tgz", tar({"hello-a": PROGRAM, "hello-b": PROGRAM})),
        ("hello.zip", b"PK"),
        ("hello", b"<!DOCTYPE html>"),
    ],
)
def test_what_has_no_program_is_refused(tmp_path: Path, name: str, body: bytes) -> None:
    home, file = tmp_path / "home", tmp_path / "archive"
    home.mkdir()
    file.write_bytes(body)
    with pytest.raises(DevError) as refused:
        archive.unpacked(file, name, "hello", home)
    assert refused.value.code == "bad-archive"


RELEASE = {
    "hello_1.2.3_linux_x86_64.tar.gz": "linux-x64", "hello_1.2.3_Linux_aarch64.tar.gz": "linux-arm64",
    "hello_1.2.3_darwin_all.zip": "macos", "hello_1.2.3_linux_x86_64.deb": "",
    "hello_1.2.3_linux_x86_64.tar.gz.sig": "",
    "hello_1.2.3_windows_x86_64.zip": "", "hello-extra_1.2.3_linux_x86_64.tar.gz.sbom": "",
}  # fmt: skip
"""Files of a release -> the platform for which each is taken."""


@pytest.mark.parametrize("by", ["the vendor", "GitHub"])
def test_the_files_of_a_release_are_found_by_platform(monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    assets = [
        {"name": n, "browser_download_url": f"HERE/f/{n}", "digest": f"sha256:{sha(n.encode())}"} for n in RELEASE
    ]
    files = {}
    if by == "the vendor":
        assets = [{**each, "digest": f"sha256:{SUM}"} for each in assets]
        assets.append({"name": "checksums.txt", "browser_download_url": "HERE/f/checksums.txt"})
        files["/f/checksums.txt"] = "".join(f"{sha(name.encode())}  {name}\n" for name in RELEASE).encode()
    files["/repos/team/hello/releases/tags/v1.2.3"] = json.dumps({"assets": assets}).encode()
    with served(files) as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        found = published.by_release("hello", "1.2.3", Tool(github="team/hello"), lambda line: None)
    for name, platform in RELEASE.items():
        for taken in ("macos-x64", "macos-arm64") if platform == "macos" else (platform,) if platform else ():
            digest = sha(name.encode())
            assert found[taken] == {"url": f"{address}/f/{name}", "sha256": digest, "hashed": by}


def test_a_release_without_any_checksum_is_not_locked(monkeypatch: pytest.MonkeyPatch) -> None:
    assets = [{"name": name, "browser_download_url": f"HERE/f/{name}"} for name in RELEASE]
    said: list[str] = []
    with served({"/repos/team/hello/releases/tags/1.2.3": json.dumps({"assets": assets}).encode()}) as address:
        monkeypatch.setenv("GITHUB_API_URL", address)
        with pytest.raises(DevError, match="was not found"):
            published.by_release("hello", "1.2.3", Tool(github="team/hello"), said.append)
    assert len(said) == 4 and all("no checksum" in line for line in said)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ('go = "--exec=x"', "bad-package"),
        ('npm = "https://x/y.tgz"', "bad-package"),
        ('npm = "-g"', "bad-package"),
        ('pypi = "a b"', "bad-package"),
        ('github = "team/../x/y"', "bad-package"),
        ('url = "file:///etc/passwd"', "bad-package"),
        ('npm = "a", pypi = "a"', "value-wrong"),
        ('npm = "a", checksums = "https://x/y"', "value-wrong"),
        ('url = "https://x/y", checksums = "sums.txt"', "value-wrong"),
        ('url = "https://x/y", os = { windows = "win" }', "value-wrong"),
    ],
)
def test_a_provider_that_could_be_something_else_is_refused(entry: str, code: str) -> None:
    with pytest.raises(DevError) as refused:
        schema.parse(f'{HEAD}hello = {{ version = "1.0", {entry} }}\n'.encode())
    assert (refused.value.code, refused.value.source) == (code, "desired_state.toml:5")


@pytest.mark.parametrize("table", [providers.KNOWN, providers.VENDORS])
def test_what_is_known_would_pass_as_an_entry(table: Mapping[str, Tool]) -> None:
    loaded = schema.parse(HEAD.encode())
    loaded.desired.tool_sources.update(table)
    providers.check(loaded)


def test_a_wheel_says_which_packages_its_program_needs(tmp_path: Path) -> None:
    file = tmp_path / "hello-1.0-py3-none-any.whl"
    for need, told in (("click>=8", ["click"]), ("pytest ; extra == 'test'", []), ("a-b[c] (<2) ; x > '1'", ["a-b"])):
        file.write_bytes(package("hello", f"Requires-Dist: {need}\n"))
        assert wheel.needs(file, "hello") == told
    with pytest.raises(DevError, match="no program other"):
        wheel.needs(file, "other")


def package(name: str, more: str = "") -> bytes:
    """A wheel of version 1.0 with one module, whose function `main` prints what the module of its need says."""
    info = f"{name}-1.0.dist-info"
    source = "def main():\n    import said\n    print(said.TEXT)\n" if more else "TEXT = 'it ran'\n"
    files = {
        f"{name}.py": source, f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{more}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n", f"{info}/RECORD": "",
    }  # fmt: skip
    return zipped({path: text.encode() for path, text in files.items()})


def test_a_python_package_is_locked_with_its_dependencies(checkout: Checkout, tmp_path: Path) -> None:
    uv = shutil.which("uv") or next(map(str, store().glob("tools/uv/*/bin/uv")), None)
    if not uv:
        pytest.skip("no uv on PATH or in the store")
    index = tmp_path / "index"
    index.mkdir()
    (index / "hello-1.0-py3-none-any.whl").write_bytes(package("hello", "Requires-Dist: said\n"))
    needed = index / "said-1.0-py3-none-any.whl"
    needed.write_bytes(package("said"))
    checkout.env = {
        "DEV_STORE": str(tmp_path / "store"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "UV_FIND_LINKS": str(index), "UV_NO_INDEX": "1",
        "UV_CACHE_DIR": str(tmp_path / "cache"), "PATH": f"{os.path.dirname(uv)}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    checkout.state('[tools]\nhello = { version = "1.0", pypi = "hello" }\n')
    ran = checkout.dev("lock")
    assert ran.code == 0, ran.err
    text = tomllib.loads((checkout.path / "desired_state.lock").read_text())["tools"]["hello"]["requirements"]
    assert "said==1.0" in text and f"sha256:{sha(needed.read_bytes())}" in text
    good = needed.read_bytes()
    needed.write_bytes(package("said", "Summary: another\n"))
    refused = checkout.dev("doctor", "--fix")
    assert refused.code == 65 and "said" in refused.out and "nothing was installed" in refused.out, refused.out
    needed.write_bytes(good)
    fixed = checkout.dev("doctor", "--fix")
    assert fixed.code == 0, fixed.out + fixed.err
    program = Path(checkout.env["DEV_STORE"]) / "tools/hello/1.0/bin/hello"
    assert subprocess.run([program], capture_output=True, text=True).stdout == "it ran\n"


def test_a_lock_is_written_although_a_tool_has_no_answer_and_its_tools_run(checkout: Checkout, tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.mkdir()
    artefacts.wheel(index, "wheeled", "1.2.3")
    body = tar({"hello-1.2.3/hello": PROGRAM})
    files = {f"/{system}-{arch}.tar.gz": body for system in ("linux", "darwin") for arch in ("amd64", "arm64")}
    files["/SUMS"] = "".join(f"{sha(body)}  {name[1:]}\n" for name in files).encode()
    checkout.env = {
        "DEV_STORE": str(tmp_path / "store"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(index), "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1",
    }  # fmt: skip
    with served(files) as address:
        url = f"{address}/{{os}}-{{arch}}.tar.gz"
        checkout.state(
            "[tools]\n"
            f'hello = {{ version = "1.2.3", url = "{url}", checksums = "{address}/SUMS" }}\n'
            f'plain = {{ version = "1.2.3", url = "{url}" }}\n'
            'wheeled = { version = "1.2.3", pypi = "wheeled" }\n'
            'gone = { version = "1.2.3", pypi = "gone" }\n'
        )
        ran = checkout.dev("lock")
        assert ran.code == 3 and "not resolved: gone" in ran.err + ran.out, ran.err
        lock = tomllib.loads((checkout.path / "desired_state.lock").read_text())["tools"]
        assert {name: entry["version"] for name, entry in lock.items()} == dict.fromkeys(
            ("hello", "plain", "wheeled"), "1.2.3"
        )
        by = {name: lock[name]["archives"]["linux-x64"] for name in ("hello", "plain")}
        assert {name: entry["hashed"] for name, entry in by.items()} == {"hello": "the vendor", "plain": "./dev lock"}
        assert by["plain"]["sha256"] == sha(body)
        checked = checkout.dev("lock", "--check")
        assert checked.code == 2 and (checked.out + checked.err).count("is pinned") == 1
        state = checkout.path / "desired_state.toml"
        kept = [line for line in state.read_text().splitlines() if not line.startswith(("gone", "plain"))]
        state.write_text("\n".join(kept) + "\n")
        fixed = checkout.dev("doctor", "--fix")
        assert fixed.code == 0, fixed.out + fixed.err
    homes = Path(checkout.env["DEV_STORE"]) / "tools"
    assert (homes / "hello/1.2.3/bin/hello").read_bytes() == PROGRAM
    assert (homes / "wheeled/1.2.3/bin/wheeled").exists()
    state.write_text(state.read_text().replace("SUMS", "OTHER"))
    assert "and not from url" in (told := checkout.dev("lock", "--check")).out + told.err


@pytest.mark.parametrize("status", [403, 500, None])
def test_a_tool_whose_vendor_gives_no_answer_keeps_its_entry(checkout: Checkout, status: int | None) -> None:
    with socket.socket() as closed, served({"/hello": status or 404}) as running:
        closed.bind(("127.0.0.1", 0))  # nothing listens there, and no other program gets the port
        url = f"{running if status else 'http://127.0.0.1:' + str(closed.getsockname()[1])}/hello"
        checkout.state(f'[tools]\nhello = {{ version = "1.2.3", url = "{url}" }}\nother = "1.0"\n')
        kept = f'[tools.hello]\nversion = "1.2.3"\nsource = "url {url}"\n'
        kept += f'archives.linux-x64 = {{ url = "{url}", sha256 = "{SUM}", hashed = "./dev lock" }}\n'
        checkout.write("desired_state.lock", f"schema = 1\n{kept}")
        ran = checkout.dev("lock")
    assert ran.code == 3 and "hello 1.2.3 could not be downloaded" in ran.err + ran.out, ran.err
    assert kept in (checkout.path / "desired_state.lock").read_text()


@pytest.mark.skipif(not shutil.which("npm"), reason="there is no npm")
def test_an_npm_package_is_locked_by_the_sum_of_its_registry(checkout: Checkout, tmp_path: Path) -> None:
    about = {"name": "hello", "version": "1.2.3", "bin": {"hello": "cli.sh"}}
    body = tar({"package/package.json": json.dumps(about).encode(), "package/cli.sh": PROGRAM}, 0o644)
    sum_of = {"shasum": hashlib.sha1(body).hexdigest(), "tarball": "HERE/hello/-/hello-1.2.3.tgz"}
    entry = {"name": "hello", "dist-tags": {"latest": "1.2.3"}, "versions": {"1.2.3": {**about, "dist": sum_of}}}
    files = {"/hello": json.dumps(entry).encode(), "/hello/-/hello-1.2.3.tgz": body}
    with served(files) as address:
        checkout.env = {
            "DEV_STORE": str(tmp_path / "store"), "npm_config_registry": address,
            "npm_config_cache": str(tmp_path / "cache"),
        }  # fmt: skip
        checkout.state('[tools]\nhello = { version = "1.2", npm = "hello" }\n')
        ran = checkout.dev("lock")
        assert ran.code == 0, ran.err
        lock = checkout.path / "desired_state.lock"
        assert tomllib.loads(lock.read_text())["tools"]["hello"]["version"] == "1.2.3"
        good = lock.read_text()
        lock.write_text(good.replace("sha512-", "sha512-x"))
        refused = checkout.dev("doctor", "--fix")
        assert refused.code == 65 and "nothing was installed" in refused.out + refused.err, refused.out
        lock.write_text(good)
        fixed = checkout.dev("doctor", "--fix")
        assert fixed.code == 0, fixed.out + fixed.err
    program = Path(checkout.env["DEV_STORE"]) / "tools/hello/1.2/bin/hello"
    assert program.read_bytes() == PROGRAM and os.access(program, os.X_OK)


@pytest.mark.skipif(not shutil.which("go"), reason="there is no Go")
@pytest.mark.parametrize("at", ["example.test/hello", "example.test/hello/cmd/hello", "example.test/hello/v2/hello"])
def test_a_go_package_is_locked_by_the_module_that_has_it(checkout: Checkout, tmp_path: Path, at: str) -> None:
    module, version = ("example.test/hello/v2", "2.1.0") if "/v2" in at else ("example.test/hello", "1.2.3")
    rest = at.removeprefix(module).strip("/")
    place = tmp_path / "proxy" / module / "@v"
    place.mkdir(parents=True)
    about = f"module {module}\n\ngo 1.20\n".encode()
    (place / f"v{version}.info").write_text(json.dumps({"Version": f"v{version}", "Time": "2026-01-01T00:00:00Z"}))
    (place / f"v{version}.mod").write_bytes(about)
    main = "/".join(filter(None, (rest, "main.go")))
    files = {"go.mod": about, main: b"package main\n\nfunc main() {}\n"}
    (place / f"v{version}.zip").write_bytes(zipped({f"{module}@v{version}/{name}": files[name] for name in files}))
    checkout.env = {"DEV_STORE": str(tmp_path / "store"), "GOPROXY": (tmp_path / "proxy").as_uri(), "GOSUMDB": "off"}
    checkout.state(f'[tools]\nhello = {{ version = "{version}", go = "{at}" }}\n')
    ran = checkout.dev("lock")
    assert ran.code == 0, ran.err
    entry = tomllib.loads((checkout.path / "desired_state.lock").read_text())["tools"]["hello"]
    assert entry.pop("h1").startswith("h1:")
    assert entry == {"version": version, "module": module, "source": f"go {at}", "hashed": "Go"} | (
        {"main": f"./{rest}"} if rest else {}
    )
