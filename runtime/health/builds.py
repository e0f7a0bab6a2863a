"""A component by what its processes are at: compiling, or a reloader without a program; in its compiler's own words."""

from __future__ import annotations

import re

from facts import family
from runtime.component import Component
from runtime.health import lines, reloaders
from runtime.health.reloaders import Reloader
from runtime.health.verdict import Verdict
from runtime.placements.seen import Seen

READ = 65536
"""Bytes of its log's end in which its last words are looked for."""
WORDS = 4
"""Lines of them that are shown."""
FRAMES = re.compile(
    r"at .*[:(]|goroutine \d|created by |[\w./*()-]+\(.*\)$|\S+:\d+ \+0x|exit status \d|Node\.js v\d|[\^~\s]+$"
)
"""Lines that say where something broke, but not what: of Node.js and Go. Python's stand before the error."""
BUILDERS = tuple(reloader for reloader in reloaders.RELOADERS if reloader.broken and reloader.good)
"""Reloaders that build, and keep the program of the build before where one fails."""


def judge(component: Component, seen: Seen, missing: str) -> Verdict:
    """The verdict on a native component that lacks `missing`; empty where it is ready."""
    pid = seen.told.get("pid")
    if not pid:
        return Verdict("starting" if missing else "ready", missing)
    if not missing:
        return Verdict("ready", _broken(component, seen, int(pid)))
    work = reloaders.look(int(pid))
    if work.state == "compiling":
        return Verdict("compiling", f"compiling, {work.seconds:.0f} s")
    if work.state == "ended" and work.reloader:
        words = " / ".join(_words(lines.since_began(component, seen, READ), work.reloader))
        reason = f"its program has ended or could not be built; {work.reloader.name} waits for the next change"
        return Verdict("failed", f"{reason}: {words}" if words else reason)
    return Verdict("starting", missing)


def _broken(component: Component, seen: Seen, pid: int) -> str:
    """Of a program that runs on although its last build failed: what the compiler said."""
    if reloaders.of(family.command(pid)) not in BUILDERS:
        return ""
    said = lines.since_began(component, seen, READ)
    for at in range(len(said) - 1, -1, -1):
        for reloader in BUILDERS:
            if re.search(reloader.good, said[at]):
                return ""
            if re.search(reloader.broken, said[at]):
                words = " / ".join(_words(said[:at], reloader))
                return f"its last build failed, the program of the one before runs: {words}"
    return ""


def _words(said: list[str], reloader: Reloader) -> list[str]:
    """The last lines that are neither the reloader's own nor a call stack, each once."""
    found: list[str] = []
    for line in reversed(said):
        text = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
        said_by_reloader = reloader.chatter and re.search(reloader.chatter, text)
        if text and text not in found and not FRAMES.match(text) and not said_by_reloader:
            found.insert(0, text[:200])
        if len(found) == WORDS:
            break
    return found
