"""A name of a package is a name: no option, no address, no path, no second command reaches a package manager."""

from __future__ import annotations

import json

import pytest

from converge import schema
from converge.errors import DevError, Exit

HEAD = 'schema = 1\n[project]\nname = "x"\n'
NAMES = {
    "apt": ["git", "g++", "libc6:amd64", "git=1:2.39.5-0+deb12u2", "git/bookworm-backports", "python3.11"],
    "dnf": ["git", "gcc-c++", "python3.11", "@development-tools", "glibc.i686"],
    "pacman": ["git", "extra/git", "gtk2+extra", "r"],
    "brew": ["git", "postgresql@16", "hashicorp/tap/terraform", "openjdk@21"],
}
OTHERS = [
    "-oAPT::Update::Pre-Invoke::=id", "--allow-unauthenticated", "git; id", "git id", "$(id)", "`id`", "git\nid", "",
    "https://host.example/x.rpm", "/tmp/x.deb", "./x.deb", "../x", "git|id", "git&id", "git>x", "x'y", 'x"y', "git\0",
]  # fmt: skip
OWN = {"apt": ["git-", "git*", "git=", "git:-", "^git"], "brew": ["x.rb", "tap/x.rb", "a/b"], "pacman": ["a/b/c"]}


def load(manager: str, name: str) -> object:
    text = f"[packages.x]\ncommand = 'x'\n{manager} = {json.dumps(name)}\n"
    return schema.parse((HEAD + text).encode())


@pytest.mark.parametrize(("manager", "name"), [(manager, name) for manager in NAMES for name in NAMES[manager]])
def test_a_name_is_taken(manager: str, name: str) -> None:
    load(manager, name)


@pytest.mark.parametrize(
    ("manager", "name"), [(manager, name) for manager in NAMES for name in (*OTHERS, *OWN.get(manager, ()))]
)
def test_what_is_not_a_name_is_refused_with_its_line(manager: str, name: str) -> None:
    with pytest.raises(DevError) as caught:
        load(manager, name)
    assert caught.value.exit == Exit.BAD_STATE and caught.value.source == "desired_state.toml:6"


@pytest.mark.parametrize(
    ("kind", "name", "right"),
    [("python", "psycopg2", True), ("python", "zope.interface", True), ("python", "--index-url=x", False),
     ("python", "x @ https://host.example/x.tar.gz", False), ("python", "../x", False), ("go", "x", False)],
)  # fmt: skip
def test_what_may_be_built_is_the_name_of_a_python_package(kind: str, name: str, right: bool) -> None:
    text = f"[services.a]\nkind = '{kind}'\ndev = 'x'\nbuild = ['{name}']\n".encode()
    if right:
        schema.parse(HEAD.encode() + text)
        return
    with pytest.raises(DevError) as caught:
        schema.parse(HEAD.encode() + text)
    assert caught.value.code == "bad-package" and caught.value.source == "desired_state.toml:7"
