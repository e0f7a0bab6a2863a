"""A desired state that cannot be meant is refused with its line, its code and exit 65; nothing else ever comes out."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converge import schema
from converge.errors import DevError, Exit

HEAD = 'schema = 1\n[project]\nname = "x"\n'
REFUSED = {
    "state-empty": ("", 1),
    "state-not-toml": (HEAD + "[services\n", 4),
    "state-not-text": (None, 1),
    "key-unknown": (HEAD + 'colour = "red"\n', 4),
    "key-missing": (HEAD + "[infra.postgres]\n", 4),
    "value-wrong": (HEAD + '[infra.postgres]\nport = "15432"\n', 5),
    "port-range": (HEAD + "[infra.postgres]\nport = 80\n", 5),
    "port-duplicate": (HEAD + "[infra.postgres]\nport = 5000\n[services.a]\nkind = 'go'\nport = 5000\n", 8),
    "needs-unknown": (HEAD + "[services.a]\nkind = 'go'\nneeds = ['b']\n", 6),
    "needs-cycle": (HEAD + "[services.a]\nkind='go'\nneeds=['b']\n[services.b]\nkind='go'\nneeds=['a']\n", 6),
    "bad-version": (HEAD + "[tools]\ngo = 'newest!'\n", 5),
    "bad-tool-version": (HEAD + "dev = '0.2 or so'\n", 4),
    "tool-version": (HEAD + "dev = '>=9'\ncolour = 'red'\n", 4),
    "bad-comparison": (HEAD + "[machine]\nmemory = 'much'\n", 5),
    "bad-pattern": (HEAD + "[env]\nA = { pattern = '(' }\n", 5),
    "bad-path": (HEAD + "[files.'../x']\ncontent = ''\n", 4),
    "command-missing": (HEAD + "[services.a]\nkind = 'command'\n", 4),
    "duplicate-name": (HEAD + "[infra.a]\nport = 5000\nrun = 'a'\n[services.a]\nkind = 'go'\n", 7),
    "name-undeclared": (HEAD + "[env]\nA = { value = 'a', only = ['b'] }\n", 5),
    "bad-name": (HEAD + "[services.A_b]\nkind = 'go'\n", 4),
}


@pytest.mark.parametrize("code", REFUSED)
def test_refusal_names_code_and_line(code: str) -> None:
    text, line = REFUSED[code]
    with pytest.raises(DevError) as caught:
        schema.parse(b"\xff\0" if text is None else text.encode())
    assert (caught.value.code, caught.value.source) == (code, f"desired_state.toml:{line}")
    assert caught.value.exit == Exit.BAD_STATE and caught.value.because


@pytest.mark.parametrize(
    "text", ["[services]\na = 3\n", "[infra]\npg = []\n", "[env]\nA = true\n", "[services.a]\nkind = 'go'\nenv = 'x'\n"]
)
def test_what_should_be_a_table_is_told_so_in_words_of_toml(text: str) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + text).encode())
    assert (caught.value.code, caught.value.because) == ("value-wrong", "input should be a table")


SERVICE = HEAD + "[services.a]\nkind = 'go'\nmigrate = 'm'\n"
MORE = [
    (SERVICE + "migrate_inputs = ['../b']\n", "bad-path", 7), (SERVICE + "migrate_inputs = ['/etc']\n", "bad-path", 7),
    (SERVICE + "path = 's'\nmigrate_inputs = ['x/../../../b/*']\n", "bad-path", 8),
    (SERVICE.replace("migrate = 'm'\n", "") + "migrate_inputs = ['b']\n", "value-wrong", 6),
    (HEAD + "[files.a]\n", "file-both", 4), (HEAD + "[files.a]\ncontent = ''\ndirectory = true\n", "file-both", 4),
    (HEAD + "[files.a]\ncontent = ''\nmode = '0888'\n", "bad-mode", 4),
    (HEAD + "[files.a]\ncontent = ''\nmode = '00644'\n", "bad-mode", 4),
    (HEAD + "[docker]\nmirror = 'registry'\n", "value-wrong", 5),
    (HEAD + "[docker]\nmirror = 'ftp://registry'\n", "value-wrong", 5),
    (HEAD + "[files.'/a']\ncontent = ''\n", "bad-path", 4),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "line"), MORE)
def test_each_way_to_be_wrong_has_its_line(text: str, code: str, line: int) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse(text.encode())
    assert (caught.value.code, caught.value.source) == (code, f"desired_state.toml:{line}")


@pytest.mark.parametrize(
    "text",
    [SERVICE + "path = 's'\nmigrate_inputs = ['../b/*', 'c']\n", HEAD + "[files.a]\ncontent = ''\nmode = '644'\n",
     HEAD + "[files.a]\ndirectory = true\nmode = '0700'\n"],
)  # fmt: skip
def test_what_is_nearly_wrong_is_read(text: str) -> None:
    assert schema.parse(text.encode()).desired.project.name == "x"


@settings(deadline=None)
@given(st.binary(max_size=400) | st.text(alphabet="[]={}.\"'\n ,#abschema1proj", max_size=200).map(str.encode))
def test_any_text_is_read_or_refused(text: bytes) -> None:
    try:
        schema.parse(text)
    except DevError as refusal:
        assert refusal.exit == Exit.BAD_STATE


def test_huge_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / schema.FILE).write_text(HEAD + "# " + "x" * schema.LARGEST)
    with pytest.raises(DevError) as caught:
        schema.load(tmp_path)
    assert caught.value.code == "state-huge"


def test_local_file_overrides_and_is_named() -> None:
    loaded = schema.parse((HEAD + "[infra.postgres]\nport = 5000\n").encode(), b"[infra.postgres]\nport = 5001\n")
    assert loaded.desired.infra["postgres"].port == 5001
    assert loaded.overrides == ("infra.postgres.port",)
    assert loaded.source("infra.postgres.port") == "desired_state.local.toml:2"


@pytest.mark.parametrize(
    ("table", "key"),
    [("engine = 'new'", "engine"), ("compose = 'off'", "compose"), ("engine = '>=20.10.x'", "engine")],
)
def test_versions_of_docker_are_comparisons(table: str, key: str) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + f"[docker]\n{table}\n").encode())
    assert (caught.value.code, caught.value.source) == ("bad-comparison", "desired_state.toml:5")
    assert key == "compose" or "off" in caught.value.hint


def test_a_machine_may_do_without_docker() -> None:
    loaded = schema.parse((HEAD + "[docker]\nengine = '>=20.10'\n").encode(), b"[docker]\nengine = 'off'\n")
    assert loaded.desired.docker and loaded.desired.docker.engine == "off"
    assert loaded.overrides == ("docker.engine",)


@pytest.mark.parametrize("own", ["[tools]\ngo = '1.0'\n", "[infra.mysql]\nport = 5001\n", "[docker]\nengine = 'off'\n"])
def test_local_file_cannot_change_what_all_share(own: str) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + "[infra.postgres]\nport = 5000\n").encode(), own.encode())
    assert caught.value.code == "local-override"
    assert caught.value.source.startswith("desired_state.local.toml:")


def test_edit_is_seen_past_the_cache(tmp_path: Path) -> None:
    state = tmp_path / schema.FILE
    state.write_text(HEAD)
    assert schema.load(tmp_path).desired.project.name == "x"
    assert schema.load(tmp_path).desired.project.name == "x"
    state.write_text(HEAD.replace('"x"', '"y"'))
    assert schema.load(tmp_path).desired.project.name == "y"


def test_every_key_is_described() -> None:
    tree = schema.json_schema()
    for model in (tree, *tree["$defs"].values()):
        for name, field in model["properties"].items():
            assert field.get("description") or "$ref" in field, name


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("[auth]\nissuer = 'b'\n", "name-undeclared", 5),
        ("[auth]\nissuer = 'b'\n[services.b]\nkind = 'go'\n", "value-wrong", 5),
        ("[tests.system]\ncommand = 'true'\n", "bad-name", 4),
        ("[tests.kit]\ncommand = 'true'\npath = '../x'\n", "bad-path", 4),
        ("[tests.kit]\ncommand = 'true'\nneeds = ['b']\n", "needs-unknown", 6),
        ("[services.kit]\nkind = 'go'\n[tests.kit]\ncommand = 'true'\n", "duplicate-name", 6),
        ("[tests.kit]\ncommand = 'true'\nenv = { U = '{b.url}' }\n", "needs-unknown", 6),
    ],
)
def test_what_names_nothing_is_refused_where_it_stands(text: str, code: str, line: int) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse((HEAD + text).encode())
    assert (caught.value.code, caught.value.source) == (code, f"desired_state.toml:{line}")


@pytest.mark.parametrize(
    ("topics", "line"),
    [
        ("topics = { orders = ['mail'], returns = ['mail'] }\n", 6),
        ("topics = { orders = ['mail', 'mail'] }\n", 6),
        ("[infra.pubsub.topics]\norders = ['mail', 'print']\nreturns = ['audit']\nrefunds = ['print']\n", 9),
        ("topics = { mail = ['mail'], orders = ['mail-1'] }\n", 0),
    ],
)
def test_a_subscription_has_one_topic(topics: str, line: int) -> None:
    text = (HEAD + "[infra.pubsub]\nport = 18085\n" + topics).encode()
    if not line:
        assert schema.parse(text).desired.infra["pubsub"].topics
        return
    with pytest.raises(DevError) as caught:
        schema.parse(text)
    assert (caught.value.code, caught.value.source) == ("duplicate-name", f"desired_state.toml:{line}")


@pytest.mark.parametrize(
    ("topics", "refused"),
    [
        ("{ or = [] }", "'or'"), ("{ orders = ['n'] }", "'n'"), ("{ '1st' = [] }", "'1st'"),
        ("{ 'a b c' = [] }", "'a b c'"), ("{ orders = ['a,b'] }", "'a,b'"), ("{ orders = ['ok-1', 'no=1'] }", "'no=1'"),
        ("{ orders = ['Mail.v1~+%_'], abc = [] }", ""),
    ],
)  # fmt: skip
def test_an_emulator_could_not_begin_with_such_names(topics: str, refused: str) -> None:
    text = (HEAD + f"[infra.pubsub]\nport = 18085\ntopics = {topics}\n").encode()
    if not refused:
        assert schema.parse(text).desired.infra["pubsub"].topics
        return
    with pytest.raises(DevError) as caught:
        schema.parse(text)
    assert (caught.value.code, caught.value.source) == ("bad-name", "desired_state.toml:6")
    assert caught.value.what.startswith(refused)


@pytest.mark.parametrize("wrong", [2, 9, 12])
def test_everything_that_is_wrong_is_named_at_once(wrong: int) -> None:
    text = HEAD + "[services.a]\nkind = 'go'\n" + "".join(f"wrong_{number} = 1\n" for number in range(wrong))
    with pytest.raises(DevError) as caught:
        schema.parse(text.encode())
    told = f"{caught.value.what} {caught.value.hint}"
    for number in range(min(wrong, 10)):
        assert f"services.a.wrong_{number} " in told
        assert f"desired_state.toml:{6 + number}" in f"{caught.value.source} {told}"
    assert ("and 2 more" in told) == (wrong == 12)
