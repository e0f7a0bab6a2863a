"""The stand-in images: one recipe each, whose hash names what was built, so that nothing is built twice.

No registry can be reached where these tests must run. The images carry the machine's certificates and package sources:
what a Dockerfile downloads comes the way the machine itself would take.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from io import BytesIO
from pathlib import Path

from converge import tools
from tests.conftest import TOOL
from tests.real import debian

HERE = Path(__file__).parent
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Text:
    """A file of a build context."""

    at: str
    text: str
    mode: int = 0o644

    @property
    def identity(self) -> str:
        """What a change of the content changes."""
        return f"{self.at} {self.mode:o} {self.text}"

    def members(self) -> Iterator[tuple[tarfile.TarInfo, BytesIO | None]]:
        """The file, as an archive wants it."""
        about = tarfile.TarInfo(self.at)
        about.size, about.mode = len(self.text.encode()), self.mode
        yield about, BytesIO(self.text.encode())


@dataclass(frozen=True)
class Tool:
    """A pinned tool of the store in a build context, without what no container needs."""

    name: str
    version: str
    leave_out: tuple[str, ...]

    @property
    def identity(self) -> str:
        """The tool's version and what is left out; its content is held by desired_state.lock."""
        return f"{self.name} {self.version} {self.leave_out}"

    def members(self) -> Iterator[tuple[tarfile.TarInfo, BytesIO | None]]:
        """Every file below `NAME/`, owned by root."""
        home = tools.home(self.name, self.version)
        for directory, names, files in os.walk(home):
            inside = Path(directory).relative_to(home)
            links = [name for name in names if (Path(directory) / name).is_symlink()]
            names[:] = sorted(set(names) - set(links) - {n for n in names if self._left_out(inside / n)})
            for name in sorted(files + links):
                if self._left_out(inside / name):
                    continue
                with tarfile.open(fileobj=BytesIO(), mode="w") as archive:
                    about = archive.gettarinfo(Path(directory) / name, f"{self.name}/{inside / name}")
                about.uid = about.gid = 0
                about.uname = about.gname = "root"
                if about.islnk():
                    about.type, about.size = tarfile.REGTYPE, (Path(directory) / name).stat().st_size
                yield about, BytesIO((Path(directory) / name).read_bytes()) if about.isreg() else None

    def _left_out(self, path: Path) -> bool:
        return any(fnmatch(str(path), pattern) for pattern in (*self.leave_out, tools.COMPLETE))


@dataclass(frozen=True)
class Image:
    """One image: its ordinary name, and the Dockerfile and context from which the stand-in is made."""

    name: str
    """Repository and tag, as in a Compose file."""
    dockerfile: str = ""
    """Empty for the base, which is bootstrapped."""
    context: tuple[Text | Tool, ...] = ()
    parent: Image | None = None

    @cached_property
    def recipe(self) -> str:
        """Sixteen hex digits that change with anything the image is made of."""
        said = [self.dockerfile, *(entry.identity for entry in self.context)]
        said.append(self.parent.recipe if self.parent else debian.identity())
        return hashlib.sha256("\0".join(said).encode()).hexdigest()[:16]

    @property
    def repository(self) -> str:
        """Its place in a registry that stands in for the default one."""
        name = self.name.partition(":")[0]
        return name if "/" in name else f"library/{name}"

    @property
    def tag(self) -> str:
        """The tag alone."""
        return self.name.partition(":")[2]

    def write_context(self, sink: object) -> None:
        """The build context as a tar stream."""
        with tarfile.open(fileobj=sink, mode="w|") as archive:  # type: ignore[call-overload]
            for entry in (Text("Dockerfile", self.dockerfile), *self.context):
                for about, content in entry.members():
                    archive.addfile(about, content)


def images() -> dict[str, Image]:
    """Every stand-in by its ordinary name, parents first; versions are those of desired_state.toml."""
    pins = tomllib.loads((TOOL / "desired_state.toml").read_text())["tools"]
    base = Image("debian:bookworm-slim")
    made = [base, _python(base), _go(base, pins["go"]), _node(base, pins["node"]), _postgres(base), _laptop(base)]
    return {image.name: image for image in made}


