"""Where identities come from: the mode, keys that do not fit, and secrets that others of this machine could read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import facts.auth
from converge import auth, envfile
from converge.context import ConvergeContext
from converge.steps import Item, Step
from facts.probe import AnyProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

KEPT = ("secrets", "private", "env")
"""Directories of an instance's state that are for its owner alone."""
HINTS = {
    "auth-keys": "copy it again from Clerk's dashboard",
    "auth-pair": "use keys of one Clerk instance",
    "auth-parties": "write the web applications' origins into AUTH_AUTHORIZED_PARTIES, with commas",
    "auth-marker": "remove it from [env], or do not set APP_ENV=test",
}


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """The mode that the variables mean, and what is open to others."""
    if not auth.declared(context.desired):
        return []
    state, file = context.instance.state, envfile.place(context.instance)
    kits = context.desired.auth is not None
    return [
        facts.auth.probe(file, auth.fixed(context.desired), auth.open_names(context.desired), kits),
        facts.auth.loose([state / name for name in KEPT]),
    ]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """The mode, each variable that does not fit, and the files."""
    if not auth.declared(context.desired):
        return
    identity, loose = observation["auth.identity"], observation["auth.loose"]
    if isinstance(identity, Unknown):
        yield Item("auth.mode", "auth", "unknown", "?", "clerk, local or test", because=identity.because)
    elif auth.concerns(context.desired, identity):
        yield from _judged(context, identity)
    else:
        yield Item("auth.mode", "auth", "skipped", "no keys", "optional")
    if isinstance(loose, Unknown):
        yield Item("auth.files", "auth", "unknown", "?", "only for you", because=loose.because)
    elif not loose:
        yield Item("auth.files", "auth", "ok", "only for you", "only for you")
    else:
        first = Path(loose[0]).relative_to(context.instance.state)
        because = f"other users can read {first}" + (f" and {len(loose) - 1} more" if len(loose) > 1 else "")
        step = Step("auth.files", "auth", "make secrets private", because, args={"paths": list(loose)})
        yield Item("auth.files", "auth", "drift", f"{len(loose)} open", "only for you", because, step=step)


def apply(step: Step, machine: Machine) -> None:
    """Take away every right but the owner's; what is gone meanwhile, or leads elsewhere, is left alone."""
    state = machine.context.instance.state
    for path in map(Path, step.args["paths"]):
        if path.is_symlink() or not path.is_relative_to(state):
            continue
        if path.is_dir():
            machine.make_directory(path, 0o700)
        elif path.is_file():
            machine.write(path, path.read_bytes(), 0o600)


def _judged(context: ConvergeContext, identity: facts.auth.Identity) -> Iterable[Item]:
    source = context.loaded.source("auth.issuer") if context.desired.auth else ""
    want = "clerk, local or test"
    for wrong in identity.wrong:
        at = context.loaded.source(f"env.{wrong.name}")
        hint = HINTS[wrong.code]
        yield Item(f"auth.{wrong.name}", "auth", "manual", "invalid", "", wrong.because, hint, at, wrong.code)
    if identity.mode != "refused":
        yield Item("auth.mode", "auth", "ok", identity.mode, want, identity.because, source=source)
    elif not identity.wrong or "APP_ENV is test, and CLERK" in identity.because:
        hint = 'set APP_ENV = "development" in [env], or Clerk\'s keys in .dev/values or desired_state.local.toml'
        at = context.loaded.source("env.APP_ENV")
        yield Item("auth.mode", "auth", "manual", "refused", want, identity.because, hint, at, "auth-refused")
