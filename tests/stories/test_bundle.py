"""`./dev bundle`: after a failure, everything a helper needs in one file, and nothing that is secret."""

from __future__ import annotations

import base64
import json
import os
import socketserver
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import HEAD, Checkout, wait_until

FIXED = "fixed+value/of a secret"
GIVEN = "given&by=a person"
PASSED = "from-the-callers-shell"
CONTAINER = "only-the-container-knows"
STATE = f"""
[env]
MADE = {{ generate = "token", prefix = "tok_", secret = true }}
FIXED = {{ value = "{FIXED}", secret = true }}
GIVEN_BY_HAND = {{ secret = true }}
PLAIN = "plain-is-shown"
[services.talker]
kind = "command"
dev = "sh talk.sh; sleep 60"
"""
TALK = """
echo "made: $MADE and $FIXED"
echo "{\\"given\\": \\"$GIVEN_BY_HAND\\", \\"plain\\": \\"$PLAIN\\"}"
echo "postgresql://shop:not-declared-anywhere@127.0.0.1/shop" >&2
echo "Authorization: Bearer not-declared-anywhere"
echo "said all"
"""


def packed(path: Path) -> dict[str, str]:
    """The files of an archive by their name below its one directory; none but its owner can read it."""
    assert path.stat().st_mode & 0o777 == 0o600
    found = {}
    with tarfile.open(path) as archive:
        for member in archive.getmembers():
            folder, _, name = member.name.partition("/")
            assert folder == path.name.partition(".")[0] and member.isfile() and ".." not in name
            file = archive.extractfile(member)
            assert file is not None
            found[name] = file.read().decode()
    return found


def secret(text: str, *values: str) -> list[str]:
    """The values that the text holds in some form."""
    forms = {value: (value, quote(value, safe=""), base64.b64encode(value.encode()).decode()) for value in values}
    return [value for value, each in forms.items() if any(form in text for form in each)]


@pytest.fixture
def talker(checkout: Checkout) -> Checkout:
    """A checkout whose one service says every secret it was given."""
    checkout.state(STATE)
    checkout.write("talk.sh", TALK)
    checkout.env |= {"DOCKER_HOST": "unix:///nowhere/docker.sock", "CI_JOB_TOKEN": PASSED, "CI_URL": "not-asked-for"}
    checkout.write(".dev/values", f"GIVEN_BY_HAND={GIVEN}\n", 0o600)
    return checkout


def test_it_holds_what_a_helper_needs_and_no_secret(talker: Checkout) -> None:
    assert talker.dev("start").code == 0
    wait_until(lambda: "said all" in talker.dev("logs").out)
    path = talker.path / "out" / "failed.tar.gz"
    ran = talker.dev("bundle", str(path))
    assert ran.code == 0 and str(path) in ran.out and "KiB" in ran.out, ran.err
    files = packed(path)
    assert {"about.json", "status.json", "doctor.json", "facts.json", "desired_state.toml", "contents.json"} <= set(
        files
    )
    assert "said all" in files["logs/talker.log"] and "plain-is-shown" in files["logs/talker.log"]
    assert files["desired_state.toml"].startswith(HEAD)
    assert json.loads(files["status.json"])["components"][0]["state"] == "ready"
    assert json.loads(files["doctor.json"])["items"] and json.loads(files["facts.json"])["facts"]
    assert json.loads(files["docker/found.json"])["state"] != "ready"
    about = json.loads(files["about.json"])
    assert about["python"] and about["platform"] and about["environment"]["CI_URL"] == "set"
    spec = json.loads(files["run/talker/spec.json"])
    assert spec["env"]["PLAIN"] == "plain-is-shown" and set(spec["env"]["MADE"]) == {"*"}

    made = dict(line.split("=", 1) for line in (talker.path / ".dev/values").read_text().splitlines() if "=" in line)
    everything = "\n".join(files) + "\n".join(files.values())
    assert made["MADE"].startswith("tok_")
    assert secret(everything, made["MADE"], FIXED, GIVEN, PASSED, "not-declared-anywhere") == []
    assert "not-asked-for" not in everything
    assert all(part["because"] == "" for part in json.loads(files["contents.json"])["parts"])


def test_a_program_reads_where_it_is(talker: Checkout) -> None:
    ran = talker.dev("bundle", "--json")
    assert ran.code == 0 and ran.json["schema"] == 1
    path = Path(ran.json["path"])
    assert path.parent == talker.path / ".dev" and path.stat().st_size == ran.json["bytes"]
    files = packed(path)
    assert {part["name"] for part in ran.json["parts"]} == set(files) - {"contents.json"}
    again = talker.dev("bundle", str(talker.path))
    assert again.code == 0 and list(talker.path.glob("bundle-*.tar.gz"))


@pytest.mark.parametrize(
    "broken", (b"", b"[project\n", HEAD.encode() + b'colour = "red"\n[env]\nMY_TOKEN = "abc-def"\n')
)
def test_a_broken_desired_state_is_a_reason_for_a_bundle_not_against_it(talker: Checkout, broken: bytes) -> None:
    (talker.path / "desired_state.toml").write_bytes(broken)
    talker.write(".dev/instances/default/logs/old.log", f"2026-01-01T00:00:00.000Z | GIVEN {GIVEN}, MY_TOKEN=abc-def\n")
    ran = talker.dev("bundle", "x.tar.gz")
    assert ran.code == 0 and ("state-" in ran.err or "key-unknown" in ran.err)
    files = packed(talker.path / "x.tar.gz")
    assert "error[" in files["status.json"] and "GIVEN" in files["logs/old.log"]
    assert secret("\n".join(files.values()), GIVEN, "abc-def") == []


