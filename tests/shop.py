"""Asking our own platform, as a customer's browser or another service would."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

from tests.conftest import Checkout


def url(shop: Checkout, name: str, *argv: str) -> str:
    return f"http://{shop.components(*argv)[name]['address']}"


def sign_in(shop: Checkout, *argv: str, user: str = "") -> str:
    """A token of the instance's issuer; another placement of the issuer is another issuer."""
    minted = shop.dev(*argv, "token", *(("--user", user) if user else ()))
    assert minted.code == 0, minted.err
    return minted.out.strip()


def get(address: str, token: str = "") -> Any:
    with urllib.request.urlopen(_request(address, token), timeout=20) as answer:
        text = answer.read().decode()
    return json.loads(text) if text[:1] in "[{" else text


def order(address: str, token: str, product: str = "desk-lamp") -> Any:
    body = json.dumps({"product_id": product, "quantity": 1}).encode()
    with urllib.request.urlopen(_request(f"{address}/orders", token, body), timeout=20) as answer:
        return json.loads(answer.read())


def soon(address: str, text: str, token: str = "") -> bool:
    try:
        return text in str(get(address, token))
    except (OSError, http.client.HTTPException):
        return False


def refusal(address: str) -> str:
    """What somebody who is not signed in is told there; empty while nobody answers."""
    try:
        get(address)
    except urllib.error.HTTPError as answer:
        return answer.read().decode()
    except (OSError, http.client.HTTPException):
        pass
    return ""


def _request(address: str, token: str, body: bytes | None = None) -> urllib.request.Request:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return urllib.request.Request(address, body, headers)
