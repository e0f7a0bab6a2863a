"""The HTTP face of the catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from fastapi import FastAPI, HTTPException
from psycopg.rows import class_row
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic import BaseModel

from catalog.settings import Settings

SELECT = "SELECT id, name, description, price_cents FROM catalog.products "


class Product(BaseModel):
    """Something the shop sells; the price is in cents."""

    id: str
    name: str
    description: str
    price_cents: int


def create_app(settings: Settings) -> FastAPI:
    """Make the application; the pool lives as long as it serves."""
    # `check` replaces connections a restarted Postgres has dropped.
    pool = ConnectionPool(
        settings.database_url, min_size=1, max_size=5, timeout=3, open=False, check=ConnectionPool.check_connection
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        pool.open()
        yield
        pool.close()

    app = FastAPI(title="catalog", lifespan=lifespan)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    def readyz() -> dict[str, str]:
        try:
            with pool.connection(timeout=2) as connection:
                connection.execute("SELECT FROM catalog.products LIMIT 1")
        except (psycopg.Error, PoolTimeout) as error:
            raise HTTPException(503, f"database: {error}") from error
        return {"status": "ready"}

    @app.get("/products")
    def list_products() -> list[Product]:
        with pool.connection() as connection, connection.cursor(row_factory=class_row(Product)) as cursor:
            return cursor.execute(SELECT + "ORDER BY name").fetchall()

    @app.get("/products/{product_id}")
    def get_product(product_id: str) -> Product:
        with pool.connection() as connection, connection.cursor(row_factory=class_row(Product)) as cursor:
            product = cursor.execute(SELECT + "WHERE id = %s", (product_id,)).fetchone()
        if product is None:
            raise HTTPException(404, "no such product")
        return product

    return app
