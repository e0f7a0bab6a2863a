"""Whether a machine's own overrides have a secret, so that no other user may read their file."""

from __future__ import annotations

from converge.desired import Desired, Loaded
from converge.redaction import patterns


def in_local_file(loaded: Loaded) -> bool:
    """Whether `desired_state.local.toml` gives a secret its value, or has a password in a URL."""
    keys = (key.split(".") for key in loaded.overrides)
    return any(_is_secret(loaded.desired, key) for key in keys if key[0] != "env" or key[1] in loaded.desired.env)


def _is_secret(desired: Desired, key: list[str]) -> bool:
    if key[0] == "env":
        variable = desired.env[key[1]]
        hidden = variable.secret or bool(variable.generate) or patterns.secret_name(key[1])
        return bool(variable.value) and (hidden or any(patterns.userinfo(variable.value or "")))
    if key[0] == "docker":
        return any(patterns.userinfo((desired.docker and desired.docker.mirror) or ""))
    if len(key) > 3 and key[2] == "env":
        own = desired.infra[key[1]].env if key[0] == "infra" else desired.services[key[1]].env
        return patterns.secret_name(key[3]) or any(patterns.userinfo(own.get(key[3], "")))
    return False
