"""Our own platform in a clone of its own: two instances side by side, every edit live, a switch of branches, kills."""

from __future__ import annotations

import http.client
import json
import os
import signal
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.conftest import Checkout, clone_of_the_shop, wait_until
from tests.shop import get, order, refusal, sign_in, soon, url


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """The working tree in a place of its own, on ports of its own, with nothing installed for its services."""
    # whatever this machine has: Docker is tested in tests/real
    made = clone_of_the_shop(tmp_path_factory.mktemp("shop"), '[docker]\nengine = "off"\n')
    try:
        started = made.dev("start", timeout=400)
        assert started.code == 0, started.err
        yield made
    finally:
        cleaned = made.dev("clean", "--force")
    assert cleaned.code == 0 and made.processes() == []


def test_an_order_reaches_the_notifier_and_a_second_look_finds_nothing(shop: Checkout) -> None:
    customer = sign_in(shop)
    placed = order(url(shop, "orders"), customer)
    notifier = url(shop, "notifier")
    wait_until(lambda: soon(f"{notifier}/notifications", placed["id"], customer))
    assert "desk-lamp" in get(url(shop, "web"), customer)
    doctor = shop.dev("doctor", "--json")
    assert doctor.code == 0 and doctor.json["verdict"] == "converged"
    assert shop.dev("doctor", "--fix", "--json").json["rounds"] == 0


def test_orders_are_placed_while_the_service_token_is_rotated(shop: Checkout) -> None:
    """An order asks the catalog with the token: refused there, it would not be placed."""
    customer, orders = sign_in(shop, user="busy"), url(shop, "orders")  # has more orders than a list shows
    statuses: Counter[int] = Counter()
    over = threading.Event()

    def place() -> None:
        deadline = time.monotonic() + 240
        while not over.is_set() and time.monotonic() < deadline:
            try:
                order(orders, customer)
                statuses[200] += 1
            except urllib.error.HTTPError as answer:
                statuses[answer.code] += 1
            except (OSError, http.client.HTTPException):  # it is being restarted
                pass
            over.wait(0.1)

    customers = [threading.Thread(target=place) for _ in range(2)]
    for each in customers:
        each.start()
    try:
        wait_until(lambda: statuses[200] > 5)
        rotated = shop.dev("secrets", "rotate", "SERVICE_AUTH_TOKEN", "--json", timeout=300)
        placed = statuses[200]
        wait_until(lambda: statuses[200] > placed + 5)
    finally:
        over.set()
        for each in customers:
            each.join()
    assert rotated.code == 0, rotated.err
    assert set(statuses) == {200}, statuses
    assert len(rotated.json["restarted"]) == 3 * len(set(rotated.json["restarted"]))


@pytest.mark.parametrize(
    ("service", "file", "old", "new", "path"),
    [
        ("catalog", "services/catalog/catalog/app.py", '{"status": "ok"}', '{"status": "edited"}', "/healthz"),
        ("notifier", "services/notifier/notifier/app.py", '{"status": "ok"}', '{"status": "edited"}', "/healthz"),
        ("orders", "services/orders/routes.go", '"status": "ok"', '"status": "edited"', "/healthz"),
        ("web", "services/web/app/page.tsx", "<h1>Shop</h1>", "<h1>Edited</h1>", "/"),
        ("issuer", "services/auth/issuer/routes.go", '"status": "ok"', '"status": "edited"', "/healthz"),
    ],
)
def test_an_edit_is_live(shop: Checkout, service: str, file: str, old: str, new: str, path: str) -> None:
    address, source = url(shop, service) + path, shop.path / file
    text = source.read_text()
    assert old in text
    pid = shop.components()[service]["pid"]
    source.write_text(text.replace(old, new))
    wait_until(lambda: soon(address, "ited"), 60)
    source.write_text(text)
    wait_until(lambda: not soon(address, "ited") and soon(address, "ok" if path == "/healthz" else "Shop"), 60)
    entry = shop.components()[service]
    assert entry["restarts"] == 0 and pid


@pytest.mark.parametrize(
    ("kit", "text", "places"),
    [
        ("python/platform_auth/errors.py", "sign in first", (("catalog", "/products"), ("notifier", "/notifications"))),
        ("go/authkit/refusal/refusal.go", "sign in first", (("orders", "/orders"),)),
        ("next/lib/auth/local.ts", "not in this mode", (("web", "/api/auth/nothing"),)),
    ],
)
def test_an_edit_of_a_kit_is_live_in_every_service_that_has_it(
    shop: Checkout, kit: str, text: str, places: tuple[tuple[str, str], ...]
) -> None:
    source = shop.path / "services/auth" / kit
    before = source.read_text()
    assert text in before
    for said, content in (("edited", before.replace(text, "edited")), (text, before)):
        source.write_text(content)
        for service, path in places:
            wait_until(lambda at=url(shop, service), path=path, said=said: said in told(at, path), 60)


