"""The values of secrets are known as the services get them, whatever wrote their file."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge import envfile, schema
from converge.instance import Instance
from converge.redaction import known

STATE = b'schema = 1\n[project]\nname = "x"\n[env]\nSTRIPE = { secret = true }\n'


@pytest.mark.parametrize(
    "text",
    ["\ufeffSTRIPE=abc Zk3x9Qm7\n", "\ufeff# mine\r\nSTRIPE=abc Zk3x9Qm7\r\n", "STRIPE=abc\rZk3x9Qm7\n",
     "# one\rtwo\nSTRIPE=abc\u0085Zk3x9Qm7"],
)  # fmt: skip
def test_a_secret_is_hidden_by_whichever_editor_it_was_written(tmp_path: Path, text: str) -> None:
    instance = Instance(tmp_path, "x")
    instance.dev.mkdir()
    envfile.path(instance).write_bytes(text.encode())
    value = envfile.values(instance)["STRIPE"]
    hide = known.redactor(instance, schema.parse(STATE))
    assert "Zk3x9Qm7" in value and "Zk3x9Qm7" not in hide.text(f"it is {value}")
    assert value in hide.values
