"""`./dev` that is gone before its Nth rename, connection or program: `python -I dying.py N TOOL WORD…`; 0 counts all.

Python tells an audit hook of each of these before it happens, so nothing of the tool has to know of it.
"""

import os
import sys

number, tool = int(sys.argv[1]), sys.argv[2]
seen = 0


def hook(event: str, words: tuple[object, ...]) -> None:
    """Count what others could notice."""
    global seen
    if event in ("os.rename", "socket.connect", "subprocess.Popen", "os.remove", "os.kill"):
        seen += 1
        if seen == number:
            os._exit(137)


sys.argv[0] = f"{tool}/dev"
sys.path.insert(0, tool)
from cli.main import main  # noqa: E402

sys.addaudithook(hook)
code = main(sys.argv[3:])
print(f"steps: {seen}", file=sys.stderr)
sys.exit(code)
