"""Commands, crashes and an engineer's habits in any order: the real thing does what a model of three lines says."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.conftest import wait_until
from tests.handoff.platform import Platform
from tests.handoff.test_handoff import listeners

WHO = {"docker": "box", "native": "native", "ide": "ide"}


class Handoffs(RuleBasedStateMachine):
    """`placement` is where the service must be, `home` where it goes back to."""

    it: Platform

    def __init__(self) -> None:
        super().__init__()
        self.it.end()
        self.it.dev("stop")
        self.it.dev("start", "--docker")
        self.placement, self.home, self.boxed = "docker", "docker", True

    def running(self) -> bool:
        return any(process.poll() is None for process in self.it.processes)

    @rule()
    def lend(self) -> None:
        if self.placement != "ide":
            self.home, self.placement = self.placement, "ide"
        self.it.dev("handoff", "echo")

    @rule(to=st.sampled_from([None, "native", "docker"]))
    def give_back(self, to: str | None) -> None:
        if self.placement != "ide" and to is None:
            assert "not handed off" in self.it.dev("handoff", "echo", "--back").err
            return
        self.it.dev("handoff", "echo", *(["--to", to] if to else ["--back"]))
        self.placement = to or self.home

    @rule(docker=st.booleans())
    def start(self, docker: bool) -> None:
        self.it.dev("start", *(["--docker"] if docker else []))
        self.boxed = docker
        if self.placement != "ide":
            self.placement = "docker" if docker else "native"

    @precondition(lambda self: self.placement == "ide" and not self.running())
    @rule()
    def press_f5(self) -> None:
        self.it.ide()
        wait_until(lambda: self.it.ask() == "ide")

    @precondition(lambda self: self.running())
    @rule()
    def stop_the_debugger(self) -> None:
        self.it.end()

    @precondition(lambda self: self.it.edge())
    @rule()
    def kill_the_edge(self) -> None:
        before = self.it.edge()
        self.it.kill(before)
        wait_until(lambda: self.it.edge() not in (0, before))

    @rule(step=st.integers(1, 40), words=st.sampled_from([["echo"], ["echo", "--back"], ["echo", "--to", "native"]]))
    def die(self, step: int, words: list[str]) -> None:
        """The run may have got anywhere; what the next command makes of it is legal, and is where the model goes on."""
        self.it.die(step, "handoff", *words)
        self.it.dev("start", *(["--docker"] if self.boxed else []))
        before, self.placement = self.placement, self.it.placement()
        assert self.placement in ("ide", "docker" if self.boxed else "native"), self.placement
        if self.placement == "ide" and before != "ide":
            self.home = str(self.it.dev("handoff", "--status", "--json").json["handed_off"][0]["home"])

    @invariant()
    def one_owner_who_answers(self) -> None:
        assert self.it.placement() == self.placement
        assert self.it.owner() in (self.placement, ""), self.it.owner()
        assert self.it.runs("echo-box") == (self.placement == "docker")
        assert listeners(self.it.port)[:1] == ["127.0.0.1"]
        if self.placement != "ide" or self.running():
            assert self.it.ask() == WHO[self.placement]
            if self.boxed:
                assert self.it.ask_inside() == WHO[self.placement]


def test_any_order_of_commands_and_crashes_ends_with_one_owner_who_answers(boxed: Platform) -> None:
    machine: Any = type("Machine", (Handoffs,), {"it": boxed})
    how = settings(
        max_examples=3, stateful_step_count=9, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate], print_blob=False,
    )  # fmt: skip
    run_state_machine_as_test(machine, settings=how)
