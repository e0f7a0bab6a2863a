"""Bench (d): `./dev start` in Docker beside `docker compose up -d --wait` of the same files, on the same engine.

`python bench/docker.py`: needs an engine (DOCKER_HOST) that has or can pull and build the images. Works on the
instances `bench-dev` and `bench-compose`. Cold: no container, no volume; warm: volumes with migrated data.
Databases and migrations are no business of Compose: for a cold start of everything it is given them by hand.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import TOOL

ROUNDS = 5


def dev(*argv: str) -> None:
    """One run on the instance, which must go well."""
    subprocess.run([str(TOOL / "dev"), "--instance", "bench-dev", *argv], capture_output=True, check=True)


def seconds(work: Callable[[], None]) -> float:
    """How long it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main() -> None:
    """Print the table."""
    from cli.context import Context
    from runtime.docker import compose, containers, images
    from runtime.placements import docker

    context = Context(None, "bench-compose")
    project = compose.find(context.platform)
    if isinstance(project, str):
        raise SystemExit(project)
    dev("start", "--docker")
    mine = Context(None, "bench-dev").instance
    everyone = context.platform.components
    used = {name: images.reference(project, component) for name, component in everyone.items()}
    docker.remember(context.instance, project.engine)
    containers.make(project, everyone, used, lambda _: None, lambda _: None)
    values = compose.values(project, used)
    infra = [compose.key(c) for c in everyone.values() if not c.is_service]
    databases = [(name, each) for name, c in everyone.items() for each in getattr(c.wants, "databases", ())]
    migrations = [(compose.key(c), c.wants.migrate) for c in everyone.values() if getattr(c.wants, "migrate", None)]

    def ask(*argv: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            project.command(argv), env=project.environment(values), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def up(*keys: str) -> None:
        if ask("up", "-d", "--wait", *keys).wait():
            raise SystemExit(f"compose up {' '.join(keys)} failed")

    def everything() -> None:
        up(*infra)
        for key, database in databases:
            ask("exec", "-T", key, "psql", "-U", "postgres", "-c", f'CREATE DATABASE "{database}"').wait()
        runs = [ask("run", "--rm", "--no-deps", "-T", key, "sh", "-c", command) for key, command in migrations]
        if sum(run.wait() for run in runs):
            raise SystemExit("a migration failed")
        up()

    def down(*argv: str) -> Callable[[], None]:
        return lambda: None if ask("down", *argv).wait() == 0 else sys.exit("compose down failed")

    def fresh() -> None:
        dev("stop")
        containers.clear(mine)

    cases: Mapping[str, tuple[Callable[[], None], Callable[[], None], Callable[[], None], Callable[[], None]]] = {
        "infrastructure, cold": (fresh, lambda: dev("start", *infra), down("-v"), lambda: up(*infra)),
        "infrastructure, warm": (lambda: dev("stop"), lambda: dev("start", *infra), down(), lambda: up(*infra)),
        "everything in Docker, cold": (fresh, lambda: dev("start", "--docker"), down("-v"), everything),
        "everything in Docker, warm": (lambda: dev("stop"), lambda: dev("start", "--docker"), down(), up),
        "everything in Docker, runs already": (lambda: None, lambda: dev("start", "--docker"), lambda: None, up),
    }
    print(f"| start ({ROUNDS} rounds, medians) | ours, s | Compose, s | ratio |\n|---|---:|---:|---:|")
    for name, (clear, start, clear_other, start_other) in cases.items():
        ours, theirs = [], []
        if name.endswith("already"):
            dev("start", "--docker")
            up()
        for _ in range(ROUNDS):
            clear()
            clear_other()
            ours.append(seconds(start))
            again = name.endswith("already")
            if not again:  # the other one gets the machine to itself
                dev("stop")
            theirs.append(seconds(start_other))
            if not again:
                down()()
        one, other = statistics.median(ours), statistics.median(theirs)
        print(f"| {name} | {one:.2f} | {other:.2f} | {one / other:.2f} |", flush=True)
    fresh()
    containers.clear(context.instance)


if __name__ == "__main__":
    main()
