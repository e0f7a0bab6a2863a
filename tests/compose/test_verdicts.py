"""Nothing of a Compose file is left out in silence: each key is taken, ignored or refused, with a reason."""

from __future__ import annotations

import textwrap

import pytest

from converge.compose_file import document, verdicts

FILE = "docker-compose.yml"
TEAM = """\
version: "3.8"
x-common: {restart: always}
services:
  db:
    image: postgres:18
    container_name: shop-db
    healthcheck: {test: [CMD, pg_isready]}
    volumes: ["data:/var/lib/postgresql", "./init.sql:/docker-entrypoint-initdb.d/init.sql:ro"]
    x-note: ours
  mail:
    image: axllent/mailpit
    profiles: [dev]
  api:
    build: .
    image: shop/api
  empty: {}
  odd: text
  child:
    extends: {service: db}
volumes: {data: {}}
"""


def notes(text: str = TEAM, profiles: tuple[str, ...] = (), wanted: tuple[str, ...] | None = None) -> dict[str, str]:
    found = document.read(textwrap.dedent(text).encode(), FILE, {})
    return {
        note.key: f"{note.verdict} {note.source.removeprefix(FILE)} {note.because}".strip()
        for note in verdicts.of(found, profiles, wanted)
    }


def test_image_services_are_taken_and_the_rest_is_said() -> None:
    assert notes() == {
        "version": "ignored :1 Compose has not used it since version 2",
        "x-common": "taken :2",
        "services": "taken :3",
        "volumes": "taken :20",
        "services.db": "taken :4",
        "services.db.image": "taken :5",
        "services.db.container_name": "ignored :6 containers of each instance have names of their own",
        "services.db.healthcheck": "taken :7",
        "services.db.volumes": "taken :8",
        "services.db.x-note": "taken :9",
        "services.mail": "ignored :10 none of its profiles is in [compose] profiles: dev",
        "services.api": "ignored :13 it is built from the checkout: declare it in [services]",
        "services.empty": "ignored :16 it has no image",
        "services.odd": "refused :17 it is not a mapping",
        "services.child": "refused :18 extends: a service that is made from another one is not read",
    }


@pytest.mark.parametrize(
    ("profiles", "wanted", "verdict"),
    [
        (("dev",), None, "taken"),
        (("*",), None, "taken"),
        (("test",), None, "ignored"),
        ((), ("mail",), "taken"),
        (("dev",), ("db",), "ignored"),
    ],
)
def test_profiles_are_those_of_compose(profiles: tuple[str, ...], wanted: tuple[str, ...] | None, verdict: str) -> None:
    assert notes(profiles=profiles, wanted=wanted)["services.mail"].split()[0] == verdict


@pytest.mark.parametrize(
    ("text", "key", "because"),
    [
        ("include: [other.yml]", "include", "refused :1 services of other files"),
        ("servces: {}", "servces", "refused :1 it is not a key of a Compose file"),
        ("services: [a]", "services", "refused :1 it is not a mapping"),
        (
            "services:\n  db:\n    image: a\n    imgae: b",
            "services.db.imgae",
            "refused :4 it is not a key of a service",
        ),
        ("services:\n  db: {image: a, profiles: dev}", "services.db", "refused :2 profiles is not a list"),
        ("services:\n  db: {image: ''}", "services.db", "ignored :2 it has no image"),
        ("services:\n  db: {provider: {type: x}}", "services.db", "refused :2 provider"),
        ("services:\n  db: {image: a, network_mode: host}", "services.db", "refused :2 network_mode: it leaves"),
        ("services:\n  db: {image: a, deploy: {}}", "services.db.deploy", "ignored :2 a component"),
    ],
)
def test_what_is_not_taken_says_why(text: str, key: str, because: str) -> None:
    found = document.read(text.encode(), FILE, {})
    kept = [note for note in verdicts.of(found) if note.key == key]
    said = [f"{note.verdict} {note.source.removeprefix(FILE)} {note.because}" for note in kept]
    assert any(each.startswith(because) for each in said), said


@pytest.mark.parametrize("name", ["api", "empty", "nobody"])
def test_a_service_asked_for_by_name_is_never_left_out_in_silence(name: str) -> None:
    assert notes(wanted=(name,))[f"services.{name}"].startswith("refused")


def test_the_verdicts_on_a_key_exclude_each_other() -> None:
    assert not verdicts.TAKEN & set(verdicts.IGNORED)
    assert not verdicts.TAKEN & set(verdicts.REFUSED)
    assert not set(verdicts.IGNORED) & set(verdicts.REFUSED)
