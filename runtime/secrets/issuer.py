"""Asks the service that mints tokens on this machine; another process on its port gets no request."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

from converge import auth, envfile
from converge.errors import DevError, Exit
from converge.instance import Instance
from converge.issuer_keys import SECRET
from runtime import status
from runtime.component import Component
from runtime.platform import Platform

ANSWER_TIMEOUT = 10.0
"""Seconds in which it must answer."""


class Refusal(Exception):
    """The service answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def ask(platform: Platform, path: str, wish: Mapping[str, Any]) -> dict[str, Any]:
    """Its answer to a tool's POST; raises Refusal, and DevError if the service does not run."""
    component = _component(platform)
    state = status.look(platform, component, timeout=ANSWER_TIMEOUT)
    if state.state != "ready":  # another process on the port must not get the secret
        raise _down(component, state.reason or f"it is {state.state}")
    headers = {"Content-Type": "application/json", "X-Issuer-Secret": _secret(platform.instance)}
    try:
        code, found = exchange(component, path, wish, headers)
    except (OSError, ValueError, http.client.HTTPException) as problem:
        raise _down(component, f"it does not answer: {problem}") from problem
    if code not in (200, 201) or not isinstance(found, dict):
        raise Refusal(code, _message(found) or f"it answers {code}")
    return found


def exchange(
    component: Component, path: str, wish: Mapping[str, Any], headers: Mapping[str, str]
) -> tuple[int, Any]:  # fmt: skip
    """Status and JSON of its answer to a POST; OSError, ValueError or HTTPException if there is none."""
    connection = http.client.HTTPConnection("127.0.0.1", component.port, timeout=ANSWER_TIMEOUT)
    try:
        connection.connect()
        component.verify(connection.sock)
        connection.request("POST", path, json.dumps(wish), dict(headers))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def refused(problem: Refusal) -> DevError:
    """The error for a refusal; status 400 or 422 is a wrong command line."""
    usage = problem.status in (400, 422)
    hint = "" if usage else f"if {SECRET} changed, restart the service"
    exit = Exit.USAGE if usage else Exit.NOT_CONVERGED
    return DevError("token-refused", "no token was minted", because=str(problem), hint=hint, exit=exit)


def _component(platform: Platform) -> Component:
    wants, identity = platform.desired.auth, auth.look(platform.loaded, platform.instance)
    if wants is None:
        raise DevError(
            "auth-absent", "no service mints tokens here", because="the desired state has no [auth]",
            hint="name the service that does: [auth] and its key `issuer`", exit=Exit.BAD_STATE,
        )  # fmt: skip
    source = platform.loaded.source("auth.issuer")
    if identity and identity.mode == "clerk":
        raise DevError(
            "auth-clerk", "no token is minted in clerk mode", because=f"{identity.because}: identities are Clerk's",
            hint="remove the CLERK_ variables, then ./dev restart", source=source,
        )  # fmt: skip
    if identity and identity.mode == "refused":
        raise DevError(
            "auth-refused", "no token is minted", because=identity.because, hint="./dev doctor --only auth",
            source=source, exit=Exit.NEEDS_HUMAN,
        )  # fmt: skip
    return platform.components[wants.issuer]


def _secret(instance: Instance) -> str:
    if value := envfile.values(instance).get(SECRET):
        return value
    raise DevError(
        "secret-absent", f"{SECRET} has no value", because="it gives this user access to the service that mints tokens",
        hint="declare it in [env] with generate, then ./dev doctor --fix and ./dev restart",
    )  # fmt: skip


def _down(component: Component, because: str) -> DevError:
    instance = component.instance.name
    ours = f"./dev --instance {instance}" if instance else "./dev"
    return DevError(
        "issuer-down", f"{component.name} cannot be asked for a token", because=because,
        hint=f"{ours} start {component.name}",
    )  # fmt: skip


def _message(found: Any) -> str:
    """Of `{"error": {"message"}}` or `{"error": "…", "message": "…"}`."""
    error = found.get("error", "") if isinstance(found, dict) else ""
    return str(error.get("message", "") if isinstance(error, dict) else found.get("message", error))
