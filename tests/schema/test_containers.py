"""`container_port`, `command` and `volumes` of infrastructure: what is refused, and at which line."""

from __future__ import annotations

import pytest

from converge import schema
from converge.errors import DevError
from tests.conftest import HEAD

GOOD = "[infra.a]\nimage = 'x'\nport = 20001\n"
CASES = {
    "container_port = 80\nrun = 'x'": "cannot run natively",
    "container_port = 80\nplacement = 'native'": "cannot run natively",
    "container_port = 0": "not a port",
    "container_port = 80\nvolumes = ['data']": "not a volume",
    "container_port = 80\nvolumes = ['../x:/y']": "not a volume",
    "container_port = 80\nvolumes = ['/etc:/etc']": "not a volume",
    "container_port = 80\nvolumes = ['a:/b:rx']": "not a volume",
    "container_port = 80\nvolumes = ['A.b:/c']": "not a volume",
    "container_port = 80\nkind = 'redis'": "no effect",
    "volumes = ['a:/b']": "no effect",
    "command = ['x']": "no effect",
}


@pytest.mark.parametrize("body", CASES)
def test_it_is_refused_at_its_line(body: str) -> None:
    with pytest.raises(DevError) as caught:
        schema.parse(f"{HEAD}{GOOD}{body}\n".encode())
    assert (
        CASES[body] in caught.value.what and caught.value.because and caught.value.source.startswith("desired_state.")
    )
    last = len(f"{HEAD}{GOOD}{body}".splitlines())
    assert int(caught.value.source.rpartition(":")[2]) in (last, last - body.count("\n"))


@pytest.mark.parametrize("volume", ["data:/var/lib/x", "./db/my.cnf:/etc/my.cnf:ro", "a-b_c:/d:rw"])
def test_a_volume_of_its_own_or_of_the_checkout_is_taken(volume: str) -> None:
    loaded = schema.parse(f"{HEAD}{GOOD}container_port = 80\nvolumes = ['{volume}']\n".encode())
    assert loaded.desired.infra["a"].volumes == (volume,)


def test_a_component_with_a_name_of_a_kind_must_say_that_it_is_none() -> None:
    text = f"{HEAD}[infra.redis]\nimage = 'valkey'\nport = 20001\ncontainer_port = 6379\n"
    with pytest.raises(DevError) as caught:
        schema.parse(text.encode())
    assert 'kind = "command"' in (caught.value.hint or "")
    assert schema.parse(text.replace("port = 20001", "port = 20001\nkind = 'command'").encode())
