"""What an installer said when it failed: the few lines that tell why, and what a person can do."""

from __future__ import annotations

import re

from converge import network
from converge.installers.rows import Installer

MOST = 5
"""Lines that are shown."""
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
PREFIX = re.compile(r"^(npm (error|ERR!)|➤)(?= |$)")
NOISE = re.compile(
    r"\s*(at .*[(:/].*|code E(USAGE|JSONPARSE)|\(node:\d+\) .*|\(Use `node .*|A complete log of this run .*"
    r"|(npm )?warn(ing)?\b.*|info .*|YN0000: .*)?",
    re.IGNORECASE,
)  # frames of a stack, an empty line, the code of an error that the next line explains, and words beside the matter
USAGE = re.compile(r"Usage:|Clean install a project|Run \"npm help .*")
"""From here on npm explains itself."""
PROBLEM = re.compile(
    r"(?i)\berror|\bERR_|\bfail|cannot|can't|could not|\bcan only\b|unable|not found|invalid|unexpected|forbidden"
    r"|changed signif"
)
STALE = re.compile(
    r"in sync|is frozen|would have been modified|OUTDATED_LOCKFILE|not up to date|needs to be updated"
    r"|changed significantly|missing go\.sum entry|updates to go\.mod needed|because --locked was passed"
)
"""What installers say of a lock file that does not fit its manifest."""


def reason(said: str, otherwise: str = "") -> str:
    """The first line that names a problem and those after it, or the last lines; of `said` (stderr) if it has any."""
    texts = [_lines(said), _lines(otherwise)]
    for lines in texts:
        if at := [number for number, line in enumerate(lines) if PROBLEM.search(line)]:
            return " / ".join(lines[at[0] :][:MOST])
    return " / ".join((texts[0] or texts[1])[-MOST:])


def hint(row: Installer, lock: str, said: str) -> str:
    """What a person can do about it."""
    if STALE.search(said):
        return f"{lock} does not fit {row.manifest}: {row.write}, and commit it"
    return network.hint(said, f"check the network and {lock}, then run again")


def _lines(said: str) -> list[str]:
    found = []
    for line in COLOUR.sub("", said).splitlines():
        text = PREFIX.sub("", line).rstrip()
        if USAGE.fullmatch(text.strip()):
            break
        if not NOISE.fullmatch(text):
            found.append(text.strip())
    return found
