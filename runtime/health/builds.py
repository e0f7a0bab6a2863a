"""Judge a component by its processes: they compile, wait for a change, or listen on another port."""

from __future__ import annotations

import re

from facts import elsewhere, family
from runtime.component import Component
from runtime.health import lines, reloaders
from runtime.health.reloaders import Reloader, Work
from runtime.health.verdict import Verdict
from runtime.placements.seen import Seen

READ = 65536
"""Bytes at the end of its log in which its last messages are searched."""
WORDS = 4
"""Lines of these messages that are shown."""
FRAMES = re.compile(
    r"at .*[:(]|goroutine \d|created by |[\w./*()-]+\(.*\)$|\S+:\d+ \+0x|exit status \d|Node\.js v\d|[\^~\s]+$"
)
"""Lines of a call stack in Node.js and Go: they say where an error was, but not which. Python's come before it."""
BUILDERS = tuple(reloader for reloader in reloaders.RELOADERS if reloader.broken and reloader.good)
"""Reloaders that build, and keep the earlier program if a build fails."""


def judge(component: Component, seen: Seen, missing: str) -> Verdict:
    """The verdict on a native component; `missing` says why it is not ready, empty if it is."""
    pid = seen.pid
    if not pid:
        return Verdict("starting" if missing else "ready", missing)
    if not missing and component.port:
        return Verdict("ready", _broken(component, seen, pid))
    work = reloaders.look(pid)
    if not component.port and (work.runs or not _crashed(component, seen, work)):
        return Verdict("starting", missing) if missing else Verdict("ready", _broken(component, seen, pid))
    if work.state == "compiling":
        return Verdict("compiling", f"compiling, {work.seconds:.0f} s")
    if work.state == "ended" and work.reloader:
        words = " / ".join(_words(lines.since_began(component, seen, READ), work.reloader))
        reason = f"its program has ended or could not be built; {work.reloader.name} waits for the next change"
        return Verdict("failed", f"{reason}: {words}" if words else reason)
    return Verdict("starting", _elsewhere(component, pid) or missing)


def _crashed(component: Component, seen: Seen, work: Work) -> bool:
    """Whether what has ended without a port to answer was no command that ends well, such as a generator of code."""
    if work.state != "ended" or not work.reloader:
        return bool(work.state)
    chatter, crashed = work.reloader.chatter, work.reloader.crashed
    own = (line for line in reversed(lines.since_began(component, seen, READ)) if re.search(chatter, line))
    return bool(crashed and re.search(crashed, next(own, "")))


def in_container(component: Component, seen: Seen, missing: str) -> Verdict:
    """The verdict on a service in a container that is not ready: it may compile its program first.

    Its processes are those of this machine unless the engine has its own: then the container's control group tells.
    """
    if component.is_service and seen.pid and family.in_group(seen.pid, seen.fingerprint):
        work = reloaders.judge(family.of(seen.pid))
        if work.state == "compiling":
            return Verdict("compiling", f"compiling, {work.seconds:.0f} s")
    return Verdict("starting", missing)


def _elsewhere(component: Component, pid: int) -> str:
    """That it listens on another address, and what to change; empty if it is right or it does not listen yet."""
    port = component.port
    places = elsewhere.listening([member.pid for member in family.of(pid)])
    if not port or not places or any(at == port and elsewhere.is_local(address) for address, at in places):
        return ""
    here = [address for address, at in places if at == port]
    if here:
        return (
            f"it listens on port {port} of {', '.join(here)} alone, where 127.0.0.1 does not lead; "
            "let it listen on 127.0.0.1, as the variable HOST and {host} in `dev` say"
        )
    found = ", ".join(f"[{address}]:{at}" if ":" in address else f"{address}:{at}" for address, at in places[:3])
    return (
        f"it listens on {found}, and not on {port}; let it listen where the variable PORT and {{port}} in `dev` say, "
        "or change its `port`"
    )


def _broken(component: Component, seen: Seen, pid: int) -> str:
    """The compiler's messages, if the last build failed and the earlier program still runs."""
    if reloaders.of(family.command(pid)) not in BUILDERS:
        return ""
    said = lines.since_began(component, seen, READ)
    for at in range(len(said) - 1, -1, -1):
        for reloader in BUILDERS:
            if re.search(reloader.good, said[at]):
                return ""
            if re.search(reloader.broken, said[at]):
                words = " / ".join(_words(said[:at], reloader))
                return f"its last build failed, the program of the build before runs: {words}"
    return ""


def _words(said: list[str], reloader: Reloader) -> list[str]:
    """The last lines without those of the reloader and of call stacks, each once."""
    found: list[str] = []
    for line in reversed(said):
        text = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
        said_by_reloader = reloader.chatter and re.search(reloader.chatter, text)
        if text and text not in found and not FRAMES.match(text) and not said_by_reloader:
            found.insert(0, text[:200])
        if len(found) == WORDS:
            break
    return found
