"""Asking our own platform, as a customer's browser or another service would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from tests.conftest import Checkout


def url(shop: Checkout, name: str, *argv: str) -> str:
    return f"http://{shop.components(*argv)[name]['address']}"


def get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=20) as answer:
        text = answer.read().decode()
    return json.loads(text) if text[:1] in "[{" else text


def order(address: str, product: str = "desk-lamp") -> Any:
    body = json.dumps({"product_id": product, "quantity": 1}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{address}/orders", body), timeout=20) as answer:
        return json.loads(answer.read())


def soon(address: str, text: str) -> bool:
    try:
        return text in str(get(address))
    except (OSError, urllib.error.URLError):
        return False