def test_what_cannot_be_had_is_named_and_costs_nothing_else(talker: Checkout) -> None:
    logs = talker.path / ".dev/instances/default/logs"
    logs.mkdir(parents=True)
    (logs / "away.log").symlink_to("/etc/shadow")
    (logs / "binary.log").write_bytes(bytes(range(256)) * 20)
    (logs / "huge.log").write_bytes(b"not the end\n" * 400_000 + b"the end\n")
    os.mkfifo(logs / "pipe.log")
    (talker.path / ".dev/values").write_bytes(b"\xff\xfe=\n")
    ran = talker.dev("bundle", "x.tar.gz")
    assert ran.code == 0, ran.err
    files = packed(talker.path / "x.tar.gz")
    assert "logs/away.log" not in files and "logs/pipe.log" not in files and "logs/binary.log" in files
    assert files["logs/huge.log"].endswith("the end\n") and len(files["logs/huge.log"]) <= 2 * 1024 * 1024


def test_a_place_that_cannot_be_written_is_said(talker: Checkout) -> None:
    talker.write("file", "")
    ran = talker.dev("bundle", "file/x.tar.gz")
    assert ran.code == 3 and "error[not-writable]" in ran.err and ran.out == ""
    assert talker.dev("bundle", "a", "b").code == 64
    assert talker.dev("-C", str(talker.path / "none"), "bundle").code == 64


class Engine(socketserver.ThreadingUnixStreamServer):
    """An engine with one container of the instance, which has a secret in its environment, its command and its log."""

    def __init__(self, path: str, instance: str) -> None:
        self.instance, self.asked = instance, list[str]()
        super().__init__(path, Answers)


class Answers(BaseHTTPRequestHandler):
    server: Engine
    server_version, sys_version = "Docker/20.10.24 (linux)", ""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        path = self.path.partition("?")[0]
        line = f"2026-01-01T00:00:00.000000000Z POSTGRES_PASSWORD={CONTAINER}\n".encode()
        about = {
            "Config": {"Tty": False, "Env": [f"POSTGRES_PASSWORD={CONTAINER}", "PGPORT=15432"],
                       "Cmd": ["serve", "--token", CONTAINER], "Labels": {"dev.instance": self.server.instance}},
            "State": {"Health": {"Log": [{"Output": f"connecting to postgresql://u:{CONTAINER}@h"}]}},
        }  # fmt: skip
        answers: dict[str, bytes] = {
            "/_ping": b"OK",
            "/version": json.dumps({"Version": "20.10.24", "ApiVersion": "1.41"}).encode(),
            "/info": json.dumps({"HttpProxy": f"http://bo:{CONTAINER}@proxy:3128", "Driver": "overlay2"}).encode(),
            "/containers/json": json.dumps([{"Id": "abc", "Names": ["/story-postgres-1"]}]).encode(),
            "/containers/abc/json": json.dumps(about).encode(),
            "/containers/abc/logs": b"\1\0\0\0" + len(line).to_bytes(4, "big") + line + b"\2\0\0\0\0\0\0\3err",
        }
        body = answers.get(path, b'{"message": "no such thing"}')
        self.send_response(200 if path in answers else 404)
        self.send_header("Api-Version", "1.41")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def engine(talker: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = str(tmp_path_factory.mktemp("e") / "docker.sock")
    talker.env["DOCKER_HOST"] = f"unix://{path}"
    identity = talker.dev("bundle", "--json", env={"DOCKER_HOST": "unix:///nowhere"}).json["path"]
    with tarfile.open(identity) as archive:
        names = [name for name in archive.getnames() if name.endswith("about.json")]
        about = archive.extractfile(names[0])
        assert about is not None
        made = Engine(path, json.load(about)["id"])
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()


def test_an_engine_tells_about_the_containers_of_the_instance(talker: Checkout, engine: Engine) -> None:
    assert talker.dev("bundle", "x.tar.gz").code == 0
    files = packed(talker.path / "x.tar.gz")
    assert any(f"dev.instance%3D{engine.instance}" in path for path in engine.asked), engine.asked
    assert json.loads(files["docker/version.json"])["Version"] == "20.10.24"
    assert json.loads(files["docker/info.json"])["Driver"] == "overlay2"
    about = json.loads(files["docker/story-postgres-1.json"])
    assert "PGPORT=15432" in about["Config"]["Env"] and about["Config"]["Cmd"][:2] == ["serve", "--token"]
    assert files["docker/story-postgres-1.log"].endswith("\nerr")
    assert secret("\n".join(files.values()), CONTAINER) == []


@pytest.mark.parametrize(
    "answer", (b"", b"HTTP/1.1 200 OK\r\n\r\nnonsense", b"HTTP/1.1 500 no\r\nContent-Length: 2\r\n\r\n{}")
)
def test_an_engine_that_talks_nonsense_is_no_hindrance(
    talker: Checkout, tmp_path_factory: pytest.TempPathFactory, answer: bytes
) -> None:
    class Nonsense(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.readline()
            self.wfile.write(answer)

    path = str(tmp_path_factory.mktemp("n") / "docker.sock")
    record = talker.write(".dev/instances/default/compose/engine", f"unix://{path}\n")
    with socketserver.ThreadingUnixStreamServer(path, Nonsense) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ran = talker.dev("bundle", "x.tar.gz", "--json")
        server.shutdown()
    record.unlink()
    assert ran.code == 0, ran.err
    files = packed(talker.path / "x.tar.gz")
    assert "desired_state.toml" in files
    reasons = {part["name"]: part["because"] for part in ran.json["parts"]}
    assert answer.startswith(b"HTTP/1.1 200") or reasons["docker/info.json"]