def told(address: str, path: str) -> str:
    """After a page was asked for, as a browser does: Next looks at edits of what its proxy has only then."""
    refusal(address)
    return refusal(address + path)


def test_data_are_put_aside_and_back(shop: Checkout) -> None:
    orders, customer = url(shop, "orders"), sign_in(shop)
    assert get(f"{orders}/orders", customer) is not None  # who is new is made before the snapshot
    assert shop.dev("data", "snapshot", "before").code == 0
    known = len(get(f"{orders}/orders", customer))
    order(orders, customer)
    assert len(get(f"{orders}/orders", customer)) == known + 1
    assert shop.dev("data", "snapshot", "before").code == 64
    assert shop.dev("data", "restore", "nothing").code == 64
    assert shop.dev("data", "restore", "before").code == 0
    assert wait_until(lambda: soon(f"{orders}/readyz", "ready"))
    assert len(get(f"{orders}/orders", customer)) == known
    assert shop.dev("data", "list").out.split() == ["before"]
    assert shop.dev("data", "delete", "before").code == 0 and shop.dev("data", "list").out == ""


def test_a_killed_database_comes_back_with_its_data(shop: Checkout) -> None:
    orders, customer = url(shop, "orders"), sign_in(shop)
    placed = order(orders, customer)
    shim = json.loads((shop.path / ".dev/instances/default/run/postgres/state.json").read_text())["shim"]
    for victim in (shop.components()["postgres"]["pid"], shim):
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: shop.dev("start").code == 0, 60)
        assert wait_until(lambda: soon(f"{orders}/orders/{placed['id']}", placed["id"], customer))
    wait_until(lambda: {entry["state"] for entry in shop.components().values()} == {"ready"})


def test_a_branch_with_another_migration_needs_one_start(shop: Checkout) -> None:
    migration = shop.path / "services/catalog/catalog/migrations/0003_more.sql"
    migration.write_text("INSERT INTO catalog.products VALUES ('teapot', 'Teapot', 'Holds a litre.', 3900);\n")
    requirements = shop.path / "services/catalog/requirements.lock"
    requirements.write_text(requirements.read_text() + "# another branch\n")
    state = shop.path / "desired_state.toml"
    text = state.read_text()
    state.write_text(text + "\n[services.extra]\nkind = 'command'\ndev = 'sleep 1000'\n")
    notifier = shop.components()["notifier"]["pid"]
    assert shop.dev("start").code == 0
    assert wait_until(lambda: soon(f"{url(shop, 'catalog')}/products", "Teapot", sign_in(shop)))
    entries = shop.components()
    assert entries["extra"]["state"] == "ready" and entries["notifier"]["pid"] == notifier
    state.write_text(text)
    assert "no longer declared" in shop.dev("start").err


def test_two_instances_run_side_by_side(shop: Checkout) -> None:
    started = shop.dev("--instance", "second", "start", timeout=200)
    assert started.code == 0, started.err
    one, two = url(shop, "orders"), url(shop, "orders", "--instance", "second")
    customer = sign_in(shop, "--instance", "second")
    placed = order(two, customer)
    notifier = url(shop, "notifier", "--instance", "second")
    wait_until(lambda: soon(f"{notifier}/notifications", placed["id"], customer))
    assert placed["id"] not in str(get(f"{one}/orders", sign_in(shop)))
    assert "desk-lamp" in get(url(shop, "web", "--instance", "second"), customer)
    assert shop.dev("--instance", "second", "stop").code == 0
    wait_until(lambda: {entry["state"] for entry in shop.components().values()} == {"ready"})


def test_without_air_our_own_watcher_stands_in(shop: Checkout) -> None:
    store, state = shop.path.parent / "store", shop.path / "desired_state.toml"
    text = state.read_text()
    without = "\n".join(line for line in text.splitlines() if not line.startswith("air = "))
    state.write_text(without + "\n")
    assert not store.exists()
    assert shop.dev("start", "orders", timeout=200).code == 0
    assert "./dev itself watches" in shop.dev("logs", "orders").out
    source = shop.path / "services/orders/routes.go"
    before = source.read_text()
    source.write_text(before.replace('"status": "ok"', '"status": "edited"'))
    wait_until(lambda: soon(f"{url(shop, 'orders')}/healthz", "edited"), 60)
    source.write_text(before)
    state.write_text(text)
    assert shop.dev("start", "orders", timeout=200).code == 0
