"""Asks the orders service about an order, on behalf of the user who placed it."""

from __future__ import annotations

import httpx
from platform_auth.fastapi import Auth
from pydantic import BaseModel

TIMEOUT = 5.0


class Unavailable(Exception):
    """Orders did not answer what it should: ask again later."""


class Order(BaseModel):
    """What we use of an order."""

    total_cents: int


class Orders:
    """The orders service, called with our service token."""

    def __init__(self, url: str, auth: Auth) -> None:
        self._auth = auth
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT)

    def order(self, order_id: str, user_id: str) -> Order | None:
        """The order; none if it is not this user's, or the user is no more. Raises Unavailable."""
        try:
            answer = self._client.get(f"/orders/{order_id}", headers=self._auth.outgoing_for(user_id))
        except httpx.HTTPError as problem:
            raise Unavailable(f"orders does not answer: {problem}") from problem
        if answer.status_code in (403, 404):
            return None
        if answer.status_code != 200:
            raise Unavailable(f"orders answered {answer.status_code}")
        return Order.model_validate_json(answer.content)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
