"""The commands `dev` and `dotslash-dev`: the tool of this wheel, with nothing of the caller's Python settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parent / "tool"


def main() -> None:
    """Become the tool."""
    os.execv(sys.executable, [sys.executable, "-I", str(TOOL / "cli" / "__main__.py"), *sys.argv[1:]])


if __name__ == "__main__":
    main()
