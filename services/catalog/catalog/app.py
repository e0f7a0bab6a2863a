"""The HTTP face of the catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import platform_auth
from fastapi import Depends, FastAPI, HTTPException
from platform_auth.fastapi import Auth
from psycopg.rows import class_row
from pydantic import BaseModel
from shopkit import database

from catalog.settings import Settings

SELECT = "SELECT id, name, description, price_cents FROM catalog.products "


class Product(BaseModel):
    """Something the shop sells; the price is in cents."""

    id: str
    name: str
    description: str
    price_cents: int


def create_app(settings: Settings, identity: platform_auth.Settings) -> FastAPI:
    """Make the application; the pools live as long as it serves."""
    pool = database.pool(settings.database_url)
    users = platform_auth.PostgresUsers(settings.database_url)
    auth = Auth(identity, users)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open()
        yield
        pool.close()
        users.close()

    app = FastAPI(title="catalog", lifespan=lifespan)
    auth.install(app)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        if trouble := database.trouble(pool, "catalog.products", "auth.users"):
            raise HTTPException(503, trouble)
        return {"status": "ready"}

    @app.get("/products", dependencies=[Depends(auth.current_user)])
    def list_products() -> list[Product]:
        with pool.connection() as connection, connection.cursor(row_factory=class_row(Product)) as cursor:
            return cursor.execute(SELECT + "ORDER BY name").fetchall()

    @app.get("/products/{product_id}", dependencies=[Depends(auth.calling_service)])
    def get_product(product_id: str) -> Product:
        """What a service charges for it: services alone may ask."""
        with pool.connection() as connection, connection.cursor(row_factory=class_row(Product)) as cursor:
            product = cursor.execute(SELECT + "WHERE id = %s", (product_id,)).fetchone()
        if product is None:
            raise HTTPException(404, "no such product")
        return product

    return app
