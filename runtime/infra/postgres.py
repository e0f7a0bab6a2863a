"""Embedded Postgres: its own data directory, password and port; as root it runs as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from converge import tools
from converge.desired import Infra, Loaded
from converge.errors import DevError
from runtime.component import Component, Launch
from runtime.infra import plain_addresses


def prepare(loaded: Loaded, component: Component) -> None:
    """Make the data directory whole or not at all; an existing one is never replaced."""
    data, home = _data(component), _home(loaded)
    _password(component)
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
    user = _user()
    data.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{component.name}.", dir=data.parent))
    try:
        password = fresh / "password"
        password.write_text(_password(component))
        target = fresh / "data"
        if user:
            account = pwd.getpwnam(user)
            for path in (fresh, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        argv = [str(home / "bin/initdb"), "-D", str(target), "-U", "postgres", "--auth=scram-sha-256", "-E", "UTF8"]
        argv += ["--locale=C.UTF-8" if os.name == "posix" and Path("/proc").exists() else "--locale=C"]
        ran = subprocess.run(
            [*argv, f"--pwfile={password}"], user=user, cwd=fresh, env=_env(home), capture_output=True, text=True,
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


def launch(loaded: Loaded, component: Component) -> Launch:
    """On loopback at its one port; SIGINT is its fast and clean end."""
    home = _home(loaded)
    settings = {"listen_addresses": "127.0.0.1", "port": component.port, "unix_socket_directories": ""}
    settings |= {"logging_collector": "off", "max_connections": 200}
    argv = [str(home / "bin/postgres"), "-D", str(_data(component))]
    argv += [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return Launch(tuple(argv), _data(component), _env(home), _user(), signal.SIGINT)


def addresses(loaded: Loaded, component: Component) -> Mapping[str, str]:
    """With the password in the URL; a database's name is appended by whoever uses it."""
    plain = plain_addresses(component)
    return {**plain, "url": f"postgresql://postgres:{_password(component)}@{plain['address']}"}


def ready_command(loaded: Loaded, component: Component) -> tuple[str, ...]:
    """pg_isready knows a server that accepts connections from one that still recovers."""
    library = f"LD_LIBRARY_PATH={_home(loaded) / 'lib'}"
    return ("env", library, str(_home(loaded) / "bin/pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(component.port))


def provision(loaded: Loaded, component: Component) -> None:
    """Databases, each owned by the role of its name, and extensions in each."""
    wants = component.wants
    assert isinstance(wants, Infra)
    there = set(sql(loaded, component, "SELECT datname FROM pg_database").splitlines())
    roles = set(sql(loaded, component, "SELECT rolname FROM pg_roles").splitlines())
    for name in wants.databases:
        if name not in roles:
            sql(loaded, component, f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{_password(component)}'")
        if name not in there:
            sql(loaded, component, f'CREATE DATABASE "{name}" OWNER "{name}"')
        for extension in wants.extensions:
            sql(loaded, component, f'CREATE EXTENSION IF NOT EXISTS "{extension}"', name)


def sql(loaded: Loaded, component: Component, statement: str, database: str = "postgres") -> str:
    """What the statement answers, one row per line."""
    home = _home(loaded)
    argv = [str(home / "bin/psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(component.port)]
    ran = subprocess.run(
        [*argv, "-U", "postgres", "-d", database, "-c", statement], capture_output=True, text=True,
        env={**_env(home), "PGPASSWORD": _password(component)}, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    if ran.returncode:
        raise DevError(
            "sql-failed", f"{component.name} refused: {statement.split(' PASSWORD')[0]}",
            because=ran.stderr.strip() or f"psql ended with {ran.returncode}",
            hint=f"see ./dev logs {component.name}",
        )  # fmt: skip
    return ran.stdout


def _home(loaded: Loaded) -> Path:
    found = tools.executable(loaded, "postgres")
    if found is None:
        raise DevError("command-missing", "there is no embedded Postgres", hint="run ./dev doctor --fix")
    return found.parent.parent


def _data(component: Component) -> Path:
    return component.instance.data / component.name


def _env(home: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "LD_LIBRARY_PATH": str(home / "lib"), "TZ": "UTC", "LC_ALL": "C.UTF-8"}


def _user() -> str | None:
    """Postgres refuses root: the distribution's own user for it where there is one, else nobody."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise DevError("no-user", "Postgres cannot run here", because="it refuses root, and there is no user nobody")


def _password(component: Component) -> str:
    """Made once per instance; 0600. It lies beside the data: a new data directory may come with a new one."""
    path = component.instance.state / "secrets" / component.name
    try:
        return path.read_text()
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
        return path.read_text()
