"""The HTTP face of the notifier: what it has heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException
from shopkit import database

from notifier import store
from notifier.consumer import Consumer
from notifier.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Make the application; pool and subscription live as long as it serves. No subscription name: it only serves."""
    pool = database.pool(settings.database_url)
    consumer = Consumer(pool, settings.project, settings.subscription) if settings.subscription else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open()
        if consumer:
            consumer.start()
        yield
        if consumer:
            consumer.stop()
        pool.close()

    app = FastAPI(title="notifier", lifespan=lifespan)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        if trouble := database.trouble(pool, "notifier.notifications"):
            raise HTTPException(503, trouble)
        if consumer and not consumer.connected:
            raise HTTPException(503, "the subscription is not open")
        return {"status": "ready"}

    @app.get("/notifications")
    def list_notifications() -> list[store.Notification]:
        return store.newest(pool)

    @app.get("/notifications/{order_id}")
    def get_notification(order_id: str) -> store.Notification:
        found = store.of_order(pool, order_id)
        if found is None:
            raise HTTPException(404, "no notification of such an order")
        return found

    return app
