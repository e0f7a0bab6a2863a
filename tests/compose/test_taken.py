"""[compose] file: which services become infrastructure, with what, and what is refused at which line."""

from __future__ import annotations

import contextlib
import json
import os
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies

from converge import schema, templates, trust
from converge.compose_file import entry, taken, verdicts
from converge.desired import Loaded
from converge.errors import DevError
from converge.files_read import FilesRead
from facts import surroundings

STATE = 'schema = 1\n[project]\nname = "shop"\n[compose]\nfile = "docker-compose.yml"\n'
DB = "db: {image: 'postgres:18', ports: ['15432:5432'], environment: {POSTGRES_PASSWORD: x}}"


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Loaded]:
    def loaded(services: str = "", more: str = "", head: str = STATE, top: str = "", **files: str) -> Loaded:
        text = f"services:\n{textwrap.indent(textwrap.dedent(services), '  ')}\n{textwrap.dedent(top)}"
        for name, content in {"docker-compose.yml": text, **files}.items():
            (tmp_path / name).write_text(content)
        return schema.parse((head + more).encode(), files=FilesRead(tmp_path))

    return loaded


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (DB, {"kind": "postgres", "port": 15432, "container_port": 5432, "databases": ("postgres",)}),
        ("db: {image: 'ghcr.io/x/pgvector:pg18', ports: [{target: 5432, published: 16000}]}", {"port": 16000}),
        ("db: {image: 'postgis/postgis:18-3.6', ports: ['15432:5432']}", {"kind": "postgres"}),
        ("db: {image: 'valkey/valkey:8', ports: ['127.0.0.1:16379:6379']}", {"kind": "redis", "container_port": 6379}),
        ("db: {image: 'mysql@sha256:00', ports: ['13306-13308:3306-3308/tcp']}", {"kind": "command", "port": 13306}),
        ("db: {image: a, ports: ['1053:53/udp', '[::1]:18053:53']}", {"port": 18053}),
        ("db: {image: a, ports: ['18000:80'], stop_grace_period: 1m30s}", {"stop_grace": 90.0}),
        ("db: {image: a, ports: ['18000:80'], environment: ['A={x}', 'B={{y}}', C=]}",
         {"env": {"A": "{{x}}", "B": "{{{y}}}", "C": ""}}),
        ("db: {image: a, ports: ['18000:80'], environment: {A: true, B: 1, C: 1.5}}",
         {"env": {"A": "true", "B": "1", "C": "1.5"}}),
        ("db: {image: 'postgres:18', ports: ['15432:5432'], environment: {POSTGRES_USER: u, POSTGRES_PASSWORD: p}}",
         {"databases": ("u",)}),
        ("db: {image: 'postgres:18', ports: ['15432:5432'], environment: {POSTGRES_DB: d, POSTGRES_PASSWORD: p}}",
         {"databases": ("d",)}),
    ],
)  # fmt: skip
def test_a_service_becomes_an_entry(load: Callable[..., Loaded], service: str, expected: dict[str, Any]) -> None:
    loaded = load(service)
    infra = loaded.desired.infra["db"]
    assert {key: getattr(infra, key) for key in expected} == expected
    assert loaded.source("infra.db.port").startswith("docker-compose.yml:2")


@given(strategies.text("{}$:.xu-", max_size=12) | strategies.text("{}url.:x", max_size=12))
@example("{x.url:a}{{x}}${x}{{{x}}}{x.y:z}")
def test_nothing_in_braces_of_a_file_is_filled_in(value: str) -> None:
    assert templates.fill(entry.escaped(value), templates.Scope(), lambda word: f"<{word}>") == value


