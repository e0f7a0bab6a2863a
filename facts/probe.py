"""A probe is a name, a way to look and a parser; `observe` runs every probe asked for in one go."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from facts.value import Unknown, dataclass


@dataclass(frozen=True)
class Probe:
    """One look that portable sh can take, here or on a remote host.

    `sh` prints to stdout; `parse` turns that text into the fact (a frozen value) and may raise ValueError,
    which becomes `Unknown`. `slow` probes run in the background of the batch, so one cannot hold up the rest.
    """

    name: str
    sh: str
    parse: Callable[[str], Any]
    slow: bool = False


@dataclass(frozen=True)
class LocalProbe:
    """One look that sh cannot portably take (sockets, the Docker API): local Python, `Unknown` on a remote host."""

    name: str
    look: Callable[[], Any]


ENDED = "the shell ended before its answer; it needs a directory for temporary files (TMPDIR)"
AnyProbe = Probe | LocalProbe
Observation = Mapping[str, Any]
"""Fact name -> frozen value or `Unknown`; all of one moment."""


class Reader(Protocol):
    """A machine one can only look at."""

    @property
    def is_local(self) -> bool:
        """Whether it is this machine."""
        ...

    def run_script(self, script: str, deadline: float) -> str:
        """Run one sh script and give its stdout, cut short at `deadline` seconds, which is kept outside the script."""
        ...


def observe(probes: Sequence[AnyProbe], reader: Reader, deadline: float = 10.0) -> Observation:
    """Every probe's fact, looked up in one batch; a record that is missing or cut short is `Unknown`."""
    shell = [probe for probe in probes if isinstance(probe, Probe)]
    found: dict[str, Any] = {}
    if shell:
        nonce = os.urandom(8).hex()
        began = time.monotonic()
        records = split(reader.run_script(render(shell, nonce, deadline), deadline), nonce)
        lacking = f"no answer within {deadline:g} s" if time.monotonic() - began > deadline / 2 else ENDED
        for index, probe in enumerate(shell):
            found[probe.name] = _parsed(probe, records.get(index), lacking)
    found |= {probe.name: _looked(probe, reader) for probe in probes if isinstance(probe, LocalProbe)}
    return found


def render(probes: Sequence[Probe], nonce: str, deadline: float = 10.0) -> str:
    """The one script: each probe in a subshell of its own, framed by lines that only this run can know.

    Shortly before the deadline slow ones that still run are ended, so that the others' records come in time.
    """
    lines = ["export LC_ALL=C"]
    slow = [index for index, probe in enumerate(probes) if probe.slow]
    if slow:
        lines += [
            f"later=$(mktemp -d 2>/dev/null || mktemp -d /tmp/{nonce}.XXXXXX) || exit 1",
            "trap 'rm -rf \"$later\"' EXIT",
        ]
        for i in slow:
            lines.append(f'( ({probes[i].sh}\n) >"$later/{i}"; : >"$later/{i}.ended") 2>/dev/null </dev/null & p{i}=$!')
        ending = "; ".join(f'[ -e "$later/{i}.ended" ] || kill $p{i}' for i in slow)
        lines.append(
            f"(sleep {deadline - min(1, deadline / 4):g} && {{ {ending}; }}) >/dev/null 2>&1 </dev/null & dog=$!"
        )
    for index, probe in enumerate(probes):
        if not probe.slow:
            body = f"({probe.sh}\n) 2>/dev/null </dev/null"
            lines.append(f"echo '{nonce} begin {index}'; {body}; echo; echo '{nonce} end {index}'")
    if slow:
        lines.append(f"wait {' '.join(f'$p{i}' for i in slow)}; kill $dog")
        for i in slow:
            record = f"echo '{nonce} begin {i}'; cat \"$later/{i}\"; echo; echo '{nonce} end {i}'"
            lines.append(f'[ ! -e "$later/{i}.ended" ] || {{ {record}; }}')
    return "\n".join(lines) + "\n"


def split(text: str, nonce: str) -> dict[int, str]:
    """The whole records of a batch's output, by the probe's place in it; one without its end is left out."""
    records: dict[int, str] = {}
    for part in text.split(f"{nonce} begin ")[1:]:
        head, _, rest = part.partition("\n")
        body, end, _ = rest.partition(f"\n{nonce} end {head}\n")
        if end and head.isdigit():
            records[int(head)] = body
    return records


def _parsed(probe: Probe, text: str | None, lacking: str) -> Any:
    if text is None:
        return Unknown(lacking)
    try:
        return probe.parse(text)
    except (ValueError, LookupError) as problem:
        return Unknown(f"unexpected answer: {problem}")


def _looked(probe: LocalProbe, reader: Reader) -> Any:
    if not reader.is_local:
        return Unknown("can only be checked on the machine itself")
    try:
        return probe.look()
    except OSError as problem:
        where = f": {problem.filename}" if problem.strerror and problem.filename else ""
        return Unknown((problem.strerror or str(problem)) + where)
    except ValueError as problem:  # a pattern that cannot be searched for in time, or a path that cannot be one
        return Unknown(str(problem))
