"""Files with sha256 sums as vendors publish them: `SHA256SUMS`, `checksums.txt`, `NAME.sha256`."""

from __future__ import annotations

import re

SUM = r"[0-9a-fA-F]{64}"


def find(text: str, name: str) -> str | None:
    """The sum of the file with this name, in lower case; None if the text does not have exactly one.

    `SUM  NAME`, `SUM *./NAME`, `SHA256 (NAME) = SUM` and `NAME: SUM`; a sum without a name is that of the only file.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = {total.lower() for line in lines for total in [_of(line, name)] if total}
    if not found and len(lines) == 1 and re.fullmatch(SUM, lines[0]):
        found = {lines[0].lower()}
    return found.pop() if len(found) == 1 else None


def _of(line: str, name: str) -> str | None:
    there = re.escape(name)
    for pattern in (
        rf"({SUM})\s+\*?(?:\./)?{there}", rf"SHA2?-?256\s*\({there}\)\s*=\s*({SUM})", rf"{there}\s*[:=]?\s+({SUM})",
    ):  # fmt: skip
        if found := re.fullmatch(pattern, line):
            return found.group(1)
    return None