def test_an_entry_beside_it_has_priority(load: Callable[..., Loaded], tmp_path: Path) -> None:
    more = '[infra.db]\nport = 16000\nplacement = "docker"\ndatabases = ["more"]\nready = { tcp = true }\n'
    infra = load(DB, f"{more}env = {{ A = 'b' }}").desired.infra["db"]
    assert (infra.port, infra.placement, infra.container_port) == (16000, "docker", 5432)
    assert infra.databases == ("postgres", "more")
    assert infra.ready and infra.env == {"POSTGRES_PASSWORD": "x", "A": "b"}
    local = schema.parse(STATE.encode(), b"[infra.db]\nport = 17000", FilesRead(tmp_path))
    assert local.desired.infra["db"].port == 17000 and local.overrides == ("infra.db.port",)
    assert load(DB, '[infra.db]\nkind = "command"').desired.infra["db"].kind == "command"
    for ports in ("", ", expose: [80]"):
        given = "container_port = 80" if not ports else ""
        alone = load(f"web: {{image: nginx{ports}}}", f"[infra.web]\nport = 18000\n{given}").desired.infra["web"]
        assert (alone.port, alone.container_port) == (18000, 80)


def test_names_needs_and_mounts_are_those_of_components(load: Callable[..., Loaded], tmp_path: Path) -> None:
    loaded = load(
        """
        My_DB: {image: a, ports: ['18001:80'], volumes: ['data:/d', './x:/x:ro', '../y:/y', '~/z:/z', /anonymous]}
        web:
          image: b
          ports: ['18002:80']
          depends_on: [My_DB, built]
          links: ['My_DB:base', 'My_DB', 'built']
          pid: service:My_DB
          volumes: [{type: bind, source: ./w, target: /w}, {type: volume, source: data, target: /d}]
          secrets: [word]
        built: {build: .}
        """,
        top="volumes: {data: {name: old, external: true}, unused: {}}\nsecrets: {word: {file: ./word}}",
    )
    assert loaded.desired.infra["web"].needs == ("my-db",) and loaded.composed
    first, second = (loaded.composed.containers[name].body for name in ("my-db", "web"))
    assert first["networks"] == {"default": {"aliases": ["My_DB"]}}
    assert first["volumes"] == [
        "my-db.data:/d", f"{tmp_path}/x:/x:ro", f"{tmp_path.parent}/y:/y", f"{surroundings.home()}/z:/z", "/anonymous",
    ]  # fmt: skip
    assert [each["source"] for each in second["volumes"]] == [f"{tmp_path}/w", "my-db.data"]
    assert (second["links"], second["pid"]) == (["my-db:base", "my-db:My_DB"], "service:my-db")
    assert "depends_on" not in second
    assert loaded.composed.top == {
        "volumes": {"my-db.data": {}}, "secrets": {"word": {"file": f"{tmp_path}/word"}},
    }  # fmt: skip


