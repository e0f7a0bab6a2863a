"""What desired_state.local.toml changes of a variable, and what it leaves."""

from __future__ import annotations

from converge import schema

STATE = b"""
schema = 1
[project]
name = "x"
[env]
GIVEN = { required = false, secret = true, only = ["a"] }
MADE = { generate = "token", secret = true }
[services.a]
kind = "command"
dev = "true"
"""


def test_a_value_of_this_machine_stays_secret_and_where_it_belongs() -> None:
    loaded = schema.parse(STATE, b'[env]\nGIVEN = "mine"\nMADE = "mine too"\nOTHER = "more"\n')
    env = loaded.desired.env
    assert (env["GIVEN"].value, env["GIVEN"].secret, env["GIVEN"].only) == ("mine", True, ("a",))
    assert (env["MADE"].value, env["MADE"].secret, env["MADE"].generate) == ("mine too", True, None)
    assert env["OTHER"].value == "more" and loaded.source("env.GIVEN") == "desired_state.local.toml:2"
