"""Variables of [env]: generated ones made once, required ones named when absent, none ever shown."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import facts.auth
import facts.env
import facts.files
from converge import envfile, trust
from converge.context import ConvergeContext
from converge.env_files import doctor, files
from converge.errors import DevError
from converge.redaction import local
from converge.steps import Item, Step
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

LOCAL = "desired_state.local.toml"
"""File of this machine's own overrides (converge/schema.py)."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """The env file's mode, which of the names it and this process have, and what an IDE is given."""
    file = envfile.place(context.instance)
    trusted = context.loaded.trusted  # a pattern can be made so that it never ends
    patterns = {name: variable.pattern if trusted else None for name, variable in context.desired.env.items()}
    lent = facts.auth.loose([context.instance.environments], "env.lent")
    found = [facts.files.probe("env.mode", file), *facts.env.probes(file, patterns), lent]
    found += doctor.probes(context)
    if context.desired.env_file:
        shared = LocalProbe("env.shared", lambda: facts.env.presence(_shared(context), patterns))
        found.append(shared)
    if local.in_local_file(context.loaded):
        found.append(facts.env.readable(context.instance.checkout / LOCAL, "env.local"))
    return found


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each variable that is not a plain value, and who may read the files that contain them."""
    yield from _local(context, observation)
    yield from _lent(context, observation)
    yield from doctor.items(context, observation)
    entry, stored, process = observation["env.mode"], observation["env.file"], observation["env.process"]
    if bad := next((fact for fact in (stored, entry) if isinstance(fact, Unknown)), None):
        because = f"{envfile.path(context.instance)} cannot be used: {bad.because}"
        hint = "it must be a file with NAME=VALUE lines: correct it, or move it away"
        yield Item("env.file", "env", "unknown", "?", "readable", because, hint)
        return
    if entry.kind == "file" and entry.mode != "600":
        why = f"its mode is {entry.mode}"
        step = Step("env.file", "env", "make .dev/values private", why)
        yield Item("env.file", "env", "drift", entry.mode, "600", why, step=step)
    given = {} if isinstance(process, Unknown) else process
    shared = observation["env.shared"] if context.desired.env_file else {}
    present = {**given, **({} if isinstance(shared, Unknown) else shared), **stored}
    missing = _missing(context, present)
    for name, variable in context.desired.env.items():
        if variable.value is None:
            yield _item(context, name, present.get(name), missing)


def _shared(context: ConvergeContext) -> Mapping[str, str]:
    """The values of the env_file of [env]; none where a file has an item of its own that says why."""
    try:
        return files.values(context.loaded, context.instance.checkout)
    except DevError:
        return {}


def _item(
    context: ConvergeContext, name: str, matches: bool | Literal["slow"] | None, missing: Sequence[Mapping[str, Any]]
) -> Item:
    """A variable that is not a plain value; `matches` says whether it is set, and fits its pattern."""
    key, source, variable = f"env.{name}", context.loaded.source(f"env.{name}"), context.desired.env[name]
    if matches in ("slow", False):
        return _mismatch(name, str(variable.pattern), matches == "slow", source)
    if matches and variable.pattern and not context.loaded.trusted:
        return Item(key, "env", "unknown", "set", str(variable.pattern), trust.WHY, source=source)
    if matches:
        return Item(key, "env", "ok", "set", "set", source=source)
    if variable.generate:
        return _generated(name, missing, source)
    if variable.required:
        hint = f"write {name}=… into .dev/values"
        return Item(key, "env", "manual", "absent", "set", "only you can provide it", hint, source, "env-missing")
    return Item(key, "env", "skipped", "absent", "optional", source=source)


def _missing(context: ConvergeContext, present: facts.env.Presence) -> list[dict[str, Any]]:
    """What has to be generated, as JSON values."""
    return [
        {"name": name, "prefix": variable.prefix, "bytes": variable.bytes}
        for name, variable in context.desired.env.items()
        if variable.value is None and variable.generate and name not in present
    ]


def _generated(name: str, missing: Sequence[Mapping[str, Any]], source: str) -> Item:
    """A value that is not there yet. All are in one file, which is written once: by the step of the first."""
    key, why, first = f"env.{name}", "it has no value yet", f"env.{missing[0]['name']}"
    after, args = ("env.file", {"missing": missing}) if key == first else (first, {"made_by": first})
    before = (after, "state.values")
    step = Step(key, "env", f"generate {name} into .dev/values", why, after=before, args=args)
    return Item(key, "env", "drift", "absent", "set", why, source=source, step=step)


def _mismatch(name: str, pattern: str, slow: bool, source: str) -> Item:
    """A value that does not match the pattern, or for which that takes too long to find out."""
    key = f"env.{name}"
    if slow:
        found, hint = "the search takes too long", "write a pattern in which no repeated part has repeated parts"
        return Item(key, "env", "unknown", found, pattern, "it could not be checked", hint, source)
    hint, because = f"correct {name} in .dev/values", "its value does not match the pattern"
    return Item(key, "env", "manual", "does not match", pattern, because, hint, source, "env-pattern")


def apply(step: Step, machine: Machine) -> None:
    """Append the values; the rest of the file is not changed."""
    if "paths" in step.args:
        _close(step.args["paths"], machine)
        return
    if "made_by" in step.args:
        return
    file = envfile.path(machine.context.instance)
    text = envfile.text(machine.context.instance) or "# Values of [env] for this machine; never commit them.\n"
    known = facts.env.parse(text)
    fresh = [each for each in step.args.get("missing", ()) if not known.get(each["name"])]
    if fresh and not text.endswith("\n"):
        text += "\n"
    text += "".join(f"{each['name']}={each['prefix']}{secrets.token_urlsafe(each['bytes'])}\n" for each in fresh)
    machine.write(file, text.encode(), mode=0o600)


def _local(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """The machine's own overrides, if they have a secret."""
    mode = observation["env.local"] if local.in_local_file(context.loaded) else ""
    if isinstance(mode, Unknown):
        yield Item("env.local", "env", "unknown", "?", "600", because=mode.because)
    elif mode:
        because = "it has a secret, and other users can read it"
        args = {"paths": [str(context.instance.checkout / LOCAL)]}
        step = Step("env.local", "env", f"make {LOCAL} private", because, args=args)
        yield Item("env.local", "env", "drift", mode, "600", because, source=f"{LOCAL}:1", step=step)


def _lent(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """The environment files of services that are handed off."""
    loose = observation["env.lent"]
    if isinstance(loose, Unknown):
        yield Item("env.lent", "env", "unknown", "?", "only for you", because=loose.because)
    elif loose:
        because = f"other users can read {Path(loose[0]).relative_to(context.instance.dev)}"
        args = {"paths": list(loose)}
        step = Step("env.lent", "env", "make the environment of handed-off services private", because, args=args)
        yield Item("env.lent", "env", "drift", f"{len(loose)} open", "only for you", because, step=step)


def _close(paths: Sequence[str], machine: Machine) -> None:
    own, overrides = machine.context.instance.environments, machine.context.instance.checkout / LOCAL
    for path in map(Path, paths):
        if path == overrides and path.is_file() and not path.is_symlink():
            machine.write(path, path.read_bytes(), 0o600)
        elif path.is_relative_to(own) and path.is_dir() and not path.is_symlink():
            machine.make_directory(path, 0o700)
        elif path.is_relative_to(own) and path.is_file() and not path.is_symlink():
            machine.write(path, path.read_bytes(), 0o600)
