"""An image that cannot be had is said in a few words, once, and not tried again before something has changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge import schema
from converge.errors import DevError
from converge.instance import Instance
from facts import reach
from facts.value import replace
from runtime.docker import refusals
from runtime.placements import choice
from runtime.placements.choice import Asked
from runtime.platform import Platform
from tests.conftest import HEAD
from tests.runtime import fake_engine

PULL = "/v1.43/images/create"
NO_HOST = 'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 127.0.0.53:53: no such host'
SAID = {
    NO_HOST: "no network to the registry",
    'Get "https://x/v2/": net/http: request canceled (Client.Timeout exceeded while awaiting headers)':
        "no network to the registry",
    "#4 ERROR: failed to do request: Head https://x: dial tcp 10.0.0.1:443: connect: network is unreachable / ------ / "
    " > [internal] load metadata for docker.io/library/golang: / failed to solve": "no network to the registry",
    "manifest for postgres:99 not found: manifest unknown: manifest unknown": "the registry has no such image",
    "pull access denied for x, repository does not exist or may require 'docker login'":
        "the registry has no such image, or wants docker login",
    "toomanyrequests: You have reached your pull rate limit.":
        "the registry refuses further requests for now; docker login helps",
    "write /var/lib/docker/tmp/GetImageBlob1: no space left on device": "the disk of the engine is full",
    'Get "https://x/v2/": x509: certificate signed by unknown authority':
        "the certificate of the registry is not trusted here",
    "no matching manifest for linux/arm64/v8 in the manifest list entries":
        "there is none for the processor of this machine",
    "one\n#12 3.41 the last line counts\n": "the last line counts",
    "#9 [3/4] RUN uv sync / #9 0.1 /bin/sh: 1: uv: not found / failed to solve": "failed to solve",
    "failed to resolve reference: docker.io/library/x:99: not found": "the registry has no such image",
    "word " * 100: ("word " * 32).strip() + " …",
    "": "no reason was given",
}  # fmt: skip


@pytest.mark.parametrize("said", SAID, ids=lambda said: said[:30])
def test_what_engines_and_builders_say_is_one_clause(said: str) -> None:
    assert refusals.words(said) == SAID[said]


@pytest.fixture
def engine() -> Iterator[fake_engine.Server]:
    refused = {PULL: (500, {"message": NO_HOST}), "/volumes": (200, {"Volumes": []})}
    with fake_engine.engine({**fake_engine.VERSION, **refused}) as server:
        yield server


@pytest.fixture
def platform(
    engine: fake_engine.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> Iterator[Platform]:
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    fake_engine.compose(
        tmp_path, "echo '#4 [pubsub 1/2] FROM x' >&2; echo 'connect: no route to host' >&2; exit 1",
        {"postgres": {"image": "postgres:18"}, "pubsub": {"build": {"context": str(tmp_path)}}},
    )  # fmt: skip
    text = HEAD + f"[docker]\n[infra.postgres]\nport = {free_port()}\n[infra.pubsub]\nport = {free_port()}\n"
    instance = Instance(tmp_path / "checkout", "story")
    yield Platform(schema.parse(text.encode()), instance)
    shutil.rmtree(instance.data, ignore_errors=True)


def chosen(platform: Platform, name: str, asked: Asked = Asked()) -> tuple[str, list[str]]:
    """Its placement, and what was said about it without the progress."""
    said: list[str] = []
    made = choice.choose(platform, {name: platform.component(name)}, asked, lambda _, text: said.append(text))
    return made.placements[name], [text for text in said if "embedded" in text or "building" in text]


def tries(engine: fake_engine.Server) -> int:
    return engine.asked.count(f"POST {PULL}")


def test_a_pull_without_a_network_is_said_once_and_remembered(engine: fake_engine.Server, platform: Platform) -> None:
    first, second = chosen(platform, "postgres"), chosen(platform, "postgres")
    line = "postgres:18 cannot be pulled (no network to the registry{}); running embedded (--infra docker insists)"
    assert first == ("native", [line.format("")])
    assert second == ("native", [line.format(", as at the last try")])
    assert tries(engine) == 1


def test_a_build_without_a_network_is_said_once_and_remembered(platform: Platform) -> None:
    placement, said = chosen(platform, "pubsub")
    words = "the image of pubsub could not be built (no network to the registry{}); running embedded"
    assert placement == "native" and said[-1].startswith(words.format("")), said
    assert "building" in said
    placement, said = chosen(platform, "pubsub")
    assert placement == "native" and [text.startswith(words.format(", as at the last try")) for text in said] == [True]
    with pytest.raises(DevError, match="could not be built"):
        chosen(platform, "pubsub", Asked(infra="docker"))


def resolver(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "digest", lambda: "another network")


def proxy(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")


def file(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    path = platform.instance.checkout / "compose" / "infra.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("services: {}\n")


def time_passes(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    path = refusals._path(platform.instance)
    noted = json.loads(path.read_text())
    noted["postgres:18"]["at"] -= refusals.AGE
    path.write_text(json.dumps(noted))


def damage(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals._path(platform.instance).write_text('{"postgres:18": {"code": "image-unavailable", "at": "now"}}')


@pytest.mark.parametrize("change", [resolver, proxy, file, time_passes, damage], ids=lambda change: change.__name__)
def test_it_is_tried_again_after_a_change(
    engine: fake_engine.Server, platform: Platform, monkeypatch: pytest.MonkeyPatch, change: Callable[..., None]
) -> None:
    chosen(platform, "postgres")
    change(platform, monkeypatch)
    chosen(platform, "postgres")
    assert tries(engine) == 2


def test_who_insists_is_told_at_each_try(engine: fake_engine.Server, platform: Platform) -> None:
    for _ in range(2):
        with pytest.raises(DevError) as refused:
            chosen(platform, "postgres", Asked(infra="docker"))
        assert refused.value.because.startswith("no network to the registry: "), refused.value.because
    assert tries(engine) == 2


FULL = "write /var/lib/docker/tmp/GetImageBlob1: no space left on device"
LIMIT = "toomanyrequests: You have reached your pull rate limit."
LOGIN = "Get https://x/v2/: unauthorized: authentication required"


@pytest.mark.parametrize("said", [FULL, LIMIT, LOGIN])
def test_what_a_person_mends_at_once_is_tried_again(engine: fake_engine.Server, platform: Platform, said: str) -> None:
    engine.answers = {**engine.answers, PULL: (500, {"message": said})}
    chosen(platform, "postgres")
    engine.answers = {**engine.answers, PULL: (500, {"message": NO_HOST})}
    assert "no network" in chosen(platform, "postgres")[1][0] and tries(engine) == 2


def test_without_a_fallback_it_is_tried_at_each_start(engine: fake_engine.Server, platform: Platform) -> None:
    chosen(platform, "postgres")
    entry = platform.infra["postgres"]
    alone = Platform(replace(platform.loaded, desired=replace(platform.desired, infra={
        "postgres": replace(entry.wants, fallback=False)
    })), platform.instance)  # fmt: skip
    for count in (2, 3):
        with pytest.raises(DevError) as refused:
            chosen(alone, "postgres")
        assert "as at the last try" not in refused.value.because and refused.value.hint and tries(engine) == count


def test_the_digest_of_the_network_leaves_out_that_of_containers(tmp_path: Path) -> None:
    table, resolv = tmp_path / "route", tmp_path / "resolv.conf"
    head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    row = "{}\t000A0A0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"

    def digest(rows: str, servers: str = "nameserver 10.0.0.1\n", **env: str) -> str:
        table.write_text(head + rows)
        resolv.write_text(servers)
        return reach.digest(env, table, resolv)

    wlan = digest(row.format("wlan0"))
    assert wlan == digest(row.format("wlan0") + row.format("br-0123") + row.format("docker0"))
    assert wlan == digest(row.format("wlan0"), "# made by hand\nnameserver  10.0.0.1\n")
    others = [digest(""), digest(row.format("tun0")), digest(row.format("wlan0"), ""),
              digest(row.format("wlan0"), https_proxy="http://proxy.example")]  # fmt: skip
    assert wlan not in others and len(set(others)) == 4
    table.unlink()
    assert reach.digest({}, table, resolv)
