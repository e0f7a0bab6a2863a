"""What a service lacks outside of a container, after a start in which everything ran in containers."""

from __future__ import annotations

from pathlib import Path

import pytest

from converge import schema
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.instance import Instance
from converge.local_machine import LocalMachine
from converge.operations import dependencies
from converge.steps import Step
from facts.value import replace
from tests.conftest import HEAD

TEXT = """[tools]
node = "24.19.0"
go = "1.27.3"
[infra.postgres]
port = 20001
[services.web]
kind = "node"
port = 20002
[services.plain]
kind = "command"
dev = "x"
"""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """A checkout with a lock file and tools that run; nothing is installed for its service."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, version in (("node", "v24.19.0"), ("npm", "11.0.0"), ("go", "go version go1.27.3 linux/amd64")):
        (programs / name).write_text(f"#!/bin/sh\necho {version}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setenv("DEV_STORE", str(tmp_path / "store"))
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "package-lock.json").write_text("{}")
    return Instance(tmp_path / "checkout", "x")


@pytest.mark.parametrize(
    ("stamped", "installed", "locked", "lacks"),
    [(False, False, True, True), (True, False, True, True), (False, True, True, True), (True, True, True, False),
     (False, False, False, False)],
)  # fmt: skip
def test_what_is_lacking_is_all_that_is_asked_for(
    instance: Instance, stamped: bool, installed: bool, locked: bool, lacks: bool
) -> None:
    stamp = dependencies.stamp(instance, "web")
    stamp.parent.mkdir(parents=True)
    if stamped:
        stamp.write_text("x\n")
    if installed:
        (instance.checkout / "node_modules").mkdir()
    if not locked:
        (instance.checkout / "package-lock.json").unlink()
    loaded = schema.parse((HEAD + TEXT).encode())
    found = dependencies.without(loaded, instance, ["web", "plain"])
    assert (found is not None) == lacks
    if found:
        assert list(found.desired.services) == ["web"] and not found.desired.infra
        assert found.desired.tools == {"node": "24.19.0"}
    assert dependencies.without(loaded, instance, ["plain"]) is None
    assert dependencies.without(loaded, instance, []) is None


def test_a_tool_that_is_gone_is_lacking_too(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    (instance.checkout / "package-lock.json").unlink()
    monkeypatch.setenv("PATH", "/usr/bin:/bin" if not Path("/usr/bin/node").exists() else "/bin/none")
    found = dependencies.without(schema.parse((HEAD + TEXT).encode()), instance, ["web"])
    assert found and list(found.desired.tools) == ["node"]


NPM = """#!/bin/sh
echo "$@" >>asked
[ -e fails ] && { echo "npm: no such package" >&2; exit 1; }
mkdir -p node_modules/a node_modules/b
"""


def test_an_installation_is_stamped_after_all_was_installed(instance: Instance, tmp_path: Path) -> None:
    (tmp_path / "bin" / "npm").write_text(NPM)
    loaded = schema.parse((HEAD + TEXT.replace("[tools]\n", "[tools]\n", 1)).encode())
    step = Step("dependencies.web", "dependencies", "install", "why", args={"name": "web", "stamp": "s node=24"})
    mark = dependencies.stamp(instance, "web")
    with LocalMachine(ConvergeContext(loaded, instance)) as machine:
        dependencies.apply(step, machine)
        assert mark.read_text().splitlines()[0] == "s node=24" and int(mark.read_text().splitlines()[1]) > 0
        assert (instance.checkout / "asked").read_text().split()[0] == "ci"
        dependencies.apply(step, machine)
        assert len((instance.checkout / "asked").read_text().splitlines()) == 1, "all of it is there"
        (instance.checkout / "fails").write_text("")
        with pytest.raises(DevError) as caught:
            dependencies.apply(replace(step, args={"name": "web", "stamp": "t node=24"}), machine)
        assert caught.value.code == "dependencies-failed" and "no such package" in caught.value.because
        assert not mark.exists(), "what failed is done again"


UV = """#!/bin/sh
echo "$@" >>asked
case "$1" in
venv) for last; do :; done; [ -e "$last" ] && exit 1; mkdir -p "$last/bin"; : >"$last/bin/python" ;;
esac
"""


def test_an_environment_is_made_new_by_each_installation(instance: Instance, tmp_path: Path) -> None:
    for name, text in (("uv", UV), ("python", "#!/bin/sh\necho Python 3.13.1\n")):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    (instance.checkout / "requirements.lock").write_text("")
    text = "[tools]\nuv = '0.9.1'\npython = '3.13.1'\n[services.web]\nkind = 'python'\napp = 'm:a'\nport = 20002\n"
    loaded = schema.parse((HEAD + text).encode())
    with LocalMachine(ConvergeContext(loaded, instance)) as machine:
        for stamp in ("s", "t"):
            args = {"name": "web", "stamp": stamp}
            dependencies.apply(Step("dependencies.web", "dependencies", "install", "why", args=args), machine)
    asked = (instance.checkout / "asked").read_text().splitlines()
    assert [line.split()[:2] for line in asked] == [["venv", "--quiet"], ["pip", "install"]] * 2
    assert all("--require-hashes" in line for line in asked[1::2])
