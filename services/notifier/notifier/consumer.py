"""Hears of placed orders: one subscription, acknowledged only after what it says is written down."""

from __future__ import annotations

import functools
import logging
import threading
from typing import Any, Protocol

import psycopg
from google.cloud import pubsub_v1
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic import ValidationError

from notifier import store
from notifier.orders import Orders, Unavailable

log = logging.getLogger(__name__)
RETRY = 1.0
"""Seconds before a broken stream is opened again."""


class Message(Protocol):
    """What we use of Pub/Sub's message."""

    data: bytes

    def ack(self) -> None: ...

    def nack(self) -> None: ...


def handle(pool: ConnectionPool, orders: Orders, message: Message) -> None:
    """Ask for the order as its user, keep it, then acknowledge. What cannot be read never will be: it is dropped."""
    try:
        order = store.OrderPlaced.model_validate_json(message.data)
    except ValidationError as problem:
        log.error("a message was dropped: %s", problem.errors(include_url=False, include_input=False))
        message.ack()
        return
    try:
        asked = orders.order(order.id, str(order.user_id)) if order.user_id else None
        if order.user_id and asked is None:
            log.warning("order %s was dropped: its user may not see it", order.id)
            message.ack()
            return
        new = store.keep(pool, order, asked.total_cents if asked else None)
    except (Unavailable, psycopg.Error, PoolTimeout) as problem:
        log.warning("order %s comes again later: %s", order.id, problem)
        message.nack()
        return
    message.ack()
    log.info("order %s: %s", order.id, "notified" if new else "known already")


class Consumer:
    """The subscription, open from `start` to `stop`, and opened again whenever its stream breaks."""

    def __init__(self, pool: ConnectionPool, orders: Orders, project: str, subscription: str) -> None:
        self._pool, self._orders = pool, orders
        self._client = pubsub_v1.SubscriberClient()
        self._path = self._client.subscription_path(project, subscription)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="consumer", daemon=True)
        self._stream: Any = None

    def start(self) -> None:
        """Open the subscription; returns at once."""
        self._thread.start()

    @property
    def connected(self) -> bool:
        """Whether a stream is open."""
        return self._stream is not None and bool(self._stream.running())

    def stop(self) -> None:
        """Let messages under way end, then close."""
        self._ending.set()
        if self._stream is not None:
            self._stream.cancel()
        self._thread.join(5)
        self._client.close()

    def _run(self) -> None:
        while not self._ending.is_set():
            heard = functools.partial(handle, self._pool, self._orders)
            self._stream = self._client.subscribe(self._path, heard)
            try:
                self._stream.result()
            except Exception as problem:  # the client raises what gRPC gives it, of many types
                if not self._ending.is_set():
                    log.warning("subscription broke: %s", problem)
            self._ending.wait(RETRY)
