"""Images: which one a component runs, whether it is available, how it is pulled, built, saved and loaded."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from converge import atomic, lockfile
from converge.errors import DevError, Exit
from converge.instance import store
from converge.redaction import patterns
from facts.engine import Engine, EngineError
from runtime.component import Component
from runtime.docker import compose, refusals, sources
from runtime.docker.compose import Project

Say = Callable[[str], None]
OURS = "dev.sources"
"""Label of images that ./dev built: their project."""
KEPT = 3
"""Builds of one component that are kept, so that a switch between branches needs no build."""
SETTINGS = {
    "BUILD_CA": ("$SSL_CERT_FILE",),
    "BUILD_PIP_CONF": ("$PIP_CONFIG_FILE", "~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/pip.conf"),
    "BUILD_NPMRC": ("$NPM_CONFIG_USERCONFIG", "~/.npmrc"),
    "BUILD_NETRC": ("$NETRC", "~/.netrc"),
}
"""Build secret of the Compose files -> where this machine may have the file."""
STEP = re.compile(r"#\d+ \[(?:([\w-]+) )?(\S+ +\d+/\d+\] .*)")
"""A builder's line that begins a step: `#7 [orders-box build 2/6] RUN go build`."""
BUILD = ("GOPROXY", "GONOSUMDB", "GOSUMDB", "GOPRIVATE", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "npm_config_registry")
"""Variables of the caller's environment that a build gets if a Compose file declares them as arguments."""


def reference(project: Project, component: Component) -> str:
    """The image of its container: built from its sources, or the declared image by the digest of the lock."""
    entry = project.entry(component)
    assert entry is not None
    if entry.context:
        digest = sources.digest(component, entry.context, entry.dockerfile)
        return f"{project.instance.project}-{component.name}:{digest}"
    name = declared(project, component)
    digest = name.partition("@")[2]
    return (digest and _loaded(project.engine, digest)) or name


def declared(project: Project, component: Component) -> str:
    """The image that is only pulled, by its tag, and by the digest of the lock if it has one."""
    entry = project.entry(component)
    assert entry is not None
    image = (None if component.is_service else component.wants.image) or entry.image
    digest = pinned(project.instance.checkout, image)
    return f"{image}@{digest}" if digest else image


def pinned(checkout: Path, image: str) -> str:
    """The digest that desired_state.lock has for the image; empty without one."""
    if not (checkout / lockfile.NAME).exists():
        return ""
    entry = lockfile.load(checkout).get("images", {}).get(image, {})
    return str(entry.get("digest", ""))


def there(used: Engine, image: str) -> bool:
    """Whether the engine has the image."""
    try:
        used.get(f"/images/{image}/json")
    except EngineError as problem:
        if problem.status != 404:
            raise
        return False
    return True


def known(used: Engine, image: str) -> bool:
    """Whether the engine has the image, also without the digest that an archive does not keep."""
    digest = image.partition("@")[2]
    return there(used, image) or bool(digest and _loaded(used, digest))


def pull(used: Engine, image: str, say: Say) -> None:
    """Pull with progress. DevError `image-unavailable`, or `image-digest` if the lock's digest is not available."""
    import docker  # saves 130 ms where nothing is pulled

    name, _, digest = image.partition("@")
    repository, tag = _split(image)
    layers: dict[str, tuple[int, int]] = {}
    problem = ""
    try:
        client = docker.APIClient(base_url=used.host, version="auto", timeout=60)
        with contextlib.closing(client):
            for row in client.pull(repository, tag=digest or tag, stream=True, decode=True):
                problem = str(row.get("error") or problem)
                if detail := row.get("progressDetail"):
                    layers[row.get("id", "")] = (detail.get("current", 0), detail.get("total", 0))
                    say(f"pulling {name}: {_progress(layers)}")
    except (docker.errors.DockerException, OSError) as failure:
        problem = str(getattr(failure, "explanation", "") or failure)
    if not problem:
        return
    if digest and (other := _today(used, name)) not in ("", digest):
        raise DevError(
            "image-digest", f"{name} is not the image that the lock has",
            because=f"the registry has {other[:19]}… by that name, and none with {digest[:19]}…",
            hint="find out which of them was changed; ./dev lock --images uses the registry's",
            source=lockfile.NAME, exit=Exit.BAD_STATE,
        )  # fmt: skip
    raise DevError(
        "image-unavailable", f"{name} cannot be pulled", because=refusals.explained(problem),
        hint="check the network, or load it by ./dev images load; docs/how-to/closed-network.md",
    )  # fmt: skip


