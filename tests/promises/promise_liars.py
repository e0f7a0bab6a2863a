"""Liars: of services that are not what they seem, `start`, `status` and `stop` say what is true."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import wait_until
from tests.promises import liar, oracle
from tests.promises.place import Place
from tests.promises.promise import Broken, Case, Category, Held, Verdict

SERVICE = """schema = 1
[project]
name = "lies"
[services.liar]
kind = "command"
dev = "exec {python} -I -S liar.py {mode} {{host}} {{port}}"
port = {port}
ready = {{ {ready}, timeout = {wait} }}
retries = {retries}
stop_grace = 0.5
"""
HTTP, TCP, LOG = "http = '/'", "tcp = true", "log = 'ready to serve'"


@dataclass(frozen=True)
class Lie:
    """What a liar does, and what must be said of it."""

    mode: str
    ready: str = HTTP
    retries: int = 0
    words: tuple[str, ...] = ()
    """What a start that failed must say, each in any case."""
    turns: bool = False
    """It serves first, and does no longer some seconds later."""
    taken: bool = False
    """A stranger listens on its port from the beginning."""
    wait: int = 3
    """Seconds that its start may take; on a busy machine those that must serve need more."""


LIES = {
    **{
        mode: Lie(mode, wait=20)
        for mode in ("well", "hides", "leaves", "deaf", "binary", "endless_line", "mute", "late")
    },
    "daemonizes": Lie("daemonizes"),
    "needs a terminal": Lie("needs_a_terminal", words=("not a TTY",)),
    "ends at the end of its input": Lie("reads_its_input"),
    "says ready": Lie("says_ready", LOG),
    "says ready, asked by http": Lie("says_ready"),
    "says ready, asked by tcp": Lie("says_ready", TCP),
    "listens elsewhere": Lie("elsewhere", words=("{next}",)),
    "listens on ::1": Lie("another_family", words=("::1",)),
    "ends well": Lie("ends_well"),
    "ends well, retried": Lie("ends_well", retries=1),
    "ends badly": Lie("ends_badly", words=("cannot find the configuration",)),
    "ends badly, retried": Lie("ends_badly", retries=1, words=("cannot find the configuration",)),
    "is killed": Lie("killed"),
    "answers 503": Lie("never", words=("503",)),
    "answers a byte every half second": Lie("drips"),
    "never ends its header": Lie("endless"),
    "never answers": Lie("silent"),
    "speaks another protocol": Lie("banner"),
    "hangs up": Lie("hangs_up"),
    "is not there": Lie("nothing", words=("no mode nothing",)),
    "a stranger has its port": Lie("says_ready", taken=True, words=("taken",)),
    "serves, then dies": Lie("dies", turns=True, wait=20),
    "serves, then stops itself": Lie("stops", turns=True, wait=20),
    "serves, then closes its socket": Lie("closes", turns=True, wait=20),
    "answers well once": Lie("once", turns=True, wait=20),
}


@dataclass(frozen=True)
class Liars:
    """Each is started, looked at and stopped; the oracle asks the port and /proc."""

    name: str = "liars"
    promised: str = (
        "Ready is said of what a process of the component answers, never of anything else, and stop ends it all"
    )
    category: Category = Category.SERVICE
    sample: int = 4
    seconds: float = 90.0

    def cases(self, seed: int) -> Sequence[Case]:
        return [Case(name, lie) for name, lie in LIES.items()]

    def try_one(self, case: Case, place: Place) -> Verdict:
        lie: Lie = case.value
        shutil.copy(Path(liar.__file__), place.checkout.path / "liar.py")
        text = SERVICE.format(python=sys.executable, mode=lie.mode, port=place.port, ready=lie.ready,
                              retries=lie.retries, wait=lie.wait)  # fmt: skip
        (place.checkout.path / "desired_state.toml").write_text(text)
        with contextlib.ExitStack() as stack:
            if lie.taken:
                stack.enter_context(socket.create_server(("127.0.0.1", place.port)))
            wrong = self._watched(place, lie)
        return Broken("\n".join(wrong)) if wrong else Held()

    def _watched(self, place: Place, lie: Lie) -> list[str]:
        started = place.dev("start")
        wrong = [] if lie.turns else [*self._said(place, started.code == 0, f"start ended with {started.code}")]
        if started.code:
            wrong += [f"start does not say {word!r}: {started.err}" for word in lie.words
                      if word.format(next=place.port + 1).lower() not in started.err.lower()]  # fmt: skip
            wrong += [] if "liar" in started.err else ["start does not name it"]
        elif lie.turns:
            wait_until(lambda: not self._serves(place), 20)
        wrong += self._status(place)
        wrong += [f"doctor ended with {code}" for code in (place.dev("doctor").code,) if code not in (0, 2, 4, 5)]
        logs = place.dev("logs")
        wrong += [f"logs printed {found.group()!r}" for found in [re.search(r"[\x00-\x08\x0b-\x1a\x1c-\x1f]|\x1b[\]P]",
                                                                            logs.out)] if found]  # fmt: skip
        stopped = place.dev("stop")
        living = place.processes()
        wrong += [f"stop ended with {stopped.code}: {stopped.err}"] if bool(stopped.code) != bool(living) else []
        return wrong + [f"after stop there is still {each}" for each in living]

    def _status(self, place: Place) -> list[str]:
        entry = place.checkout.components()["liar"]
        said = f"status calls it {entry['state']} ({entry['reason']})"
        wrong = [*self._said(place, entry["state"] == "ready", said)]
        if entry["state"] not in ("ready", "stopped") and not entry["reason"]:
            wrong.append(f"{said} and gives no reason")
        return wrong

    def _said(self, place: Place, ready: bool, words: str) -> Sequence[str]:
        """A contradiction between what was said and what is so."""
        return [f"{words}, but it serves: {not ready}"] if ready != self._serves(place) else []

    def _serves(self, place: Place) -> bool:
        """Whether a process of the place answers."""
        listening = oracle.listeners(place.port)
        ours = {each.pid for each in place.processes()}
        return bool(listening) and listening <= ours and 200 <= oracle.answer(place.port, timeout=10)[0] < 400


PROMISE = Liars()
