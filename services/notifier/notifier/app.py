"""The HTTP face of the notifier: what it has heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import platform_auth
from fastapi import Depends, FastAPI, HTTPException
from platform_auth.fastapi import Auth
from shopkit import database

from notifier import store
from notifier.consumer import Consumer
from notifier.orders import Orders
from notifier.settings import Settings


def create_app(settings: Settings, identity: platform_auth.Settings) -> FastAPI:
    """Make the application; pools and subscription live as long as it serves. No subscription name: it only serves."""
    pool = database.pool(settings.database_url)
    users = platform_auth.PostgresUsers(settings.database_url)
    auth = Auth(identity, users)
    orders = Orders(settings.orders_url, auth)
    consumer = Consumer(pool, orders, settings.project, settings.subscription) if settings.subscription else None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open()
        if consumer:
            consumer.start()
        yield
        if consumer:
            consumer.stop()
        orders.close()
        pool.close()
        users.close()

    app = FastAPI(title="notifier", lifespan=lifespan)
    auth.install(app)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        if trouble := database.trouble(pool, "notifier.notifications", "auth.users"):
            raise HTTPException(503, trouble)
        if consumer and not consumer.connected:
            raise HTTPException(503, "the subscription is not open")
        return {"status": "ready"}

    @app.get("/notifications")
    def list_notifications(user: platform_auth.User = Depends(auth.current_user)) -> list[store.Notification]:
        return store.newest(pool, user.id)

    @app.get("/notifications/{order_id}")
    def get_notification(order_id: str, user: platform_auth.User = Depends(auth.current_user)) -> store.Notification:
        found = store.of_order(pool, user.id, order_id)
        if found is None:
            raise HTTPException(404, "no notification of such an order")
        return found

    return app
