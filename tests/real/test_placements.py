"""Infrastructure in Docker and beside it, on a real engine: chosen, kept, moved, refused, and no data lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from converge.instance import store
from tests.conftest import NO_ENGINE, TOOL, Checkout, Ran, elapse, removed
from tests.real.rig import Rig

PSQL = ["psql", "-XAtq", "-U", "postgres", "-d", "shop", "-c"]


@pytest.fixture
def database(checkout: Checkout, rig: Rig, free_port: Callable[[], int]) -> Iterator[Checkout]:
    """A checkout with Postgres alone, on the rig's engine."""
    checkout.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(checkout.home)}
    checkout.write("desired_state.lock", (TOOL / "desired_state.lock").read_text())
    declare(checkout, free_port())
    yield checkout
    checkout.dev("clean", "--force")
    label = f"label=com.docker.compose.project={project(checkout)}"
    for kind in ("volume", "network"):
        assert rig.docker(kind, "ls", "-q", "--filter", label).stdout == "", f"clean left a {kind}"


def declare(checkout: Checkout, port: int, more: str = "", image: str = "postgres:18") -> None:
    checkout.state(f"[docker]\n[infra.postgres]\nport = {port}\nimage = '{image}'\ndatabases = ['shop']\n{more}\n")


def project(checkout: Checkout) -> str:
    return "story-" + hashlib.sha256(f"{checkout.path.resolve()}\0".encode()).hexdigest()[:10]


def sql(rig: Rig, checkout: Checkout, statement: str) -> str:
    """Asked inside the container."""
    return rig.docker("exec", f"{project(checkout)}-postgres-1", *PSQL, statement).stdout.strip()


def running(checkout: Checkout, rig: Rig) -> str:
    """Id of the image that its database runs."""
    return rig.docker("inspect", "-f", "{{.Image}}", f"{project(checkout)}-postgres-1").stdout.strip()


def placement(checkout: Checkout) -> str:
    entry = checkout.components()["postgres"]
    assert entry["state"] == "ready", entry
    return str(entry["placement"])


def started(ran: Ran) -> Ran:
    assert ran.code == 0, ran.err
    return ran


