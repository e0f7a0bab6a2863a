"""Tools come whole, checked and once; a network that fails, lies or stalls harms nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import artefacts
from tests.conftest import Checkout, wait_until


@pytest.fixture
def offered(checkout: Checkout, tmp_path: Path) -> Path:
    """A directory with the wheel that the checkout pins, served as the only index there is."""
    directory = tmp_path / "index"
    directory.mkdir()
    made = artefacts.wheel(directory)
    checkout.state('[tools]\nhello = "1.0"\n')
    checkout.write("desired_state.lock", artefacts.lock(made))
    checkout.env = {
        "DEV_STORE": str(tmp_path / "store"), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(directory),
        "PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "0", "PIP_NO_CACHE_DIR": "1",
    }  # fmt: skip
    return made


def store(checkout: Checkout) -> list[str]:
    """What is in the store, locks aside."""
    place = Path(checkout.env["DEV_STORE"]) / "tools"
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()) if place.exists() else []


def test_a_tool_comes_once_and_is_reached_by_path(checkout: Checkout, offered: Path) -> None:
    assert checkout.dev("doctor").code == 2
    assert store(checkout) == []
    first = checkout.dev("doctor", "--fix", "--json")
    assert first.code == 0 and first.json["rounds"] == 1, first.err
    assert "hello/1.0/bin/hello" in store(checkout)
    offered.unlink()
    second = checkout.dev("doctor", "--fix", "--json")
    assert second.code == 0 and second.json["rounds"] == 0
    assert checkout.dev("doctor").code == 0


def test_a_damaged_tool_is_found_and_comes_again(checkout: Checkout, offered: Path) -> None:
    assert checkout.dev("doctor", "--fix").code == 0
    program = Path(checkout.env["DEV_STORE"]) / "tools/hello/1.0/bin/hello"
    whole = program.read_bytes()
    os.truncate(program, 3)
    said = checkout.dev("doctor", "--json")
    (item,) = [entry for entry in said.json["items"] if entry["id"] == "tools.hello"]
    assert said.code == 2 and item["status"] == "drift" and "bin/hello has 3 bytes" in item["because"]
    assert checkout.dev("doctor", "--fix").code == 0
    assert program.read_bytes() == whole and os.access(program, os.X_OK)


def test_whatever_is_in_the_place_of_a_tool_makes_room_for_it(checkout: Checkout, offered: Path) -> None:
    home = Path(checkout.env["DEV_STORE"]) / "tools/hello/1.0"
    makes: list[Callable[[Path], object]] = [os.mkfifo, Path.touch, lambda path: path.symlink_to(path.name)]
    home.parent.mkdir(parents=True)
    for make in makes:
        make(home)
        ran = checkout.dev("doctor", "--fix")
        assert ran.code == 0 and (home / "bin/hello").is_file(), ran.err
        shutil.rmtree(home)
    home.parent.rmdir()
    home.parent.symlink_to("hello")
    ran = checkout.dev("doctor", "--fix")
    assert ran.code == 3 and f"{home.parent} is a symbolic link that leads nowhere" in ran.out, ran.out


def test_two_that_install_at_once_share_one_store(checkout: Checkout, offered: Path, tmp_path: Path) -> None:
    other = Checkout(tmp_path / "other", checkout.home, checkout.env)
    shutil.copytree(checkout.path, other.path)
    both = [checkout.popen("doctor", "--fix"), other.popen("doctor", "--fix")]
    assert [process.wait(60) for process in both] == [0, 0]
    for process in both:
        process.communicate()
    assert [name for name in store(checkout) if ".download" in name] == []


def test_another_file_than_the_locked_one_is_not_installed(checkout: Checkout, offered: Path) -> None:
    checkout.write("desired_state.lock", artefacts.lock(offered, "0" * 64))
    ran = checkout.dev("doctor", "--fix")
    assert ran.code == 65 and "nothing was installed" in ran.out + ran.err
    assert store(checkout) == []


@pytest.mark.parametrize(
    ("text", "code"), [("schema = ", "lock-invalid"), ("a = 1", "lock-invalid"), ("\0", "lock-invalid")]
)
def test_a_lock_that_is_none_is_refused(checkout: Checkout, offered: Path, text: str, code: str) -> None:
    checkout.write("desired_state.lock", text)
    for argv in (("doctor",), ("doctor", "--fix")):
        ran = checkout.dev(*argv)
        assert ran.code == 65 and f"error[{code}]" in ran.err and "./dev lock" in ran.err


@pytest.mark.parametrize(
    ("tools", "code", "words"),
    [
        ("hello = '3.1.4'", 0, ""),  # on PATH, in exactly this version
        ("hello = '3'", 0, ""),
        ("hello = '1.0'", 65, "or put hello 1.0 on PATH"),
        ("", 0, ""),
    ],
)
def test_without_a_lock_file_a_start_uses_what_is_there(
    checkout: Checkout, offered: Path, tmp_path: Path, tools: str, code: int, words: str
) -> None:
    (checkout.path / "desired_state.lock").unlink()
    checkout.state(f"[tools]\n{tools}\n[services.w]\nkind = 'command'\ndev = 'sleep 100'\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own/hello").write_text("#!/bin/sh\necho hello 3.1.4\n")
    (tmp_path / "own/hello").chmod(0o755)
    ran = checkout.dev("start", env={"PATH": f"{tmp_path / 'own'}{os.pathsep}{os.environ['PATH']}"})
    assert ran.code == code and words in ran.err and ("error[lock-missing]" in ran.err) is bool(code), ran.err
    assert store(checkout) == []
    assert checkout.dev("stop").code == 0


def test_a_pin_the_lock_does_not_know_is_refused(checkout: Checkout, offered: Path) -> None:
    checkout.state('[tools]\nhello = "2.0"\n')
    ran = checkout.dev("doctor", "--fix")
    assert ran.code == 65 and "./dev lock" in ran.out
    assert store(checkout) == []


def test_without_network_a_cold_machine_is_told_and_a_warm_one_works(
    checkout: Checkout, offered: Path, free_port: Callable[[], int]
) -> None:
    away = {"PIP_FIND_LINKS": "/nowhere"}
    cold = checkout.dev("doctor", "--fix", env=away)
    assert cold.code == 3 and "hello 1.0 could not be downloaded" in cold.out and "hint:" in cold.out
    started = checkout.dev("start", env=away)
    assert started.code == 3 and "error[download-failed]" in started.err
    assert checkout.dev("doctor", "--fix").code == 0
    state = (checkout.path / "desired_state.toml").read_text()
    checkout.write("desired_state.toml", state + "[services.w]\nkind = 'command'\ndev = 'hello; sleep 100'\n")
    assert checkout.dev("start", env=away).code == 0
    wait_until(lambda: "hello 1.0" in checkout.dev("logs", "w").out)


def test_a_provider_that_cannot_be_reached_gives_way_to_the_next(checkout: Checkout, offered: Path) -> None:
    rows = [
        f'archives.{platform} = {{ url = "http://127.0.0.1:9/hello.tar.gz", sha256 = "{"0" * 64}" }}'
        for platform in ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64")
    ]
    checkout.write("desired_state.lock", artefacts.lock(offered) + "\n".join(rows) + "\n")
    ran = checkout.dev("doctor", "--fix")
    assert ran.code == 0 and "hello.tar.gz could not be downloaded" in ran.err
    assert "hello/1.0/bin/hello" in store(checkout)


def test_an_archive_of_the_vendor_is_unpacked_from_its_mirror(
    checkout: Checkout, offered: Path, tmp_path: Path
) -> None:
    archive = offered.parent / "hello-vendor.tar.gz"
    artefacts.python_archive(archive, "/bin/sh")
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    rows = ["schema = 1", "[tools.hello]", 'version = "1.0"']
    for platform in ("linux-x64", "linux-arm64", "macos-x64", "macos-arm64"):
        url = f"https://vendor.example/{archive.name}"
        rows.append(f'archives.{platform} = {{ url = "{url}", sha256 = "{digest}" }}')
    checkout.write("desired_state.lock", "\n".join(rows) + "\n")
    with artefacts.index(offered.parent) as mirror:
        ran = checkout.dev("doctor", "--fix", env={"DEV_HELLO_MIRROR": mirror})
    assert ran.code == 0, ran.out
    assert "hello/1.0/bin/python3" in store(checkout)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_ended_in_the_middle_of_a_download_and_run_again(
    checkout: Checkout, offered: Path, tmp_path: Path, number: signal.Signals
) -> None:
    artefacts.wheel(offered.parent, size=1 << 20)
    checkout.write("desired_state.lock", artefacts.lock(offered))
    stalled = threading.Event()
    with artefacts.index(offered.parent, stalled) as address:
        env = {"PIP_NO_INDEX": None, "PIP_FIND_LINKS": None, "PIP_INDEX_URL": f"{address}/simple"}
        process = checkout.popen("doctor", "--fix", env=env)
        assert stalled.wait(60) and _children(str(tmp_path))
        process.send_signal(number)
        process.communicate(timeout=20)
        assert process.returncode == (-9 if number == signal.SIGKILL else 128 + number)
        wait_until(lambda: not _children(str(tmp_path)))
    assert [name for name in store(checkout) if "hello/1.0" in name] == []
    healed = checkout.dev("doctor", "--fix")
    assert healed.code == 0, healed.out
    assert sorted(entry.name for entry in (Path(checkout.env["DEV_STORE"]) / "tools/hello").iterdir()) == ["1.0"]


def _children(path: str) -> list[int]:
    """pip downloads into the store below `path`."""
    found = subprocess.run(["pgrep", "-f", f"pip.*download.*{path}"], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_disk_that_fills_up_keeps_nothing_half(checkout: Checkout, offered: Path, small_disk: Path) -> None:
    artefacts.wheel(offered.parent, size=3 << 20)
    checkout.write("desired_state.lock", artefacts.lock(offered))
    checkout.env["DEV_STORE"] = str(small_disk)
    ran = checkout.dev("doctor", "--fix")
    assert ran.code == 3 and ("space" in ran.out or "full" in ran.out), ran.out
    assert store(checkout) == []
    subprocess.run(["mount", "-o", "remount,size=40m", str(small_disk)], check=True)
    assert checkout.dev("doctor", "--fix").code == 0


def test_behind_a_proxy_that_opens_tls(checkout: Checkout, offered: Path, tmp_path: Path) -> None:
    ca, certificate = artefacts.authority(tmp_path, "index.example")
    cleared = dict.fromkeys(
        ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_DIR",
         "SSL_CERT_FILE", "NO_PROXY", "no_proxy", "NODE_EXTRA_CA_CERTS")
    )  # fmt: skip
    with artefacts.intercepting_proxy(offered.parent, certificate) as (proxy, asked):
        env = {**cleared, "PIP_INDEX_URL": "https://index.example/simple", "HTTPS_PROXY": proxy, "https_proxy": proxy}
        refused = checkout.dev("doctor", "--fix", env=env)
        assert refused.code == 3 and "SSL_CERT_FILE" in refused.out, refused.out
        assert store(checkout) == []
        assert checkout.dev("doctor", "--fix", env={**env, "SSL_CERT_FILE": str(ca)}).code == 0
        assert set(asked) == {"index.example:443"}
