"""Our own platform on a real engine: every mode, the way from one to the other, and an engine that dies."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tarfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from converge import schema, tools
from converge.derived import services_password
from tests.conftest import NO_ENGINE, TOOL, Checkout, clone_of_the_shop, elapse, wait_until
from tests.debug import dap
from tests.editors.conftest import Place
from tests.editors.f5 import adapter, debugger_of, f5, free_port, run_task
from tests.real.inspected import as_stranger, told
from tests.real.rig import Rig
from tests.redaction.forms import Scanner
from tests.shop import get, order, sign_in, soon, url

SERVICES = ("catalog", "orders", "notifier", "web", "issuer")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, rig: Rig) -> Iterator[Checkout]:
    """A clone of the working tree whose DOCKER_HOST is the rig."""
    made = clone_of_the_shop(tmp_path_factory.mktemp("boxed"))
    made.env |= {"DOCKER_HOST": rig.host, "DOCKER_CONFIG": str(made.home)}
    try:
        yield made
    finally:
        cleaned = made.dev("clean", "--force")
    assert cleaned.code == 0 and made.processes() == []
    assert boxes(rig, made) == {}


def states(shop: Checkout) -> dict[str, str]:
    """What status says of everything, the gateway included."""
    said = shop.dev("status", "--json").json
    return {each["name"]: each["state"] for each in (*said["components"], *filter(None, [said["gateway"]]))}


def of_the_rest(shop: Checkout) -> set[str]:
    """The states of everything but orders."""
    return {state for name, state in states(shop).items() if name != "orders"}


def boxes(rig: Rig, shop: Checkout) -> dict[str, str]:
    """Compose key -> image, of the shop's containers."""
    label = f"label=dev.checkout={shop.path}"
    form = '{{.Label "com.docker.compose.service"}} {{.Image}}'
    rows = rig.docker("ps", "-a", "--filter", label, "--format", form).stdout.splitlines()
    return dict(row.split(" ", 1) for row in rows)


