"""A Docker engine and a registry of the tests' own: `python -m tests.real.rig up|down|status`.

The engine has its own data, socket, bridge and rules: a developer's engine is never touched, and a test may kill this
one. The registry serves stand-in images under their ordinary names: what is pulled is what a user's files say.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from converge import tools
from tests.conftest import TOOL
from tests.real import daemons, debian
from tests.real.images import Image, images
from tests.real.images import Tool as PinnedTool
from tests.real.place import Place, here, lacks

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Rig:
    """A running rig."""

    place: Place
    registry: str
    """Address of the registry on loopback."""
    digests: Mapping[str, str]
    """Ordinary name of an image -> `sha256:…` under which the registry has it."""
    built: tuple[str, ...] = ()
    """What had to be built when it came up."""

    @property
    def host(self) -> str:
        """What DOCKER_HOST must be."""
        return self.place.host

    def pinned(self, name: str) -> str:
        """`REPOSITORY@DIGEST` of an image."""
        return f"{name.partition(':')[0]}@{self.digests[name]}"

    def environment(self) -> dict[str, str]:
        """For the docker client: this engine, none of the user's settings, the classic builder."""
        settings = {"DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.place.root / "client"), "DOCKER_BUILDKIT": "0"}
        return {**os.environ, **settings}

    def docker(self, *argv: str, check: bool = True, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run the docker client; a refusal is an AssertionError with its text unless `check` is off."""
        ran = subprocess.run(
            ["docker", *argv], env=self.environment(), capture_output=True, text=True, timeout=timeout,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert not check or ran.returncode == 0, f"docker {' '.join(argv)}: {ran.stdout}{ran.stderr}"
        return ran

    def older_postgres(self, volume: str, major: str = "17") -> None:
        """Put into a volume what the official image of an older major leaves there; no server is needed to be refused.

        For a mount at /var/lib/postgresql; `base/1` beside PG_VERSION tells whether it was touched.
        """
        script = f"mkdir -p /v/data/base && echo {major} >/v/data/PG_VERSION && echo precious >/v/data/base/1"
        self.docker("run", "--rm", "-v", f"{volume}:/v", "debian:bookworm-slim", "sh", "-c", script)

    def kill(self) -> None:
        """SIGKILL to dockerd, as a crash; `restart` brings it back."""
        daemons.kill_engine(self.place)

    def end(self) -> None:
        """SIGTERM to dockerd, as its update or the end of the machine; `restart` brings it back."""
        daemons.end_engine(self.place)

    def restart(self) -> None:
        """A running engine again, with the same data, after `kill` or an end of its own."""
        daemons.start_engine(self.place, self.registry)


def up(say: Say = print) -> Rig:
    """The rig, started and with every image, as far as that is not so already. RuntimeError says why it cannot be."""
    if reason := lacks():
        raise RuntimeError(reason)
    place = here()
    with _locked(place):
        registry = daemons.start_registry(place)
        daemons.start_engine(place, registry)
        rig = Rig(place, registry, {})
        built = tuple(image.name for image in images().values() if _ensure(rig, image, say))
        digests = {name: str(_digest(rig, image, image.tag)) for name, image in images().items()}
    return Rig(place, registry, digests, built)


def down(say: Say = print, place: Place | None = None) -> bool:
    """End the rig and all containers in it; the images stay. False if a test run still uses it."""
    place = place or here()
    if not place.run.exists():
        return True
    with _locked(place), open(place.root / "users", "a") as users:
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("a test run uses the rig: it stays")
            return False
        if daemons.engine_answers(place):
            _sweep(Rig(place, "", {}))
        daemons.stop(place)
        (place.root / "kept").unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def used(say: Say = print) -> Iterator[Rig]:
    """The rig for the length of a test run; the last user ends it, unless somebody brought it up by hand."""
    root = here().root
    root.mkdir(parents=True, exist_ok=True)
    with open(root / "users", "a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield up(say)
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            if not (root / "kept").exists():
                down(lambda _: None)


@contextlib.contextmanager
def beside(rig: Rig) -> Iterator[Rig]:
    """An engine more, which pulls from the same registry, for the length of a test run: either may be killed."""
    place = Place(rig.place.root.with_name("rig-beside"))
    place.root.mkdir(parents=True, exist_ok=True)
    with open(place.root / "users", "a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            with _locked(place):
                daemons.start_engine(place, rig.registry)
            yield Rig(place, rig.registry, rig.digests)
        finally:
            fcntl.flock(users, fcntl.LOCK_UN)
            down(lambda _: None, place)


@contextlib.contextmanager
def _locked(place: Place) -> Iterator[None]:
    place.root.mkdir(parents=True, exist_ok=True)
    (place.root / "client").mkdir(exist_ok=True)
    with open(place.root / "lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _ensure(rig: Rig, image: Image, say: Say) -> bool:
    """Whether the image had to be built. What the registry holds under the recipe's hash is what the tag means."""
    recipe = f"recipe-{image.recipe}"
    there = _digest(rig, image, recipe)
    if there and there == _digest(rig, image, image.tag):
        return False
    target = f"{rig.registry}/{image.repository}"
    if there:
        rig.docker("pull", "-q", f"{target}:{recipe}")
        rig.docker("tag", f"{target}:{recipe}", f"{target}:{image.tag}")
    else:
        say(f"building {image.name} …")
        began = time.monotonic()
        _build(rig, image, f"{target}:{recipe}")
        rig.docker("tag", f"{target}:{recipe}", f"{target}:{image.tag}")
        rig.docker("push", "-q", f"{target}:{recipe}")
        rig.docker("rmi", "-f", image.name, check=False)  # an older one that was pulled
        say(f"built {image.name} in {time.monotonic() - began:.0f} s")
    rig.docker("push", "-q", f"{target}:{image.tag}")
    rig.docker("rmi", f"{target}:{recipe}", f"{target}:{image.tag}")
    return not there


def _build(rig: Rig, image: Image, name: str) -> None:
    if image.parent is None:
        settings = [f"ENV {variable}={debian.BUNDLE}" for variable in debian.BUNDLE_VARIABLES]
        options = [word for setting in (*settings, 'CMD ["bash"]') for word in ("--change", setting)]
        with tempfile.TemporaryDirectory(dir=rig.place.root) as directory:
            archive = Path(directory) / "base.tar"
            debian.bootstrap(archive)
            rig.docker("import", *options, str(archive), name)
        return
    for entry in image.context:
        if isinstance(entry, PinnedTool) and not (tools.home(entry.name, entry.version) / tools.COMPLETE).exists():
            subprocess.run([str(TOOL / "dev"), "doctor", "--fix", "--only", "tools"], check=True, cwd=TOOL)
    parent = f"{rig.registry}/{image.parent.repository}:{image.parent.tag}"
    rig.docker("pull", "-q", parent)
    rig.docker("tag", parent, image.parent.name)
    argv = ["docker", "build", "--network=bridge", "-t", name, "-"]
    with tempfile.TemporaryFile(dir=rig.place.root) as context:
        image.write_context(context)
        context.seek(0)
        ran = subprocess.run(argv, env=rig.environment(), stdin=context, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"{image.name} could not be built:\n{ran.stdout[-2000:]}{ran.stderr[-1000:]}")


def _digest(rig: Rig, image: Image, tag: str) -> str | None:
    connection = http.client.HTTPConnection(rig.registry, timeout=30)
    try:
        connection.request("HEAD", f"/v2/{image.repository}/manifests/{tag}", headers={"Accept": MANIFEST})
        answer = connection.getresponse()
        return answer.getheader("Docker-Content-Digest") if answer.status == 200 else None
    finally:
        connection.close()


def _sweep(rig: Rig) -> None:
    """Remove what tests left; images and build cache stay for the next run, as far as they are young and small."""
    if containers := rig.docker("ps", "-aq", check=False).stdout.split():
        rig.docker("rm", "-fv", *containers, check=False)
    for noun in ("volume", "network"):
        rig.docker(noun, "prune", "-f", check=False)
    if volumes := rig.docker("volume", "ls", "-q", check=False).stdout.split():
        rig.docker("volume", "rm", *volumes, check=False)
    rig.docker("image", "prune", "-af", "--filter", "until=24h", check=False)
    rig.docker("builder", "prune", "-f", "--keep-storage", "4GB", check=False)


def _main(verb: str) -> int:
    place = here()
    if verb == "up":
        place.root.mkdir(parents=True, exist_ok=True)
        (place.root / "kept").touch()
        rig = up(lambda text: print(text, file=sys.stderr))
        print(f"DOCKER_HOST={rig.host}")
    elif verb == "down":
        return 0 if down() else 1
    elif verb == "status":
        print(f"engine    {daemons.engine_pid(place) or 'does not run'}  {place.host}")
        print(f"registry  {daemons.registry_pid(place) or 'does not run'}")
        print(f"data      {place.root}")
        if daemons.registry_pid(place):
            rig = Rig(place, f"127.0.0.1:{daemons.registry_port(place)}", {})
            for image in images().values():
                print(f"{image.name:<32} {_digest(rig, image, image.tag) or 'is not built'}")
    else:
        print("usage: python -m tests.real.rig up|down|status", file=sys.stderr)
        return 64
    return 0


if __name__ == "__main__":
    try:
        sys.exit(_main(sys.argv[1] if len(sys.argv) > 1 else ""))
    except RuntimeError as problem:
        sys.exit(f"error: {problem}")