def resolve(used: Engine, image: str) -> str:
    """The present digest of the image's name; DevError `image-unavailable` if no registry answers."""
    import docker  # saves 130 ms where nothing is resolved

    try:
        with contextlib.closing(docker.APIClient(base_url=used.host, version="auto", timeout=60)) as client:
            return str(client.inspect_distribution(image)["Descriptor"]["digest"])  # type: ignore[no-untyped-call]
    except (docker.errors.DockerException, OSError, KeyError, TypeError) as problem:
        raise DevError(
            "image-unavailable", f"no registry says what {image} is", because=str(problem),
            hint="check the network, or the registry mirror of the engine",
        ) from problem  # fmt: skip


def _split(image: str) -> tuple[str, str]:
    """Repository and tag; the port of a registry is not a tag."""
    name = image.partition("@")[0]
    repository, _, tag = name.rpartition(":")
    return (repository, tag) if ":" in name.rpartition("/")[2] else (name, "latest")


def _today(used: Engine, image: str) -> str:
    try:
        return resolve(used, image)
    except DevError:
        return ""


def build(
    project: Project, wanted: Mapping[str, Component], images: Mapping[str, str], tell: Callable[[str, str], None]
) -> None:
    """Build all wanted images; `tell` gets a component and its step. DevError `build-failed` names the log."""
    values = compose.values(project, images) | settings()
    if len(wanted) > 1:  # two builds at once on one machine only compete for the processor
        values["COMPOSE_PARALLEL_LIMIT"] = "2"
    keys = {compose.key(component): name for name, component in wanted.items()}
    said: list[str] = []

    def hear(line: str) -> None:
        said.append(line)
        if step := STEP.match(line):
            tell(keys.get(step[1], next(iter(wanted))), f"building: {step[2]}"[:60])

    for name in wanted:
        tell(name, "building")
    try:
        project.run(["build", *keys], values, 3600, hear)
    except DevError as problem:
        log = project.instance.state / "logs" / "build.log"
        atomic.write(log, patterns.certain("\n".join(said)) + "\n")
        raise DevError(
            "build-failed", f"the image of {', '.join(wanted)} could not be built", because=problem.because,
            hint=f"all output of the builder: {log}",
        ) from None  # fmt: skip
    for component in wanted.values():
        with contextlib.suppress(EngineError):
            _prune(project.engine, images[component.name])


def settings() -> dict[str, str]:
    """What a build gets of this machine: its variables in BUILD, and the files of SETTINGS that exist, as secrets."""
    found = {name: os.environ[name] for name in BUILD if name in os.environ}
    for name, places in SETTINGS.items():
        for place in places:
            path = os.environ.get(place[1:], "") if place.startswith("$") else os.path.expanduser(place)
            if path and os.path.isfile(path):
                found[name] = path
                break
    return found


def save(project: Project, images: Iterable[str], target: Path, say: Say) -> list[dict[str, str]]:
    """Write the images into one archive for a machine without a registry; gives its list of images."""
    import gzip  # saves 3 ms where no archive is written
    import tarfile
    from urllib.parse import urlencode

    rows = [_identity(project.engine, image) for image in images]
    for row in rows:  # by its tag, the only name that an archive keeps; an image that was loaded by id may have none
        repository, tag = _split(row["name"])
        project.engine.post(f"/images/{row['id']}/tag", repo=repository, tag=tag)
    names = urlencode([("names", row["name"].partition("@")[0]) for row in rows])
    fresh = target.with_name(atomic.temporary(target.name))
    layers = fresh.with_suffix(".images")
    try:
        with (
            project.engine.stream(f"/images/get?{names}", 600) as answer,
            gzip.open(layers, "wb", compresslevel=3) as file,
        ):
            done = 0
            while block := answer.read(1 << 20):
                file.write(block)
                done += len(block)
                say(f"saving: {done >> 20} MiB")
        with tarfile.open(fresh, "w") as archive:
            _add(archive, "manifest.json", json.dumps({"schema": 1, "images": rows}, indent=2).encode())
            archive.add(layers, "images.tar.gz")
        fresh.replace(target)
    except EngineError as problem:
        raise DevError("image-unavailable", "the images could not be saved", because=str(problem)) from problem
    finally:
        layers.unlink(missing_ok=True)
        fresh.unlink(missing_ok=True)
    return rows


