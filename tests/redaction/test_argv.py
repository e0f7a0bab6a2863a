"""No secret is an argument of a process: not of a browser, not in an example of ours."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from converge.instance import Instance
from runtime.secrets import browser
from tests.conftest import TOOL, tree, wait_until

LINK = "http://127.0.0.1:18084/enter?code=Zq7x-the-code&redirect_url=http%3A%2F%2F127.0.0.1%2F&x=</script>"
SHOWN = re.compile(
    r"\b(?:curl|wget|http|psql|docker|git|pip|npm)\b[^|\n`]*"
    r"(?:\$\(\./dev (?:token|sign-in)|\$\((?:sed|cat|grep|awk|cut|head)\b|\$\{?\w*(?:TOKEN|SECRET|PASSWORD|KEY)\b|://[^\s/:@]+:[^\s/@{]+@)"
)
"""A command that is given a secret as an argument."""


def test_a_browser_gets_a_file_of_this_user_and_not_the_link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = tmp_path / "argv"
    program = tmp_path / "a-browser"
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >'{argv}.new'; mv '{argv}.new' '{argv}'\n")
    program.chmod(0o755)
    instance = Instance(tmp_path / "zwölf Monde", "x")
    code = (
        "import sys; from pathlib import Path; from converge.instance import Instance; "
        "from runtime.secrets import browser; "
        "sys.exit(not browser.open_link(Instance(Path(sys.argv[1]), 'x'), sys.stdin.read()))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(instance.checkout)], input=LINK, text=True, cwd=TOOL, capture_output=True,
        env={"BROWSER": str(program), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(TOOL)},
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    given = wait_until(lambda: argv.exists() and argv.read_text())
    assert "code" not in given and given.startswith("file:///")
    file = instance.private("browser") / "sign-in.html"
    assert given.strip() == file.as_uri()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_file_leads_to_the_link_and_to_nothing_else(tmp_path: Path) -> None:
    text = browser.page(Instance(tmp_path, "x"), LINK).read_text()
    assert text.count("</script>") == 1 and text.count("Zq7x-the-code&amp;redirect_url") == 2
    assert "no-referrer" in text
    again = browser.page(Instance(tmp_path, "x"), "http://127.0.0.1:1/enter?code=next").read_text()
    assert "Zq7x" not in again and len(list(tmp_path.rglob("*.html"))) == 1


def test_no_example_of_ours_has_a_secret_as_an_argument() -> None:
    pages = [
        name
        for name in tree()
        if name.endswith((".md", ".toml", ".yaml")) or name.startswith(("cli/", "converge/codes"))
    ]
    found = [
        f"{name}: {match.group()}" for name in pages if name.endswith((".md", ".py", ".toml", ".yaml"))
        for match in SHOWN.finditer((TOOL / name).read_text("utf-8"))
    ]  # fmt: skip
    assert found == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('curl -H "Authorization: Bearer $(./dev token)" http://h/', True),
        ('curl -H "X-Test-Secret: $TEST_AUTH_SECRET" http://h/', True),
        ("curl -H \"X-Issuer-Secret: $(sed -n 's/^A=//p' issuer.env)\" http://h/", True),
        ("psql postgres://shop:word@127.0.0.1/shop", True),
        ("docker run -e PASSWORD=$DB_PASSWORD x", True),
        ('echo "Authorization: Bearer $(./dev token)" | curl -H @- http://h/', False),
        ("psql {postgres.url}/shop", False),
    ],
)
def test_examples_with_a_secret_are_recognised(text: str, shown: bool) -> None:
    assert bool(SHOWN.search(text)) == shown