def test_variables_are_those_of_env_beside_the_file_and_no_others(
    load: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGE", "of-the-shell")
    monkeypatch.setenv("ONLY", "of-the-shell")
    service = "web: {image: '${IMAGE}', ports: ['${PORT:-18000}:80'], environment: {A: '${ONLY}', ONLY: , B: $$x}}"
    loaded = load(service, **{".env": "IMAGE=nginx\n"})
    web = loaded.desired.infra["web"]
    assert (web.image, web.port, web.env) == ("nginx", 18000, {"A": "", "B": "$x"})
    said = {note.key: note.because for note in loaded.composed.notes} if loaded.composed else {}
    assert "ONLY is not set" in said["services.web.environment.A"] and "services.web.environment.ONLY" in said


def test_what_is_not_taken_is_said(load: Callable[..., Loaded]) -> None:
    loaded = load(
        f"""
        {DB}
        api: {{build: ., network_mode: host}}
        job: {{image: minio/mc}}
        mail: {{image: mailpit, profiles: [mail]}}
        """
    )
    assert list(loaded.desired.infra) == ["db"] and loaded.composed
    assert [note.key for note in loaded.composed.notes] == ["services.api", "services.mail", "services.job"]
    assert all(note.because and note.source for note in loaded.composed.notes)


CHOSEN = 'profiles = ["mail"]\n'


@pytest.mark.parametrize(
    ("services", "more", "code", "at", "words"),
    [
        ("db: {image: a, ports: ['5432']}", "", "compose-file", "docker-compose.yml:2", "any free port"),
        ("db: {image: a, ports: ['1-2:80']}", "", "compose-file", "docker-compose.yml:2", "any free port"),
        ("db: {image: a, ports: ['x:80']}", "", "compose-file", "docker-compose.yml:2", "not HOST:CONTAINER"),
        ("db: {image: a, ports: [true]}", "", "compose-file", "docker-compose.yml:2", "not HOST:CONTAINER"),
        ("db: {image: a, ports: ['1-9999:1-9999']}", "", "compose-file", "docker-compose.yml:2", "a range"),
        ("db: {image: a, ports: ['80:80']}", "", "port-range", "docker-compose.yml:2", "from 1024"),
        ("db: {image: a, ports: ['18000:80', '80:81']}", "", "port-range", "docker-compose.yml:2", "from 1024"),
        ("a: {image: a, ports: ['18000:1']}\nb: {image: a, ports: ['18000:1']}", "", "port-duplicate",
         "docker-compose.yml:3", "its own port"),
        ("a: {image: a, ports: ['18000:1']}\nb: {image: a, ports: ['18001:1', '18000:1']}", "", "port-duplicate",
         "docker-compose.yml:3", "its own port"),
        (DB, '[services.db]\nkind = "command"\ndev = "x"', "duplicate-name", "docker-compose.yml:2", "of that name"),
        ("a_b: {image: a, ports: ['18000:1']}\nA-b: {image: a, ports: ['18001:1']}", "", "duplicate-name",
         "docker-compose.yml:3", "host name"),
        (DB, 'profiles = ["devel"]', "value-wrong", "desired_state.toml:6", "no such profile"),
        (DB, 'services = ["bd"]', "value-wrong", "desired_state.toml:6", "they have: db"),
        ("job: {image: a}", 'services = ["job"]', "compose-file", "docker-compose.yml:2", "publishes no port"),
        (DB, 'servces = ["db"]', "key-unknown", "desired_state.toml:6", "did you mean"),
        (DB, '[infra.db]\nimage = "other"', "value-wrong", "desired_state.toml:7", "docker-compose.yml:2 decides"),
        ("db: {image: a, ports: ['18000:1'], imgae: b}", "", "compose-file", "docker-compose.yml:2", "not a key"),
        ("db: {image: a, extends: x}", "", "compose-file", "docker-compose.yml:2", "another one"),
        ("db: {image: a, ports: ['18000:1'], volumes: ['no:/x']}", "", "compose-file", "docker-compose.yml:2",
         "no volume 'no'"),
        ("db: {image: a, ports: ['18000:1'], env_file: gone}", "", "compose-file", "docker-compose.yml:2",
         "no such file"),
        ("db: {image: a, ports: ['18000:1'], env_file: ../gone}", "", "compose-file", "docker-compose.yml:2",
         "not a file of the checkout"),
        ("db: {image: a, ports: ['18000:1'], volumes_from: [x]}", "", "compose-file", "docker-compose.yml:2",
         "not taken"),
        ("db: {image: '${X:?give it}'}", "", "compose-file", "docker-compose.yml:2", "give it"),
        (f"{DB}\n_: {{image: a, ports: ['18000:1']}}", "", "bad-name", "docker-compose.yml:3", "host name"),
        ("db: {image: a, ports: ['18000:1'], depends_on: [x]}\nx: {image: a, ports: ['18001:1'], depends_on: [db]}", "",
         "needs-cycle", "docker-compose.yml:2", "start first"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_at_its_line(
    load: Callable[..., Loaded], services: str, more: str, code: str, at: str, words: str
) -> None:
    with pytest.raises(DevError) as refused:
        load(services, more)
    problem = refused.value
    assert (problem.code, problem.source) == (code, at), problem
    assert words in f"{problem.because} {problem.hint}"


def outside(path: Path) -> None:
    (path / "a.yml").symlink_to("/etc/hostname")


def fifo(path: Path) -> None:
    os.mkfifo(path / "a.yml")


def twice(path: Path) -> None:
    (path / "a.yml").write_text(f"services:\n  {DB}\n")


@pytest.mark.parametrize(
    ("named", "made", "code", "words"),
    [
        ('"gone.yml"', None, "compose-file", "no such file"),
        ('"."', None, "bad-path", "file of the checkout"),
        ('"sub"', lambda path: (path / "sub").mkdir(), "compose-file", "directory"),
        ('"a.yml"', fifo, "compose-file", "pipe"),
        ('"a.yml"', outside, "bad-path", "file of the checkout"),
        ('"../a.yml"', None, "bad-path", "file of the checkout"),
        ('"/etc/hosts"', None, "bad-path", "file of the checkout"),
        ('["docker-compose.yml", "./docker-compose.yml"]', None, "value-wrong", "named once"),
        ('["docker-compose.yml", "a.yml"]', twice, "compose-file", "docker-compose.yml:2 has it too"),
        ('"compose/infra.yaml"', None, "value-wrong", "already"),
        ("1", None, "value-wrong", ""),
        ("[1]", None, "value-wrong", ""),
        ("[]", None, "value-wrong", "names no file"),
        ('""', None, "bad-path", "file of the checkout"),
    ],
)
def test_files_that_cannot_be_taken(
    load: Callable[..., Loaded], tmp_path: Path, named: str, made: Callable[[Path], None] | None, code: str, words: str
) -> None:
    if made:
        made(tmp_path)
    with pytest.raises(DevError) as refused:
        load(DB, head=STATE.replace('"docker-compose.yml"', named))
    assert refused.value.code == code and words in refused.value.because
    assert str(refused.value.source).startswith(("desired_state.toml:5", "a.yml:2"))


def test_several_files_are_taken_together(load: Callable[..., Loaded]) -> None:
    head = STATE.replace('"docker-compose.yml"', '["docker-compose.yml", "b.yml"]')
    more = "services:\n  web: {image: a, ports: ['18000:80'], depends_on: [db]}\nvolumes: {data: {}}\n"
    loaded = load(DB, head=head, top="volumes: {data: {}}", **{"b.yml": more})
    assert loaded.desired.infra["web"].needs == ("db",)


def test_three_hundred_services_are_read_at_once(load: Callable[..., Loaded]) -> None:
    services = "\n".join(
        f"s{at}: {{image: a, ports: ['{18000 + at}:80'], depends_on: [s{max(0, at - 1)}x]}}" for at in range(300)
    )
    began = os.times().user
    assert len(load(services).desired.infra) == 300
    assert os.times().user - began < 5


@pytest.mark.parametrize("name", ["docker-compose.yml", ".env"])
def test_a_changed_file_is_not_trusted_without_a_remote(tmp_path: Path, name: str) -> None:
    (tmp_path / "desired_state.toml").write_text(STATE)
    before = trust.content(tmp_path)
    (tmp_path / name).write_text("services: {}")
    after = trust.content(tmp_path)
    (tmp_path / name).write_text("services: {db: {image: other}}")
    assert len({before, after, trust.content(tmp_path)}) == 3


ODD: list[Any] = [None, True, 7, 1.5, "x", "", [], {}, [None], [[]], ["a:b:c:d"], {"a": None}, {"a": {"b": []}}]


@pytest.mark.parametrize("key", sorted(verdicts.TAKEN | set(verdicts.IGNORED) | set(verdicts.REFUSED)))
def test_any_value_of_a_key_is_taken_or_refused(tmp_path: Path, key: str) -> None:
    for value in ODD:
        service = {"image": "postgres:18", "ports": ["15432:5432"], "secrets": ["a"], key: value}
        top = {key: value} if key in ("volumes", "secrets", "configs", "models", "networks") else {}
        document = {"services": {"db": service, "two": {"build": "."}}, **top}
        (tmp_path / "docker-compose.yml").write_text(json.dumps(document))
        with contextlib.suppress(DevError):
            taken.lay({"compose": {"file": "docker-compose.yml"}}, {}, FilesRead(tmp_path))