def _python(base: Image) -> Image:
    return Image(
        "python:3.11-slim-bookworm", parent=base,
        dockerfile=f"FROM {base.name}\n"
        f"RUN {_apt('python3', 'python3-venv', 'python3-pip')} && rm -f /usr/lib/python3.11/EXTERNALLY-MANAGED"
        " && ln -s /usr/bin/python3 /usr/local/bin/python && ln -s /usr/bin/python3 /usr/local/bin/python3"
        " && ln -s /usr/bin/pip3 /usr/local/bin/pip\n"
        "CMD [\"python3\"]\n",
    )  # fmt: skip


def _go(base: Image, version: str) -> Image:
    left_out = ("__*__.py", "test", "api", "doc", "misc", "*_test.go", "*/testdata")
    return Image(
        f"golang:{version}-bookworm", parent=base, context=(Tool("go", version, left_out),),
        dockerfile=f"FROM {base.name}\nRUN {_apt('git')}\nCOPY go /usr/local/go\n"
        f"ENV GOPATH=/go GOTOOLCHAIN=local PATH=/go/bin:/usr/local/go/bin:{PATH}\n"
        "RUN mkdir -p -m 1777 /go/src /go/bin\nWORKDIR /go\nCMD [\"bash\"]\n",
    )  # fmt: skip


def _node(base: Image, version: str) -> Image:
    left_out = ("*.py", "py.typed", "include", "share", "bin/corepack")
    return Image(
        f"node:{version}-bookworm-slim", parent=base, context=(Tool("node", version, left_out),),
        dockerfile=f"FROM {base.name}\nCOPY node /usr/local/\n"
        "RUN groupadd -g 1000 node && useradd -u 1000 -g node -m -s /bin/bash node\n"
        f"ENV NODE_VERSION={version}\nCMD [\"node\"]\n",
    )  # fmt: skip


def _postgres(base: Image) -> Image:
    major = tools.POSTGRES
    home = f"/usr/lib/postgresql/{major}"
    left_out = ("include", "*.a", "*/pkgconfig", "*/pgxs", "bin/ecpg", "bin/pg_test_*", "bin/pgbench", "*.py")
    entrypoint = Text("entrypoint.sh", (HERE / "postgres" / "entrypoint.sh").read_text(), 0o755)
    return Image(
        f"postgres:{major}", parent=base, context=(Tool("postgres", major, left_out), entrypoint),
        dockerfile=f"FROM {base.name}\n"
        "RUN groupadd -g 999 postgres && useradd -u 999 -g postgres -d /var/lib/postgresql -s /bin/bash postgres"
        " && install -d -o postgres -g postgres -m 1777 /var/lib/postgresql"
        " && install -d -o postgres -g postgres -m 3777 /var/run/postgresql && mkdir /docker-entrypoint-initdb.d\n"
        f"COPY postgres {home}\n"
        f"RUN echo {home}/lib > /etc/ld.so.conf.d/postgres.conf && ldconfig"
        " && printf '%s\\n' \"listen_addresses = '*'\" \"unix_socket_directories = '/var/run/postgresql,/tmp'\""
        f" >> {home}/share/postgresql/postgresql.conf.sample\n"
        "COPY entrypoint.sh /usr/local/bin/docker-entrypoint.sh\n"
        f"ENV PG_MAJOR={major} LANG=C.UTF-8 PGDATA=/var/lib/postgresql/{major}/docker"
        f" PATH={PATH}:{home}/bin\n"
        "VOLUME /var/lib/postgresql\nENTRYPOINT [\"docker-entrypoint.sh\"]\nSTOPSIGNAL SIGINT\nEXPOSE 5432\n"
        "CMD [\"postgres\"]\n",
    )  # fmt: skip


def _laptop(base: Image) -> Image:
    """A bare machine with what the tool asks for and nothing of Docker; not an image that a registry has."""
    packages = ("git", "python3", "python3-venv", "sudo", "procps", "iproute2")
    return Image(
        "dev-rig/laptop:bookworm", parent=base,
        dockerfile=f"FROM {base.name}\nRUN {_apt(*packages)}"
        " && useradd -m -s /bin/bash ann && echo 'ann ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/ann"
        " && useradd -m -s /bin/bash bob\nCMD [\"sleep\", \"infinity\"]\n",
    )  # fmt: skip


def _apt(*packages: str) -> str:
    return (
        "apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends "
        f"{' '.join(packages)} && rm -rf /var/lib/apt/lists/*"
    )