def load(project: Project, source: Path, say: Say) -> list[dict[str, str]]:
    """Load the images of an archive into the engine and compare each id with the archive's manifest."""
    import gzip  # saves 135 ms where no archive is loaded
    import tarfile
    import zlib

    import docker

    try:
        with tarfile.open(source) as archive:
            rows = json.loads(_member(archive, "manifest.json").read())["images"]
            client = docker.APIClient(base_url=project.engine.host, version="auto", timeout=600)
            say(f"loading: {len(rows)} images")
            with contextlib.closing(client), gzip.open(_member(archive, "images.tar.gz")) as layers:
                for answer in client.load_image(layers):  # type: ignore[no-untyped-call]
                    if text := str(answer.get("stream", "")).strip():
                        say(text)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as problem:
        why = (str(problem) or type(problem).__name__).splitlines()[0]
        raise DevError(
            "bad-archive", f"{source} is not an archive of images", because=why,
            hint="give an archive that ./dev images save wrote", exit=Exit.USAGE,
        ) from problem  # fmt: skip
    except docker.errors.DockerException as problem:
        raise DevError("image-unavailable", "the engine refused the images", because=str(problem)) from problem
    for row in rows:
        found = _identity(project.engine, row["name"].partition("@")[0])
        if found["id"] != row["id"]:
            raise DevError(
                "image-digest", f"{row['name']} is not what the archive says", because=f"its id is {found['id']}",
                hint="the archive was changed, or the engine has another image by that name", exit=Exit.BAD_STATE,
            )  # fmt: skip
        if row["digest"]:
            _remember(row["digest"], row["id"])
    return list(rows)


def _loaded(used: Engine, digest: str) -> str:
    """Id of an image that was loaded from an archive for the digest, which the engine does not keep; empty if none."""
    image = _known().get(digest, "")
    return image if image and there(used, image) else ""


def _known() -> dict[str, str]:
    try:
        found = json.loads((store() / "images.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(digest: str, image: str) -> None:
    atomic.write(store() / "images.json", json.dumps(_known() | {digest: image}, indent=2), mode=0o644)


def _identity(used: Engine, image: str) -> dict[str, str]:
    """Name and id of the image in the engine: by its name, or by the id under which its digest was loaded."""
    digest = image.partition("@")[2]
    try:
        about: dict[str, Any] = used.get(f"/images/{(digest and _loaded(used, digest)) or image}/json")
    except EngineError as problem:
        raise DevError(
            "image-unavailable", f"the engine has no {image}", because=str(problem), hint="run ./dev start first"
        ) from problem
    digests = [entry.partition("@")[2] for entry in about.get("RepoDigests") or ()]
    return {"name": image, "id": about["Id"], "digest": digest or (digests[0] if digests else "")}


def _member(archive: Any, name: str) -> Any:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _add(archive: Any, name: str, content: bytes) -> None:
    import io  # saves 2 ms where no archive is written
    import tarfile

    about = tarfile.TarInfo(name)
    about.size = len(content)
    archive.addfile(about, io.BytesIO(content))


def _prune(used: Engine, image: str) -> None:
    """Delete old builds of the same component except the youngest; the engine keeps those in use."""
    repository, _, _ = image.partition(":")
    rows = used.get("/images/json", filters={"reference": [repository]})
    tags = [(row["Created"], tag) for row in rows for tag in row.get("RepoTags") or () if tag != image]
    for _, tag in sorted(tags, reverse=True)[KEPT - 1 :]:
        with contextlib.suppress(EngineError):
            used.delete(f"/images/{tag}")


def _progress(layers: Mapping[str, tuple[int, int]]) -> str:
    done, total = sum(now for now, _ in layers.values()), sum(of for _, of in layers.values())
    bar = "━" * int(20 * done / total) if total else ""
    return f"{bar:─<20} {done >> 20} of {total >> 20} MiB"
