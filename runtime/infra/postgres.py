"""Postgres: natively with its own data directory and, if started by root, an unprivileged user."""

from __future__ import annotations

import os
import pwd
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from converge import own_files, tools
from converge.derived import SERVICES, services_password
from converge.desired import Loaded
from converge.errors import DevError
from facts import owners
from runtime import placements
from runtime.component import InfraComponent, Launch
from runtime.infra import plain, superuser, wire
from runtime.platform import Platform

keeps_data = True
greets = True
ready_timeout = plain.ready_timeout
copied_by_sql = True
VOLUME = "/var/lib/postgresql"
"""Mount point of the volume in the official images since 18."""
STATEMENT_TIMEOUT, COPY_TIMEOUT = 60.0, 1800.0
"""Seconds for a statement, and for one that reads or copies whole databases."""
OLDEST = range(12, 40)
"""Major versions whose data are searched."""


def prepare(platform: Platform, component: InfraComponent) -> None:
    """Make the data directory in one step; an existing one is never replaced."""
    data, home, user = _data(component), _home(platform.loaded), _user()
    if user:
        _check_way(component, user, home / "bin" / "postgres", "or set DEV_STORE to a place that all users can enter")
        _check_way(component, user, data, "as its data are there")
    password(component)
    if (data / "PG_VERSION").exists():
        found = (data / "PG_VERSION").read_text().strip()
        if found != tools.POSTGRES:
            raise DevError(
                "postgres-major",
                f"the data of {component.name} are of Postgres {found}, the embedded one is {tools.POSTGRES}",
                because=f"{data} was made by another version and is not touched",
                hint="export it with that version, or give it up: ./dev data reset",
            )
        return
    data.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{component.name}.", dir=data.parent))
    try:
        word = fresh / "password"
        word.write_text(password(component))
        target = fresh / "data"
        if user:
            account = pwd.getpwnam(user)
            for path in (fresh, word):
                os.chown(path, account.pw_uid, account.pw_gid)
        argv = [
            str(home / "bin/initdb"),
            "-D",
            str(target),
            "-U",
            superuser.name(component),
            "--auth=scram-sha-256",
            "-E",
            "UTF8",
        ]
        argv += ["--locale=C.UTF-8" if os.name == "posix" and Path("/proc").exists() else "--locale=C"]
        ran = subprocess.run(
            [*argv, f"--pwfile={word}"], user=user, cwd=fresh, env=_env(home), capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if ran.returncode:
            raise DevError(
                "initdb-failed", "Postgres could not make its data directory",
                because=" / ".join((ran.stderr or ran.stdout).strip().splitlines()[-3:]),
                hint=f"check the free space and the permissions of {data.parent}",
            )  # fmt: skip
        target.rename(data)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _check_way(component: InfraComponent, user: str, path: Path, other: str) -> None:
    """Raise DevError `way-closed` if the user cannot get to the path."""
    account = pwd.getpwnam(user)
    place = owners.closed(path, account)
    if not place or _enters(account, place):
        return  # an access control list may allow what the mode does not
    raise DevError(
        "way-closed", f"{component.name} cannot run as {user}",
        because=f"{user} cannot enter {place}, which is on the way to {path}",
        hint=f"chmod o+x {shlex.quote(place)}, {other}",
    )  # fmt: skip


def _enters(account: pwd.struct_passwd, place: str) -> bool:
    groups = os.getgrouplist(account.pw_name, account.pw_gid)
    asked = subprocess.run(
        ["test", "-x", place], cwd="/", capture_output=True,
        user=account.pw_uid, group=account.pw_gid, extra_groups=groups,
    )  # fmt: skip
    return not asked.returncode


def launch(platform: Platform, component: InfraComponent, host: str) -> Launch:
    """On loopback and its only port; SIGINT requests a fast and clean shutdown."""
    home = _home(platform.loaded)
    settings = {"listen_addresses": host, "port": component.port, "unix_socket_directories": ""}
    settings |= {"logging_collector": "off", "max_connections": 200}
    argv = [str(home / "bin/postgres"), "-D", str(_data(component))]
    argv += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return Launch(tuple(argv), _data(component), _env(home) | plain.moved(host), _user(), signal.SIGINT)


def no_fallback(platform: Platform, component: InfraComponent) -> str:
    """The embedded one has another major version than the image, or lacks a declared extension."""
    from runtime.placements.choice import major  # saves 6 ms of a doctor

    wants = component.wants
    if wants.image and (wanted := major(wants.image)) != tools.POSTGRES:
        other = wanted or "of a version its tag does not tell"
        return (
            f"the embedded Postgres is {tools.POSTGRES}, {wants.image} is {other}: their data might not fit each other "
            '(placement = "native" takes it all the same)'
        )
    known = _home(platform.loaded) / "share/postgresql/extension"
    lacking = [name for name in wants.extensions if not (known / f"{name}.control").exists()]
    return f"the embedded Postgres has no extension {', '.join(lacking)}" if lacking else ""


def variables(platform: Platform, component: InfraComponent) -> Mapping[str, str]:
    """The password; an existing volume gets it by `provision/databases.py`."""
    return {"PASSWORD": password(component)}


def check_volume(component: InfraComponent) -> None:
    """Data of another major version are not changed, and no empty directory is made next to them.

    The official images keep data in a directory per major version since 18, before that in `data`.
    """
    from runtime.placements import docker  # saves 6 ms of a doctor
    from runtime.placements.choice import major

    wanted = major(component.wants.image)
    if not wanted:
        return
    own = f"{VOLUME}/{wanted}/docker/PG_VERSION"
    before = {f"{VOLUME}/data/PG_VERSION": "a version before 18"} if int(wanted) >= 18 else {}
    others = {f"{VOLUME}/{number}/docker/PG_VERSION": str(number) for number in OLDEST if str(number) != wanted}
    places = {own: "", **others, **before}
    if found := places[next(docker.holding(component, places), own)]:  # its own first: nothing else is asked then
        raise DevError(
            "postgres-major", f"the volume of {component.name} holds data of Postgres {found}, its image is {wanted}",
            because="another major version cannot read them, and a start with an empty directory would hide them",
            hint=f"go back to the image postgres:{found} and export them, or give them up: ./dev data reset",
        )  # fmt: skip


def addresses(platform: Platform, component: InfraComponent, host: str) -> Mapping[str, str]:
    """The URL contains role and password of services; the user of the URL appends the database's name."""
    found, databases = plain.at(component, host, "postgresql"), component.wants.databases
    user, word = SERVICES, service_password(component)
    if (given := superuser.given(component)) is not None:
        user, word = superuser.name(component), given
    return {
        **found, "url": f"postgresql://{quote(user, safe='')}:{quote(word, safe='')}@{found['address']}",
        "user": user, "password": word, **({"database": databases[0]} if len(databases) == 1 else {}),
    }  # fmt: skip


def why_not(component: InfraComponent, timeout: float) -> str:
    """The question of pg_isready: does it answer a client, or does it still start or recover (SQLSTATE 57P03)?

    Source: the start-up message of Postgres' protocol 3.0, and PQping, for which any other refusal is an answer.
    """
    words = b"user\0postgres\0database\0postgres\0\0"
    message = (len(words) + 8).to_bytes(4, "big") + (3 << 16).to_bytes(4, "big") + words
    try:
        with socket.socket() as connection:
            connection.settimeout(timeout)
            connection.connect(("127.0.0.1", component.port))
            component.verify(connection)
            connection.sendall(message)
            answer = connection.recv(1024)
    except OSError as problem:
        return f"it does not greet: {problem}"
    if not answer:
        return "it closes every connection"
    return "it does not accept connections yet" if answer[:1] == b"E" and b"C57P03\0" in answer else ""


def sql(
    platform: Platform, component: InfraComponent, statement: str, database: str = "postgres",
    timeout: float = STATEMENT_TIMEOUT,
) -> str:  # fmt: skip
    """The result of the statements, one row per line, by the superuser. Several are one transaction.

    No other process is started, so that no statement is in a list of processes.
    """
    assert component.port is not None
    try:
        user = superuser.name(component)
        with wire.Connection(
            component.port, password(component), database, user, timeout=timeout, verify=component.verify
        ) as connection:
            rows = connection.query(statement)
    except TimeoutError:
        raise DevError(
            "sql-failed", f"{component.name} does not finish: {statement.split(' PASSWORD')[0][:200]}",
            because=f"no answer within {timeout:g} s", hint=f"see ./dev logs {component.name}",
        ) from None  # fmt: skip
    except (wire.Refused, OSError) as problem:
        raise DevError(
            "sql-failed", f"{component.name} refused: {statement.split(' PASSWORD')[0]}",
            because=str(problem) or type(problem).__name__, hint=f"see ./dev logs {component.name}",
        ) from problem  # fmt: skip
    return "".join("|".join(value or "" for value in row) + "\n" for row in rows)


def quoted(name: str) -> str:
    """The name of an object in a statement."""
    return '"' + name.replace('"', '""') + '"'


def client(platform: Platform, component: InfraComponent, argv: list[str]) -> tuple[list[str], dict[str, str]]:
    """Command and environment of one of Postgres' own programs, of the same placement, that connects to it."""
    if placements.where(component) == "docker":
        from runtime.docker import compose  # saves 0 ms: a start or a doctor has loaded it

        found = compose.find(platform)
        if isinstance(found, str):
            raise DevError("docker-unavailable", f"{component.name} cannot be reached", because=found)
        command = found.command(["exec", "-T", compose.key(component), *argv, "-U", superuser.name(component)])
        return command, found.environment(compose.values(found, {}))
    home = _home(platform.loaded)
    where = ["-h", "127.0.0.1", "-p", str(component.port), "-U", superuser.name(component)]
    return [str(home / "bin" / argv[0]), *argv[1:], *where], {
        **_env(home),
        "PGPASSWORD": password(component),
        "PGREQUIREAUTH": "!password",
    }


def _home(loaded: Loaded) -> Path:
    found = tools.executable(loaded, "postgres")
    if found is None:
        raise DevError("command-missing", "there is no embedded Postgres", hint="run ./dev doctor --fix")
    return found.parent.parent


def _data(component: InfraComponent) -> Path:
    return component.instance.data / component.name


def _env(home: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "LD_LIBRARY_PATH": str(home / "lib"), "TZ": "UTC", "LC_ALL": "C.UTF-8"}


def _user() -> str | None:
    """The user for a start by root, which Postgres refuses: `postgres` if it exists, else `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise DevError("no-user", "Postgres cannot run here", because="it refuses root, and the user `nobody` is missing")


def known_password(component: InfraComponent) -> str:
    """The existing password; empty if none was made. For looks, which write nothing."""
    if (given := superuser.given(component)) is not None:
        return given
    try:
        return own_files.text(_secret(component))
    except FileNotFoundError:
        return ""


def password(component: InfraComponent) -> str:
    """The password, made once per instance, mode 0600. Its file is next to the data directory."""
    if (given := superuser.given(component)) is not None:
        return given
    path = _secret(component)
    try:
        return own_files.text(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(16))
        try:
            os.link(name, path)
        except FileExistsError:
            pass
        os.unlink(name)
        return own_files.text(path)


def service_password(component: InfraComponent) -> str:
    """The password of `SERVICES`: it follows from the superuser's, which does not follow from it."""
    return services_password(password(component))


def _secret(component: InfraComponent) -> Path:
    return component.instance.state / "secrets" / component.name
