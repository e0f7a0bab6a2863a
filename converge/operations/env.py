"""Variables of [env]: generated ones made once, required ones named when absent, none ever shown."""

from __future__ import annotations

import os
import re
import secrets
import shlex
from collections.abc import Iterable, Sequence

from converge import envfile
from converge.context import ConvergeContext
from converge.machine import Machine
from converge.steps import Item, Step
from facts.probe import AnyProbe, LocalProbe, Observation, Probe
from facts.value import Unknown


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """The env file's mode and content, and which of the names this process has."""
    file = shlex.quote(str(envfile.path(context.instance)))
    names = list(context.desired.env)
    mode = f"[ -e {file} ] || {{ echo absent; exit; }}; [ -r {file} ] && ls -l {file} | cut -c1-10"
    return [
        Probe("env.mode", mode, str.strip),
        Probe("env.file", f"if [ -e {file} ]; then cat {file}; fi", envfile.parse),
        LocalProbe("env.process", lambda: {name: os.environ[name] for name in names if name in os.environ}),
    ]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """Each variable that is not a plain value, and the env file's own mode."""
    mode, stored, process = observation["env.mode"], observation["env.file"], observation["env.process"]
    if isinstance(stored, Unknown) or isinstance(mode, Unknown):
        yield Item("env.file", "env", "unknown", "?", "readable", because="the env file cannot be read")
        return
    if mode not in ("absent", "-rw-------"):
        step = Step("env.file", "env", "make .dev/env readable for you alone", f"its mode is {mode}", args={})
        yield Item("env.file", "env", "drift", mode, "-rw-------", step=step)
    previous = "env.file"
    given = {} if isinstance(process, Unknown) else process
    for name, variable in context.desired.env.items():
        key, source = f"env.{name}", context.loaded.source(f"env.{name}")
        if variable.value is not None:
            continue
        value = stored.get(name) or given.get(name)
        if value and variable.pattern and not re.search(variable.pattern, value):
            hint = f"correct {name} in .dev/env"
            yield Item(key, "env", "manual", "does not match", variable.pattern, hint=hint, source=source)
        elif value:
            yield Item(key, "env", "ok", "set", "set", source=source)
        elif variable.generate:
            args = {"name": name, "prefix": variable.prefix, "bytes": variable.bytes}
            step = Step(
                key, "env", f"generate {name} into .dev/env", "it has no value yet", after=(previous,), args=args
            )
            previous = key  # one after the other: they write one file
            yield Item(key, "env", "drift", "absent", "set", "it has no value yet", source=source, step=step)
        elif variable.required:
            hint = f"write {name}=… into .dev/env"
            yield Item(key, "env", "manual", "absent", "set", "only a person can give it", hint, source)
        else:
            yield Item(key, "env", "skipped", "absent", "optional", source=source)


def apply(step: Step, machine: Machine) -> None:
    """Append the value; nothing that stands in the file is touched."""
    file = envfile.path(machine.context.instance)
    text = file.read_text("utf-8") if file.exists() else "# Values of [env] for this machine; never commit them.\n"
    name = step.args.get("name")
    if name and name not in envfile.parse(text):
        text += "" if text.endswith("\n") else "\n"
        text += f"{name}={step.args['prefix']}{secrets.token_urlsafe(step.args['bytes'])}\n"
    machine.write(file, text.encode(), mode=0o600)