def test_infrastructure_runs_in_docker_and_a_second_start_changes_nothing(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    assert placement(database) == "docker"
    about = json.loads(rig.docker("inspect", f"{project(database)}-postgres-1").stdout)[0]
    published = [entry for entries in about["NetworkSettings"]["Ports"].values() for entry in entries or ()]
    assert {entry["HostIp"] for entry in published} == {"127.0.0.1"}
    port = database.components()["postgres"]["port"]
    assert [entry["HostPort"] for entry in published] == [str(port)]
    assert about["Config"]["Labels"]["dev.checkout"] == str(database.path)
    assert "ready already" in started(database.dev("start")).err
    again = json.loads(rig.docker("inspect", about["Id"]).stdout)[0]["State"]
    assert (again["Pid"], again["StartedAt"]) == (about["State"]["Pid"], about["State"]["StartedAt"])
    doctor = database.dev("doctor", "--json")
    assert doctor.code == 0 and doctor.json["verdict"] == "converged", doctor.out


def test_logs_restart_and_stop_work_as_for_native_components(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    before = database.components()["postgres"]["pid"]
    started(database.dev("restart", "postgres"))
    assert placement(database) == "docker" and database.components()["postgres"]["pid"] != before
    assert "ready to accept connections" in database.dev("logs", "postgres").out
    assert "stopped postgres" in database.dev("stop").err
    assert rig.docker("ps", "-aq", "--filter", f"name={project(database)}").stdout == ""
    assert database.components()["postgres"]["state"] == "stopped"
    assert "database system is shut down" in database.dev("logs", "postgres").out, "its log went with the container"
    assert database.dev("stop").code == 0


def test_data_outlive_a_stop_a_new_port_and_another_limit(
    database: Checkout, rig: Rig, free_port: Callable[[], int]
) -> None:
    started(database.dev("start"))
    sql(rig, database, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    started(database.dev("stop"))
    other = free_port()
    declare(database, other)
    started(database.dev("start"))
    assert database.components()["postgres"]["port"] == other
    assert sql(rig, database, "SELECT n FROM kept") == "7"


def test_only_what_changed_is_made_anew(database: Checkout, rig: Rig, free_port: Callable[[], int]) -> None:
    compose = database.write(
        "compose/infra.yaml",
        "services:\n"
        "  postgres:\n    image: ${POSTGRES_IMAGE:-postgres:18}\n"
        '    environment: { POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:-x}", PGPORT: "${POSTGRES_PORT:-5432}" }\n'
        '    ports: ["127.0.0.1:${POSTGRES_PORT:-5432}:${POSTGRES_PORT:-5432}"]\n'
        '    volumes: ["postgres:/var/lib/postgresql"]\n'
        "  cache:\n    image: debian:bookworm-slim\n    command: [sh, -c, 'sleep 1000']\n"
        "    environment: { LEVEL: one }\n"
        "volumes:\n  postgres: {}\n",
    )
    more = f"[infra.cache]\nport = {free_port()}\nimage = 'debian:bookworm-slim'\nready = {{ exec = 'true' }}\n"
    declare(database, free_port(), more)
    ran = database.dev("start", "postgres")
    started(ran)
    first = rig.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", f"{project(database)}-postgres-1").stdout
    compose.write_text(compose.read_text().replace("LEVEL: one", "LEVEL: two"))
    started(database.dev("start", "postgres"))
    again = rig.docker("inspect", "-f", "{{.Id}} {{.State.StartedAt}}", f"{project(database)}-postgres-1").stdout
    assert again == first, "a change of another entry restarted the database"
    compose.write_text(compose.read_text().replace("PGPORT:", 'CHANGED: "yes", PGPORT:'))
    started(database.dev("start", "postgres"))
    assert "CHANGED=yes" in rig.docker("inspect", f"{project(database)}-postgres-1").stdout


def test_without_an_engine_it_is_embedded_and_one_line_says_why(database: Checkout) -> None:
    ran = database.dev("start", env={"DOCKER_HOST": NO_ENGINE})
    started(ran)
    lines = [line for line in ran.err.splitlines() if "embedded" in line]
    assert len(lines) == 1 and "--infra docker" in lines[0], ran.err
    assert placement(database) == "native"
    insisted = database.dev("start", "--infra", "docker", env={"DOCKER_HOST": NO_ENGINE})
    assert insisted.code != 0 and "data-elsewhere" in insisted.err
    assert placement(database) == "native"


def test_data_keep_their_placement_though_an_engine_comes_and_goes(database: Checkout, rig: Rig) -> None:
    started(database.dev("start", env={"DOCKER_HOST": NO_ENGINE}))
    started(database.dev("stop"))
    started(database.dev("start"))
    assert placement(database) == "native", "an engine that appeared left the data behind"
    started(database.dev("data", "copy", "--from", "native", "--to", "docker"))
    assert placement(database) == "docker"
    started(database.dev("stop"))
    ran = database.dev("start", env={"DOCKER_HOST": NO_ENGINE})
    assert ran.code == 3 and "docker-unavailable" in ran.err and "hint:" in ran.err
    assert database.components()["postgres"]["state"] == "stopped", "an empty database stood in for one with data"


def test_a_checkout_that_lost_its_state_finds_its_data_again(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    sql(rig, database, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    started(database.dev("stop"))
    removed(database.path / ".dev")
    elsewhere = database.dev("start", "--infra", "native")
    assert elsewhere.code == 3 and "error[data-elsewhere]" in elsewhere.err
    started(database.dev("start"))
    assert sql(rig, database, "SELECT n FROM kept") == "7"
    assert placement(database) == "docker"
    password = (database.path / ".dev/instances/default/secrets/postgres").read_text()
    port = database.components()["postgres"]["port"]
    # not by 127.0.0.1, which needs no password inside
    asked = f"psql -XAt postgresql://postgres:{{}}@$(hostname -i):{port}/shop -c 'SELECT 1'"
    box = f"{project(database)}-postgres-1"
    assert rig.docker("exec", box, "sh", "-c", asked.format("wrong"), check=False).returncode
    assert rig.docker("exec", box, "sh", "-c", asked.format(password)).stdout.strip() == "1"


def test_another_engine_is_refused_while_one_has_the_data(database: Checkout, rig: Rig, tmp_path: Path) -> None:
    started(database.dev("start"))
    sql(rig, database, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    started(database.dev("stop"))
    other = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(other))
        listener.listen(8)
        threading.Thread(target=pings, args=(listener,), daemon=True).start()
        ran = database.dev("start", env={"DOCKER_HOST": f"unix://{other}"})
    assert ran.code == 3 and "error[engine-changed]" in ran.err and rig.host in ran.err, ran.err
    started(database.dev("start"))
    assert sql(rig, database, "SELECT n FROM kept") == "7"


def pings(listener: socket.socket) -> None:
    """An engine that says its name and nothing else."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            connection.recv(4096)
            head = "HTTP/1.1 200 OK\r\nServer: Docker/20.10.24\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK"
            connection.sendall(head.encode())
            connection.close()


def test_an_engine_that_is_gone_for_good_is_no_dead_end(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    started(database.dev("stop"))
    record = database.path / ".dev/instances/default/compose/engine"
    home = record.read_text()
    record.write_text("unix:///gone/docker.sock\n")
    gone = {"DOCKER_HOST": NO_ENGINE}
    assert database.components()["postgres"]["state"] == "unknown"
    assert database.dev("start", env=gone).code == 3
    reset = database.dev("data", "reset", "--force", env=gone)
    assert reset.code == 0 and "com.docker.compose.project" in reset.err, reset.err
    started(database.dev("start", "--infra", "native", env=gone))
    assert placement(database) == "native"
    started(database.dev("stop"))
    record.write_text(home)


def test_data_are_copied_there_and_back_with_all_databases_and_snapshots(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    sql(rig, database, "CREATE TABLE kept (t text); INSERT INTO kept VALUES ('naïve $1 ''q'''), (NULL)")
    sql(rig, database, "CREATE ROLE guest LOGIN; GRANT SELECT ON kept TO guest")
    started(database.dev("data", "snapshot", "monday"))
    started(database.dev("data", "copy", "--from", "docker", "--to", "native"))
    assert placement(database) == "native"
    volume = f"{project(database)}_postgres"
    assert volume not in rig.docker("volume", "ls", "-q").stdout.split()
    assert database.dev("data", "list").out.split() == ["monday"]
    twice = database.dev("data", "copy", "--from", "docker", "--to", "native")
    assert twice.code == 64 and "no-data" in twice.err
    started(database.dev("data", "copy", "--from", "native", "--to", "docker"))
    assert sql(rig, database, "SELECT count(*), max(t) FROM kept") == "2|naïve $1 'q'"
    assert sql(rig, database, "SELECT has_table_privilege('guest', 'kept', 'SELECT')") == "t"
    started(database.dev("data", "restore", "monday"))
    started(database.dev("data", "reset", "--force"))
    assert sql(rig, database, "SELECT to_regclass('kept') IS NULL") == "t"


def test_a_copy_that_fails_changes_nothing(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    # a check that reads another table cannot hold while that one is still empty: pg_dump's output is refused
    sql(
        rig, database,
        "CREATE TABLE zgate (n int); INSERT INTO zgate VALUES (1); "
        "CREATE FUNCTION open() RETURNS bool LANGUAGE plpgsql "
        "AS 'BEGIN RETURN EXISTS (SELECT FROM public.zgate); END'; "
        "CREATE TABLE a (n int CHECK (open())); INSERT INTO a VALUES (1)",
    )  # fmt: skip
    failed = database.dev("data", "copy", "--from", "docker", "--to", "native")
    assert failed.code == 3 and "error[copy-failed]" in failed.err, failed.err
    started(database.dev("start"))
    assert placement(database) == "docker" and sql(rig, database, "SELECT n FROM a") == "1"


def test_an_image_that_cannot_be_had_falls_back_or_is_refused(database: Checkout, free_port: Callable[[], int]) -> None:
    declare(database, free_port(), image="postgres:18.99-nowhere")
    ran = started(database.dev("start"))
    said = re.search(r"postgres:18\.99-nowhere cannot be pulled \((.+)\); running embedded", ran.err)
    assert said and said[1] in ("no network to the registry", "the registry has no such image"), ran.err
    assert placement(database) == "native"
    started(database.dev("stop"))
    started(database.dev("data", "reset", "--force"))
    insisted = database.dev("start", "--infra", "docker")
    assert insisted.code == 3 and "error[image-unavailable]" in insisted.err


def test_another_major_is_no_fallback(database: Checkout, free_port: Callable[[], int]) -> None:
    declare(database, free_port(), image="postgres:17.99-nowhere")
    ran = database.dev("start")
    assert ran.code == 3 and "error[image-unavailable]" in ran.err
    refused = database.dev("start", env={"DOCKER_HOST": NO_ENGINE})
    assert refused.code == 3 and "embedded Postgres is 18" in refused.err


def test_a_pinned_image_that_was_exchanged_is_refused(database: Checkout, rig: Rig) -> None:
    lock = database.path / "desired_state.lock"
    text = lock.read_text()
    lock.write_text(text + f'\n[images."postgres:18"]\ndigest = "{rig.digests["postgres:18"]}"\n')
    started(database.dev("start"))
    said = rig.docker("inspect", "-f", "{{.Config.Image}}", f"{project(database)}-postgres-1").stdout.strip()
    loaded = store() / "images.json"  # what came by an archive has lost its digest and is run by its id
    known = json.loads(loaded.read_text()) if loaded.exists() else {}
    assert said in (f"postgres:18@{rig.digests['postgres:18']}", known.get(rig.digests["postgres:18"])), said
    started(database.dev("stop"))
    lock.write_text(text + '\n[images."postgres:18"]\ndigest = "sha256:' + 64 * "0" + '"\n')
    ran = database.dev("start")
    assert ran.code == 65 and "error[image-digest]" in ran.err and "desired_state.lock" in ran.err
    assert database.dev("lock", "--images").code == 0 and rig.digests["postgres:18"] in lock.read_text()
    started(database.dev("start"))


def test_a_port_that_a_strangers_container_publishes_is_named(database: Checkout, rig: Rig) -> None:
    port = int(database.dev("env", "postgres").out.partition("PORT=")[2].split()[0])
    name = f"stranger-{port}"
    rig.docker(
        "run", "-d", "--rm", "--name", name, "-p", f"127.0.0.1:{port}:80", "debian:bookworm-slim", "sleep", "100"
    )
    try:
        ran = database.dev("start")
        assert ran.code == 3 and "error[port-taken]" in ran.err and f"container {name}" in ran.err
        assert "desired_state.toml:" in ran.err
        assert f"container {name}" in database.dev("doctor", "--only", "ports").out
        assert rig.docker("inspect", "-f", "{{.State.Running}}", name).stdout.strip() == "true"
    finally:
        rig.docker("rm", "-f", name)
    started(database.dev("start"))


def test_a_volume_of_an_older_major_is_refused_and_left_as_it_is(database: Checkout, rig: Rig) -> None:
    volume = f"{project(database)}_postgres"
    rig.docker("volume", "create", "--label", f"com.docker.compose.project={project(database)}", "--label",
               "com.docker.compose.volume=postgres", volume)  # fmt: skip
    inside = "mkdir -p /v/17/docker && echo 17 > /v/17/docker/PG_VERSION && echo precious > /v/17/docker/data"
    rig.docker("run", "--rm", "-v", f"{volume}:/v", "debian:bookworm-slim", "sh", "-c", inside)
    ran = database.dev("start")
    assert ran.code == 3 and "error[postgres-major]" in ran.err and "postgres:17" in ran.err
    seen = rig.docker(
        "run", "--rm", "-v", f"{volume}:/v", "debian:bookworm-slim", "sh", "-c", "cat /v/17/docker/data; ls /v"
    )
    assert seen.stdout.split() == ["precious", "17"]
    away = database.dev("start", env={"DOCKER_HOST": NO_ENGINE})
    assert away.code == 3 or placement(database) == "native"


def test_a_network_keeps_off_the_ranges_of_vpn_and_lan(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    network = f"{project(database)}_default"
    form = "{{(index .IPAM.Config 0).Subnet}}"
    before = rig.docker("network", "inspect", "-f", form, network).stdout.strip()
    link = "devvpn0"
    subprocess.run(["ip", "link", "add", link, "type", "veth", "peer", "name", f"{link}p"], check=True)
    try:
        subprocess.run(["ip", "link", "set", link, "up"], check=True)
        subprocess.run(["ip", "route", "add", before.replace(".0/24", ".128/25"), "dev", link], check=True)
        started(database.dev("start"))
        after = rig.docker("network", "inspect", "-f", form, network).stdout.strip()
        assert after != before and placement(database) == "docker"
    finally:
        subprocess.run(["ip", "link", "del", link], check=True)


def test_a_killed_engine_costs_no_data(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    sql(rig, database, "CREATE TABLE kept (n int); INSERT INTO kept SELECT generate_series(1, 1000)")
    rig.kill()
    down = database.dev("status", "--json")
    assert down.code == 2 and "does not answer" in down.out
    lost = database.dev("stop")
    assert lost.code == 3 and "error[engine-lost]" in lost.err
    rig.restart()
    started(database.dev("start"))
    assert sql(rig, database, "SELECT count(*) FROM kept") == "1000"


def test_an_engine_killed_in_a_start_needs_one_more_start(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    sql(rig, database, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)")
    for moment in (0.2, 0.6, 1.1):
        started(database.dev("stop"))
        running = database.popen("start")
        elapse(moment)
        rig.kill()
        _, err = running.communicate(timeout=120)
        assert "Traceback" not in err and "./dev itself failed" not in err, err
        rig.restart()
        ran = database.dev("start")
        if ran.code:  # engine 20.10 sometimes holds the port for good; only its restart helps, and it is not ours
            assert "error[engine-left-over]" in ran.err and "restart the engine" in ran.err, ran.err
            rig.kill()
            rig.restart()
            started(database.dev("start"))
        assert sql(rig, database, "SELECT count(*) FROM kept") == "1"


def test_images_travel_by_archive(database: Checkout, rig: Rig) -> None:
    lock = database.path / "desired_state.lock"
    lock.write_text(lock.read_text() + f'\n[images."postgres:18"]\ndigest = "{rig.digests["postgres:18"]}"\n')
    started(database.dev("start"))
    image = running(database, rig)
    started(database.dev("stop"))
    archive = database.path / "images.tar"
    started(database.dev("images", "save", str(archive), timeout=300))
    rig.docker("rmi", "-f", image, check=False)  # an engine keeps one that somebody else runs
    ran = database.dev("images", "load", str(archive), timeout=300)
    assert ran.code == 0 and "postgres:18" in ran.out, ran.err
    started(database.dev("start"))
    assert placement(database) == "docker"
    whole = archive.read_bytes()
    for damaged in (whole[:100_000], whole[:2_000_000] + bytes(50) + whole[2_000_050:]):
        archive.write_bytes(damaged)
        broken = database.dev("images", "load", str(archive))
        assert broken.code == 64 and "error[bad-archive]" in broken.err, broken.err


def test_snapshots_of_the_log_go_on_while_a_container_speaks(database: Checkout, rig: Rig) -> None:
    started(database.dev("start"))
    follower = database.popen("logs", "-f", "postgres")
    try:
        elapse(2)
        for number in range(5):
            sql(rig, database, f"DO $$ BEGIN RAISE LOG 'line {number} of five'; END $$")
        elapse(2)
        started(database.dev("stop"))  # its log goes to the file, and is not shown again
        elapse(2)
    finally:
        follower.terminate()
    out, _ = follower.communicate(timeout=10)
    heard = [line for line in out.splitlines() if "of five" in line and "STATEMENT" not in line]
    assert [line.partition("line ")[2][0] for line in heard if "LOG:" in line] == list("01234"), out[-2000:]
