"""The tool's own tree, `.dev` of the checkout: parts that cannot be used, and files that a killed run left."""

from __future__ import annotations

import contextlib
import os
import shlex
import stat
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import facts.state
from converge import identity, lockfile, managed_paths, temporaries, trust
from converge.context import ConvergeContext
from converge.errors import DevError
from converge.instance import is_name
from converge.steps import Item, Step
from facts.probe import AnyProbe, LocalProbe, Observation
from facts.value import Unknown

if TYPE_CHECKING:
    from converge.machine import Machine

LOCAL = "desired_state.local.toml"
IDES = (".vscode/launch.json", ".vscode/tasks.json")
"""Files of IDEs that ./dev writes entries into."""
FIRST = ("", "lock")
"""Parts without which nothing can be repaired: a repair begins with the lock."""


def probes(context: ConvergeContext) -> Sequence[AnyProbe]:
    """The parts of `.dev`, and what was left there and beside the files that ./dev writes elsewhere."""
    dev, checkout = context.instance.dev, context.instance.checkout
    beside = [checkout / LOCAL, checkout / lockfile.NAME, *(checkout / each for each in IDES)]
    beside += [checkout / f".run/dev {name}.run.xml" for name in context.desired.services]
    beside += [*(checkout / managed_paths.normal(path) for path in context.desired.files)]
    beside += filter(None, [trust.file(checkout), identity.record(checkout, context.instance.id)])
    return [
        facts.state.probe("state.parts", dev, is_name),
        LocalProbe("state.temporaries", lambda: tuple(temporaries.left(dev, beside))),
    ]


def items(context: ConvergeContext, observation: Observation) -> Iterable[Item]:
    """One item for each part that cannot be used, and one for all that was left; none where all is well."""
    parts, left = observation["state.parts"], observation["state.temporaries"]
    if isinstance(parts, Unknown) or isinstance(left, Unknown):
        yield Item("state.parts", "state", "unknown", "?", "readable", because="the directory .dev cannot be read")
        return
    dev = context.instance.dev
    for part in parts:
        if (part.path, part.found) == ("env", "a file"):
            continue  # the old name of `values`: the next repair renames it
        if _is_strange(context, part):
            continue
        key, path, want = f"state.{part.path or '.dev'}", dev / part.path, f"a {part.want}"
        because = f"{path} is {part.found}"
        if not part.how or part.path in FIRST:
            hint = "move it away, or correct its owner and mode, then run again"
            if part.how == "remove":
                hint = f"rm -d {shlex.quote(str(path))}"
            yield Item(key, "state", "manual", part.found, want, because, hint, code="not-writable")
            continue
        change = f"make {path} {want}" if part.want == "directory" else f"delete {path}"
        change = change if part.how == "remove" else f"make {path} writable for you"
        args = {"path": str(path), "want": part.want, "how": part.how}
        step = Step(key, "state", change, because, args=args)
        yield Item(key, "state", "drift", part.found, want, because, step=step)
    if left:
        because = "a run was killed while it wrote them, and they may have secrets"
        found = f"{len(left)} left, as {left[0]}"
        step = Step("state.temporaries", "state", "delete incomplete files", because, args={"paths": list(left)})
        yield Item("state.temporaries", "state", "drift", found, "none", because, step=step)


def _is_strange(context: ConvergeContext, part: facts.state.Part) -> bool:
    """Whether it is a file that others put among the directories of components; one of a component is in its way."""
    *above, name = part.path.split("/")
    names = (*context.desired.infra, *context.desired.services)
    return above[-1:] == ["run"] and part.found == "a file" and name not in names


def of_component(item: Item) -> bool:
    """Whether only one component needs the part: its log, or what is in its directory."""
    return item.noun == "state" and item.id.count("/") >= 3


def apply(step: Step, machine: Machine) -> None:
    """Remove what has no content, make the directory, correct the mode; or delete what was left."""
    try:
        for left in step.args.get("paths", ()):
            with contextlib.suppress(FileNotFoundError):  # somebody was faster
                os.unlink(left)
        if "how" in step.args:
            _repair(step.args["path"], step.args["want"], step.args["how"])
    except FileNotFoundError:
        pass  # somebody was faster
    except OSError as problem:
        raise DevError("not-writable", f"{problem.filename} was not changed", because=str(problem.strerror)) from None


def _repair(path: str, want: str, how: str) -> None:
    about = os.lstat(path)
    if how == "mode":
        if stat.S_ISLNK(about.st_mode):
            raise DevError("not-writable", f"{path} was not changed", because="it is a link meanwhile")
        os.chmod(path, stat.S_IMODE(about.st_mode) | (0o700 if want == "directory" else 0o600))
        return
    if stat.S_ISDIR(about.st_mode):
        os.rmdir(path)  # refused by the system if it is not empty
    elif stat.S_ISREG(about.st_mode) and about.st_size:
        raise DevError("not-writable", f"{path} was not removed", because="it has content meanwhile")
    else:
        os.unlink(path)
    if want == "directory":
        os.mkdir(path, 0o700)
