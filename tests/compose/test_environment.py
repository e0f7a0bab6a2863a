"""A value reaches a container as it is written: Compose reads the file of its variables by rules of its own."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from converge import schema, tools
from converge.instance import Instance
from facts.engine import Engine
from runtime.docker import compose
from runtime.docker.containers import write_environment
from runtime.platform import Platform
from tests.conftest import HEAD, TOOL

ODD = (
    "B!n$", "a$def", "${A}", "$$", "'$A'", "'", '"', 'say "x"', "\\", "ends in \\", "'\\\\", "mid\\'dle", "a\\b'c\\",
    "it's \\$HOME \\n \\", "\\n", "x # y", " lead ", "`id`",
    '{"keys":[{"n":"a-_b"}]}', "a\nb=c\n", "nl'\n\\", "é\u2028z",
)  # fmt: skip


def test_compose_reads_each_value_as_it_was_written(tmp_path: Path) -> None:
    """docker/compose 2507 and 11058: `$` was replaced. Also ours: Compose takes `\\'` for an escaped quote."""
    program = tools.compose(schema.load(TOOL))
    if program is None:
        pytest.skip("needs Compose v2: ./dev doctor --fix --only docker")
    values = {f"ODD_{at}": value for at, value in enumerate(ODD)}
    entry = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in values.items())
    loaded = schema.parse(f"{HEAD}[services.a]\nkind = 'command'\ndev = 'true'\n[services.a.env]\n{entry}".encode())
    platform = Platform(loaded, Instance(tmp_path, "story"))
    write_environment(compose.Project(platform, Engine("unix:///nowhere"), program), platform.component("a"))
    (written,) = tmp_path.rglob("a.env")
    file = tmp_path / "compose.json"
    file.write_text(json.dumps({"services": {"a": {"image": "x", "env_file": str(written)}}}))
    ran = subprocess.run(
        [program, "-f", file, "--env-file", os.devnull, "config", "--format", "json"], capture_output=True, text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.devnull}, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)["services"]["a"]["environment"]
    assert {name: found[name].replace("$$", "$") for name in values} == values  # `config` prints each `$` as `$$`
