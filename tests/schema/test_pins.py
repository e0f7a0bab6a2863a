"""`[tools] NAME = { from = "FILE" }`: the version that a team has written down already."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError

HEAD = 'schema = 1\n[project]\nname = "x"\n[tools]\n'


def pinned(checkout: Path, tool: str, file: str, text: str) -> str:
    """The version that the tool gets from a file with this text."""
    (checkout / file).parent.mkdir(parents=True, exist_ok=True)
    (checkout / file).write_text(text)
    (checkout / schema.FILE).write_text(f'{HEAD}{tool} = {{ from = "{file}" }}\n')
    return schema.load(checkout).desired.tools[tool]


@pytest.mark.parametrize(
    ("tool", "file", "text", "version"),
    [
        ("go", "go.mod", "module x\n\ngo 1.24\n", "1.24"),
        ("go", "back/go.mod", "module x\ngo 1.24.0\ntoolchain go1.25.3 // why\n", "1.25.3"),
        ("go", "go.work", "go 1.25.1\ntoolchain default\nuse ./a\n", "1.25.1"),
        ("node", ".nvmrc", "v20.11.1\r\n", "20.11.1"),
        ("node", ".nvmrc", "# ours\n\n22 # the LTS\n", "22"),
        ("node", ".node-version", "\ufeff20.11.1", "20.11.1"),
        ("python", ".python-version", "3.12.4\n3.11\n", "3.12.4"),
        ("python", ".python-version", "cpython-3.13\n", "3.13"),
        ("node", ".tool-versions", "# x\nerlang 26\nnodejs  20.11.1 18 # why\n", "20.11.1"),
        ("go", ".tool-versions", "golang 1.25.3\n", "1.25.3"),
        ("terraform", ".tool-versions", "terraform 1.9.0\n", "1.9.0"),
        ("node", "mise.toml", "[tools]\nnode = ['22.1.0', '20']\n", "22.1.0"),
        ("go", ".mise.toml", "[tools]\ngolang = { version = '1.25.3' }\n", "1.25.3"),
        ("pnpm", "mise.toml", "[tools]\n'npm:pnpm' = '9.1.0'\n", "9.1.0"),
        ("node", "package.json", '{"engines": {"node": "20.x"}}', "20"),
        ("node", "package.json", '{"engines": {"node": ">=18"}, "volta": {"node": "20.11.1"}}', "20.11.1"),
        ("pnpm", "web/package.json", '{"packageManager": "pnpm@9.1.0+sha512.aa"}', "9.1.0"),
        ("pnpm", "package.json", '{"packageManager": "yarn@4.1.0", "engines": {"pnpm": "9.2.0"}}', "9.2.0"),
        ("rust", "rust-toolchain.toml", "[toolchain]\nchannel = '1.79.0'\n", "1.79.0"),
        ("rust", "rust-toolchain", "1.79.0\n", "1.79.0"),
    ],
)
def test_a_version_is_read_from_the_teams_own_file(
    tmp_path: Path, tool: str, file: str, text: str, version: str
) -> None:
    assert pinned(tmp_path, tool, file, text) == version


@pytest.mark.parametrize(
    ("entry", "version"),
    [
        ('"v1.50.0"', "1.50.0"),
        ('{ version = "v0.24.0", go = "golang.org/x/tools/cmd/stringer" }', "0.24.0"),
        ('{ version = "v1.50.0", github = "bufbuild/buf" }', "1.50.0"),
        ('{ version = "v2", url = "https://x.example/{version}/{os}-{arch}" }', "v2"),
    ],
)
def test_a_version_may_have_the_v_of_its_tag(entry: str, version: str) -> None:
    assert schema.parse(f"{HEAD}thing = {entry}\n".encode()).desired.tools["thing"] == version


@pytest.mark.parametrize(
    ("tool", "file", "text", "source"),
    [
        ("node", ".nvmrc", "# x\nlts/iron\n", ".nvmrc:2"),
        ("node", "package.json", '{\n "engines": {\n  "node": ">=20 <23"\n }\n}', "package.json:3"),
        ("rust", "rust-toolchain.toml", "[toolchain]\nchannel = 'stable'\n", "rust-toolchain.toml:2"),
        ("node", ".nvmrc", "20 || 22\n", "desired_state.toml:5"),
        ("node", ".nvmrc", "\n# none\n", "desired_state.toml:5"),
        ("buf", "go.mod", "go 1.24\n", "desired_state.toml:5"),
        ("node", "package.json", "{ // a comment\n}", "desired_state.toml:5"),
        ("node", "package.json", "[" * 9999, "desired_state.toml:5"),
        ("node", "package.json", '{"engines": [], "volta": "x", "packageManager": 3}', "desired_state.toml:5"),
        ("node", "mise.toml", "[tools\n", "desired_state.toml:5"),
        ("node", ".nvmrc", "2" * 9999, ".nvmrc:1"),
    ],
)
def test_what_is_no_version_is_refused_at_its_line(
    tmp_path: Path, tool: str, file: str, text: str, source: str
) -> None:
    with pytest.raises(DevError) as refused:
        pinned(tmp_path, tool, file, text)
    assert (refused.value.code, refused.value.source) == ("bad-version", source)
    assert refused.value.because and refused.value.hint and len(refused.value.what) < 200


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ('{ from = "../.nvmrc" }', "bad-path"),
        ('{ from = "/etc/.nvmrc" }', "bad-path"),
        ('{ from = "Dockerfile" }', "value-wrong"),
        ('{ from = ".nvmrc", version = "20" }', "value-wrong"),
        ("{ }", "key-missing"),
        ("{ from = 3 }", "value-wrong"),
        ("{ version = 20 }", "value-wrong"),
        ('{ version = "20", form = "x" }', "key-unknown"),
        ("20", "value-wrong"),
    ],
)
def test_an_entry_that_says_no_version_is_refused(tmp_path: Path, entry: str, code: str) -> None:
    (tmp_path / schema.FILE).write_text(f"{HEAD}node = {entry}\n")
    with pytest.raises(DevError) as refused:
        schema.load(tmp_path)
    assert (refused.value.code, refused.value.source) == (code, "desired_state.toml:5")
    assert "tool_sources" not in refused.value.what


@pytest.mark.parametrize("link", [".nvmrc", "web"])
def test_a_link_that_leads_out_of_the_checkout_is_refused(tmp_path: Path, link: str) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for place in (outside, inside):
        place.mkdir()
    (outside / ".nvmrc").write_text("secret")
    file = ".nvmrc" if link == ".nvmrc" else "web/.nvmrc"
    (inside / link).symlink_to(outside / ".nvmrc" if link == ".nvmrc" else outside)
    (inside / schema.FILE).write_text(f'{HEAD}node = {{ from = "{file}" }}\n')
    with pytest.raises(DevError) as refused:
        schema.load(inside)
    assert refused.value.code == "bad-path" and "secret" not in str(refused.value)
    (inside / ".inner").write_text("20.1.0")
    (inside / link).unlink()
    (inside / ".nvmrc").symlink_to(".inner")
    (inside / schema.FILE).write_text(f'{HEAD}node = {{ from = ".nvmrc" }}\n')
    assert schema.load(inside).desired.tools == {"node": "20.1.0"}


def test_the_tables_are_written_in_tools_alone(tmp_path: Path) -> None:
    (tmp_path / schema.FILE).write_text(f'{HEAD}[tool_sources.node]\nversion = "20"\n')
    with pytest.raises(DevError, match="tool_sources is not a key"):
        schema.load(tmp_path)
    assert "tool_sources" not in schema.json_schema()["properties"]


def test_an_edit_of_the_file_is_seen_past_the_cache(tmp_path: Path) -> None:
    assert pinned(tmp_path, "node", ".nvmrc", "20") == "20"
    (tmp_path / ".nvmrc").write_text("22")
    assert schema.load(tmp_path).desired.tools == {"node": "22"}
    (tmp_path / ".nvmrc").unlink()
    with pytest.raises(DevError, match="gives no version"):
        schema.load(tmp_path)