def built(rig: Rig) -> set[str]:
    """Every image the engine has."""
    return set(rig.docker("images", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").stdout.splitlines())


def placements(shop: Checkout) -> dict[str, str]:
    """Where everything is that is ready, as all of it is soon."""
    wait_until(lambda: {entry["state"] for entry in shop.components().values()} == {"ready"})
    return {name: entry["placement"] for name, entry in shop.components().items()}


def start(shop: Checkout, *argv: str) -> str:
    ran = shop.dev("start", *argv, timeout=900)
    assert ran.code == 0, ran.err
    return ran.err


def heard(shop: Checkout, placed: dict[str, str]) -> bool:
    """Whether the notifier was told of the order."""
    customer = sign_in(shop)
    return bool(wait_until(lambda: soon(f"{url(shop, 'notifier')}/notifications", placed["id"], customer)))


def test_by_default_infrastructure_is_in_docker_and_services_are_native(shop: Checkout, rig: Rig) -> None:
    start(shop)
    where = placements(shop)
    assert {where["postgres"], where["pubsub"]} == {"docker"} and {where[name] for name in SERVICES} == {"native"}
    assert set(boxes(rig, shop)) == {"postgres", "pubsub"}
    assert heard(shop, order(url(shop, "orders"), sign_in(shop)))


def test_docker_mode_and_back_keeps_addresses_and_data(shop: Checkout, rig: Rig) -> None:
    start(shop)
    before = order(url(shop, "orders"), sign_in(shop))
    addresses = {name: entry["address"] for name, entry in shop.components().items()}
    start(shop, "--docker")
    assert set(placements(shop).values()) == {"docker"}
    assert {name: entry["address"] for name, entry in shop.components().items()} == addresses
    assert before["id"] in str(get(f"{url(shop, 'orders')}/orders", sign_in(shop)))
    assert "desk-lamp" in get(url(shop, "web"), sign_in(shop))
    during = order(url(shop, "orders"), sign_in(shop))
    assert heard(shop, during)
    for name in SERVICES:
        about = json.loads(rig.docker("inspect", container(rig, shop, f"{name}-box")).stdout)[0]
        assert about["Config"]["User"] not in ("", "0", "root"), name
        published = [entry for entries in about["NetworkSettings"]["Ports"].values() for entry in entries or ()]
        assert published == [], "the gateway has its name, the edge its port"
    start(shop)
    assert {placements(shop)[name] for name in SERVICES} == {"native"}
    assert "dev-gateway" not in boxes(rig, shop), "the gateway stayed"
    assert {before["id"], during["id"]} <= {row["id"] for row in get(f"{url(shop, 'orders')}/orders", sign_in(shop))}


def test_the_engine_tells_no_secret_of_the_platform(shop: Checkout, rig: Rig) -> None:
    start(shop, "--docker")
    lines = (shop.path / ".dev/values").read_text().splitlines()
    known = dict(line.split("=", 1) for line in lines if line[:1].isalpha())
    word = (shop.path / ".dev/instances/default/secrets/postgres").read_text()
    scanner = Scanner({**known, "postgres": word, "services": services_password(word)})
    assert {"SERVICE_AUTH_TOKEN", "AUTH_ISSUER_SECRET", "TEST_AUTH_SECRET"} <= known.keys()
    assert {what: found for what, text in told(rig, shop).items() if (found := scanner.found(text))} == {}
    assert scanner.found(as_stranger("ps", "axww", "-o", "args")) == set()


def test_no_image_has_the_code_that_believes_test_users(shop: Checkout, rig: Rig, tmp_path: Path) -> None:
    """Every file of every image is read; the same search finds that code in the checkout."""
    start(shop, "--docker")
    door = re.compile(rb"x-test-secret", re.IGNORECASE)
    for name in SERVICES:
        archive = tmp_path / f"{name}.tar"
        rig.docker("export", "-o", str(archive), container(rig, shop, f"{name}-box"))
        with tarfile.open(archive) as image:
            files = [entry for entry in image if entry.isfile()]
            found = [entry.name for entry in files if door.search(image.extractfile(entry).read())]  # type: ignore[union-attr]
        assert files and not found, f"{name}: {found}"
        archive.unlink()
    kit = shop.path / "services/auth"
    doors = [*kit.glob("python-testing/**/*.py"), *kit.glob("next/testing/*.ts"), *kit.glob("go/authkit/*_authtest.go")]
    assert {file.suffix for file in doors if door.search(file.read_bytes())} == {".py", ".ts", ".go"}


def test_an_edit_rebuilds_one_image_in_docker_mode_and_none_otherwise(shop: Checkout, rig: Rig) -> None:
    start(shop)  # Next.js writes next-env.d.ts, which counts as a source where git does not say that it is ignored
    start(shop, "--docker")
    first = boxes(rig, shop)
    source = shop.path / "services/orders/routes.go"
    text = source.read_text()
    # The engine keeps the images of earlier runs, each named by what it is built from: no edit is new twice.
    edited = f"edited {uuid.uuid4()}"
    source.write_text(text.replace('"status": "ok"', f'"status": "{edited}"'))
    try:
        outdated = {name for name, each in shop.components().items() if "sources changed" in (each["reason"] or "")}
        assert outdated == {"orders"}
        start(shop)
        wait_until(lambda: soon(f"{url(shop, 'orders')}/healthz", edited), 60)
        known = built(rig)
        start(shop)
        assert built(rig) == known, "a start in native mode built an image"
        said = start(shop, "--docker")
        assert "building" in said
        second = boxes(rig, shop)
        assert {key for key in first if first[key] != second[key]} == {"orders-box"}
        assert soon(f"{url(shop, 'orders')}/healthz", edited)
    finally:
        source.write_text(text)
    assert "building" not in start(shop, "--docker"), "an image that was there already was built again"
    assert boxes(rig, shop) == first


def test_with_watch_a_container_follows_an_edit_until_ctrl_c(shop: Checkout, rig: Rig) -> None:
    start(shop, "--docker")
    before, edited = boxes(rig, shop), f"edited {uuid.uuid4()}"
    source = shop.path / "services/orders/routes.go"
    text = source.read_text()
    watching = shop.popen("start", "--docker", "--watch")
    try:
        assert watching.stderr and any("watching the sources" in line for line in watching.stderr)
        source.write_text(text.replace('"status": "ok"', f'"status": "{edited}"'))
        wait_until(lambda: soon(f"{url(shop, 'orders')}/healthz", edited), 120)
    finally:
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=120)
        source.write_text(text)
    assert watching.returncode == 130 and "Traceback" not in said, said
    assert set(placements(shop).values()) == {"docker"}  # waits: what was being replaced at Ctrl-C is there soon
    assert boxes(rig, shop)["orders-box"] != before["orders-box"]


def test_commands_work_the_same_in_docker_mode(shop: Checkout) -> None:
    start(shop, "--docker")
    pid = shop.components()["orders"]["pid"]
    assert shop.dev("restart", "orders", timeout=200).code == 0
    assert placements(shop)["orders"] == "docker" and shop.components()["orders"]["pid"] != pid
    assert "orders" in shop.dev("logs", "orders", "--since", "1m").out
    shown = shop.dev("env", "orders").out
    assert "catalog" in shown.partition("CATALOG_URL=")[2].splitlines()[0]
    assert shop.dev("stop", "web").code == 0
    assert shop.components()["web"]["state"] == "stopped" and shop.components()["orders"]["state"] == "ready"
    start(shop, "--docker")
    assert set(placements(shop).values()) == {"docker"}
    doctor = shop.dev("doctor", "--json")
    assert doctor.code == 0 and doctor.json["verdict"] == "converged", doctor.out


def test_a_service_that_crashes_in_its_container_is_told_with_its_last_words(shop: Checkout) -> None:
    settings = shop.path / "services/catalog/catalog/settings.py"
    text = settings.read_text()
    settings.write_text(text + "\nraise SystemExit('I cannot find my hat')\n")
    try:
        ran = shop.dev("start", "--docker", timeout=300)
        assert ran.code == 3 and "I cannot find my hat" in ran.err, ran.err
    finally:
        settings.write_text(text)
    start(shop, "--docker")


def test_the_system_test_passes_where_the_services_run(shop: Checkout) -> None:
    for argv, where in ((["--docker"], "docker"), ([], "native")):
        start(shop, *argv)
        ran = shop.dev("test", "--system", "--yes", timeout=600)
        assert ran.code == 0 and "1 of 1 suites passed" in ran.out, f"{where}: {ran.out}{ran.err}"


@pytest.mark.parametrize("name", ["orders", "catalog"])
def test_f5_stops_a_request_that_another_container_sent(shop: Checkout, rig: Rig, name: str) -> None:
    """Two steps from containers to a breakpoint: VS Code's entry is given to delve and to debugpy, as F5 does."""
    start(shop, "--docker")
    place = Place(shop, "", 0)
    for words in (("handoff", name), ("handoff", name, "--back")):  # the first writes the entries
        assert shop.dev(*words, timeout=300).code == 0
    entry = f5(place, name)  # hands it off once more, as its first task
    last, port = entry.pop("postDebugTask"), free_port()
    if name == "orders":
        dlv = debugger_of(place, name, lambda: tools.executable(schema.load(TOOL), "delve"))
        env, where = {**shop.environment(), **entry["env"]}, Path(entry["program"])
        argv, kind, more = [str(dlv), "dap", f"--listen=127.0.0.1:{port}"], "go", {"program": "."}
        file, row = "services/orders/routes.go", '"status": "ok"'
    else:
        library = debugger_of(place, name, lambda: tools.library(schema.load(TOOL), "debugpy"))
        env, where = {**os.environ, "PYTHONPATH": str(library)}, shop.path
        argv = [sys.executable, "-m", "debugpy.adapter", "--host", "127.0.0.1", "--port", str(port)]
        kind, more = "debugpy", {"console": "internalConsole"}
        file, row = "services/catalog/catalog/app.py", 'return {"status": "ok"}'
    source = shop.path / file
    line = next(n for n, text in enumerate(source.read_text().splitlines(), 1) if row in text)
    address = url(shop, name)
    inside = f"http://{name}:{address.rpartition(':')[2]}/healthz"
    code = f"import urllib.request; print(urllib.request.urlopen('{inside}', timeout=200).read().decode())"
    asking = ["exec", container(rig, shop, "notifier-box"), "python", "-c", code]
    with (
        ThreadPoolExecutor() as pool,
        adapter(argv, where, env, port),
        dap.launch(port, kind, {**entry, **more}, 240) as session,
    ):
        session.stop_at(str(source), line)
        answer = pool.submit(rig.docker, *asking)  # held until the process listens
        stop = session.stopped()
        assert (stop.file, stop.line) == (str(source), line)
        assert shop.components()[name]["placement"] == "ide" and not answer.done()
        session.stop_at(str(source))
        session.go_on(stop)
        assert json.loads(answer.result(30).stdout)["status"] == "ok"
        session.ask("disconnect", terminateDebuggee=True)
    run_task(place, last)
    assert placements(shop)[name] == "docker" and soon(f"{address}/healthz", "ok")


def test_a_killed_engine_needs_one_start_and_loses_nothing(shop: Checkout, rig: Rig) -> None:
    start(shop, "--docker")
    placed = order(url(shop, "orders"), sign_in(shop))
    rig.kill()
    assert shop.dev("status").code == 2
    rig.restart()
    start(shop, "--docker")
    assert placed["id"] in str(get(f"{url(shop, 'orders')}/orders", sign_in(shop)))
    running = shop.popen("restart")
    elapse(1.5)
    rig.kill()
    _, err = running.communicate(timeout=200)
    assert "./dev itself failed" not in err, err
    rig.restart()
    start(shop)
    assert placed["id"] in str(get(f"{url(shop, 'orders')}/orders", sign_in(shop)))
    assert heard(shop, order(url(shop, "orders"), sign_in(shop)))


def test_an_engine_that_is_restarted_brings_back_all_that_ran_and_nothing_else(shop: Checkout, rig: Rig) -> None:
    start(shop, "--docker")
    assert shop.dev("handoff", "orders").code == 0, "its container is stopped and kept"
    before = boxes(rig, shop)
    rig.end()
    rig.restart()
    wait_until(lambda: of_the_rest(shop) == {"ready"}, 120)
    rig.kill()  # it then finds what runs, and ends it as a user would (20.10); others start it again
    rig.restart()
    wait_until(lambda: of_the_rest(shop) in ({"ready"}, {"stopped"}), 120)
    assert boxes(rig, shop) == before and states(shop)["orders"] == "waiting"
    start(shop, "--docker")
    assert of_the_rest(shop) == {"ready"}
    assert shop.dev("handoff", "orders", "--back", timeout=200).code == 0


def test_without_an_engine_everything_is_native_and_the_data_in_docker_are_not_forgotten(shop: Checkout) -> None:
    start(shop)
    shop.dev("stop")
    ran = shop.dev("start", env={"DOCKER_HOST": NO_ENGINE}, timeout=300)
    assert ran.code == 3 and "postgres cannot run in Docker" in ran.err
    ran = shop.dev("--instance", "bare", "start", env={"DOCKER_HOST": NO_ENGINE}, timeout=300)
    assert (
        ran.code == 0 and len([line for line in ran.err.splitlines() if "postgres" in line and "embedded" in line]) == 1
    )
    assert {entry["placement"] for entry in shop.components("--instance", "bare").values()} == {"native"}
    assert shop.dev("--instance", "bare", "stop").code == 0


def container(rig: Rig, shop: Checkout, key: str) -> str:
    filters = ["--filter", f"label=dev.checkout={shop.path}", "--filter", f"label=com.docker.compose.service={key}"]
    return rig.docker("ps", "-q", *filters).stdout.strip()
