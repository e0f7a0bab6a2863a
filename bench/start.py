"""Bench (b): cold and warm `./dev start` beside the slowest component started alone, by hand.

`python bench/start.py`: works on the instance `bench`. Cold means that nothing runs; tools and dependencies are there.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import TOOL

ROUNDS = 5


def dev(*argv: str) -> tuple[float, str]:
    """Seconds and stdout of a run on the instance."""
    began = time.monotonic()
    ran = subprocess.run([str(TOOL / "dev"), "--instance", "bench", *argv], capture_output=True, text=True, check=True)
    return time.monotonic() - began, ran.stdout


def alone(name: str, env: dict[str, str], directory: Path, argv: list[str], path: str) -> float:
    """Seconds until a component answers that is started by hand, without any of our machinery."""
    from bench.measure import wait_for

    port = int(env["PORT"])
    process = subprocess.Popen(
        argv, cwd=directory, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        return wait_for(lambda: answers(port, path))
    finally:
        import os
        import signal

        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def answers(port: int, path: str) -> bool:
    """Whether it answers well."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def main() -> None:
    """Print the table."""
    from cli.context import Context
    from runtime.services.launch import launch
    from runtime.stop import stop

    context = Context(None, "bench")
    dev("start")
    cold, warm = [], []
    for _ in range(ROUNDS):
        dev("stop")
        cold.append(dev("start")[0])
        warm += [dev("start")[0] for _ in range(3)]
    single: dict[str, list[float]] = {}
    for name, component in context.platform.services.items():
        if component.ready and component.ready.http:
            for _ in range(ROUNDS):
                stop(context.platform, [name])
                wanted = launch(context.platform, component)
                seconds = alone(name, dict(wanted.env), wanted.cwd, list(wanted.argv), component.ready.http)
                single.setdefault(name, []).append(seconds)
                time.sleep(0.5)
    dev("stop")
    shutil.rmtree(context.instance.data, ignore_errors=True)
    shutil.rmtree(context.instance.state, ignore_errors=True)
    slowest = max(single, key=lambda name: statistics.median(single[name]))
    base = statistics.median(single[slowest])
    print(f"| start ({ROUNDS} rounds, medians) | seconds | against the slowest alone |\n|---|---:|---:|")
    for name, values in single.items():
        print(f"| {name} alone, its infrastructure running | {statistics.median(values):.2f} | |")
    print(f"| cold `./dev start`, everything | {statistics.median(cold):.2f} | {statistics.median(cold) / base:.2f} |")
    print(f"| warm `./dev start`, everything runs | {statistics.median(warm):.2f} | |")
    print(json.dumps({"slowest": slowest, "cold": cold, "warm": warm}), file=sys.stderr)


if __name__ == "__main__":
    main()
