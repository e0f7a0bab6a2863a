"""What the launcher runs: `python -I cli/__main__.py ARGS`, with the tool's own checkout first on the import path."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cli.main import main

sys.exit(main(sys.argv[1:]))
