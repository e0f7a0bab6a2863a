"""From what is seen, wanted and asked to actions; a case is a TOML file beside this one."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.placements.seen import State
from runtime.start.actions import (
    Action,
    Compile,
    Keep,
    Launch,
    Migrate,
    Place,
    Provision,
    Refresh,
    Refuse,
    Resume,
    Stop,
    Switch,
    Wait,
)
from runtime.start.transition import Asked, Obstacle, Seen, Wanted, transition

CASES = sorted(Path(__file__).parent.glob("*.toml"))


def case_of(path: Path) -> tuple[Seen, Wanted, Asked, list[str]]:
    given = tomllib.loads(path.read_text("utf-8"))
    seen: dict[str, Any] = given.get("seen", {})
    if "unready" in seen:
        seen["unready"] = tuple(seen["unready"])
    wanted = {"placement": None, **given.get("wanted", {})}
    assert given["why"].endswith(".")
    return Seen(**seen), Wanted(**wanted), Asked(**given.get("asked", {})), given["do"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    seen, wanted, asked, do = case_of(path)
    assert [str(action) for action in transition(seen, wanted, asked)] == do


def test_every_action_and_every_word_of_it_has_a_case() -> None:
    shown = {text.split()[0].rstrip(",") for path in CASES for text in case_of(path)[3]}
    assert shown == {action.__name__.lower() for action in Action.__subclasses__()}
    for kind, word in ((Keep, "why"), (Refuse, "code")):
        words = {f"{kind.__name__.lower()} {value}" for value in get_args(get_type_hints(kind)[word])}
        assert words == {text for path in CASES for text in case_of(path)[3] if text.startswith(kind.__name__.lower())}


PLACES = st.sampled_from(get_args(Place))
SEEN = st.builds(
    Seen, placement=st.none() | PLACES, state=st.sampled_from(get_args(State)), ready=st.booleans(),
    fingerprint=st.sampled_from("ab"), debugged=st.booleans(), led=st.booleans(),
    unready=st.sampled_from([(), ("postgres",)]), obstacle=st.none() | st.sampled_from(get_args(Obstacle)),
    migrated=st.booleans(), data_replaced=st.booleans(), provisioned=st.booleans(),
).filter(lambda seen: (seen.placement is None) == (seen.state not in ("running", "backoff", "paused")))  # fmt: skip
WANTED = st.builds(
    Wanted, placement=st.none() | PLACES, fingerprint=st.sampled_from("ab"), service=st.booleans(),
    routed=st.booleans(), beside=st.booleans(), migrates=st.booleans(),
)  # fmt: skip
ASKED = st.builds(Asked, again=st.booleans(), debug=st.booleans(), fix=st.booleans())


def done(seen: Seen, wanted: Wanted, asked: Asked) -> Seen:
    """What is seen after every action went well."""
    for action in transition(seen, wanted, asked):
        if isinstance(action, Stop):
            seen = replace(seen, placement=None, state="absent", ready=False, debugged=False, data_replaced=False)
        elif isinstance(action, Launch):
            seen = replace(seen, placement=action.placement, state="running", fingerprint=wanted.fingerprint)
            seen = replace(seen, debugged=asked.debug, data_replaced=False)
        elif isinstance(action, Switch):
            seen = replace(seen, led=True)
        elif isinstance(action, Resume):
            seen = replace(seen, state="running")
        elif isinstance(action, Wait):
            seen = replace(seen, state="running", ready=True)
        elif isinstance(action, Migrate):
            seen = replace(seen, migrated=True)
        elif isinstance(action, Provision):
            seen = replace(seen, provisioned=True)
    return seen


@settings(deadline=None)
@given(SEEN, WANTED, ASKED)
def test_a_second_transition_keeps_everything(seen: Seen, wanted: Wanted, asked: Asked) -> None:
    first = transition(seen, wanted, asked)
    after = done(seen, wanted, asked)
    again = transition(after, wanted, replace(asked, again=False, debug=False))
    if not any(isinstance(action, Refuse) for action in first):
        assert isinstance(again[-1], Keep) and set(map(type, again)) <= {Keep, Refresh}


@settings(deadline=None)
@given(SEEN, WANTED, ASKED)
def test_nothing_is_started_twice_or_beside_what_runs(seen: Seen, wanted: Wanted, asked: Asked) -> None:
    actions = transition(seen, wanted, asked)
    launches = [index for index, action in enumerate(actions) if isinstance(action, Launch)]
    assert len(launches) <= 1
    for index in launches:
        before, after = actions[:index], actions[index + 1 :]
        stops = [action for action in before if action == Stop(seen.placement)] if seen.placement else []
        left = [action for action in actions if isinstance(action, Switch) and action.ending == seen.placement]
        assert seen.placement is None or stops or (left and seen.placement != wanted.placement)
        assert isinstance(after[0], Wait), "what is started is waited for"


@settings(deadline=None)
@given(SEEN, WANTED, ASKED)
def test_what_is_refused_is_left_as_it_is(seen: Seen, wanted: Wanted, asked: Asked) -> None:
    actions = transition(seen, wanted, asked)
    assert actions
    assert len(actions) == 1 or not any(isinstance(action, Refuse) for action in actions)
    assert not (wanted.placement == "ide" and any(isinstance(action, (Stop, Launch, Switch)) for action in actions))


@settings(deadline=None)
@given(SEEN, WANTED, ASKED)
def test_a_container_gets_its_callers_only_when_it_is_ready(seen: Seen, wanted: Wanted, asked: Asked) -> None:
    actions = transition(seen, wanted, asked)
    for index, action in enumerate(actions):
        if action == Switch("docker") or (isinstance(action, Switch) and action.to == "docker"):
            assert (seen.ready and seen.placement == "docker") or Wait() in actions[:index]


@settings(deadline=None)
@given(SEEN, WANTED, ASKED)
def test_migrations_and_databases_are_never_passed_over(seen: Seen, wanted: Wanted, asked: Asked) -> None:
    actions = transition(seen, wanted, asked)
    if wanted.placement not in ("native", "docker") or isinstance(actions[0], Refuse):
        return
    if wanted.migrates and not seen.migrated:
        assert Migrate() in actions
        ended = [index for index, action in enumerate(actions) if action == Stop(seen.placement or "native")]
        assert not ended or actions.index(Migrate()) < ended[0], "a failed migration would leave it stopped"
    if not wanted.service and not seen.provisioned:
        assert Provision() in actions
    if Compile() in actions:
        assert actions[0] == Compile()
