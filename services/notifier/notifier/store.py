"""Notifications in Postgres, one per order however often its message comes."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg_pool import ConnectionPool
from pydantic import BaseModel, Field


class OrderPlaced(BaseModel):
    """What a message of the topic says; more keys are for others."""

    id: str = Field(min_length=1)
    product_name: str
    quantity: int = Field(gt=0)
    user_id: UUID | None = None


class Notification(BaseModel):
    """An order we heard of; `deliveries` counts how often."""

    order_id: str
    product_name: str
    quantity: int
    total_cents: int | None
    deliveries: int
    received_at: datetime


SELECT = "SELECT order_id, product_name, quantity, total_cents, deliveries, received_at FROM notifier.notifications "


def keep(pool: ConnectionPool, order: OrderPlaced, total_cents: int | None) -> bool:
    """Write it down; whether it is new. A second delivery changes nothing but its count."""
    with pool.connection() as connection:
        row = connection.execute(
            "INSERT INTO notifier.notifications (order_id, product_name, quantity, user_id, total_cents)"
            " VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (order_id) DO UPDATE SET deliveries = notifications.deliveries + 1 RETURNING deliveries",
            (order.id, order.product_name, order.quantity, order.user_id, total_cents),
        ).fetchone()
    return row == (1,)


def newest(pool: ConnectionPool, user_id: str, limit: int = 100) -> list[Notification]:
    """The newest notifications of one user, newest first."""
    with pool.connection() as connection, connection.cursor(row_factory=class_row(Notification)) as cursor:
        where = "WHERE user_id = %s ORDER BY received_at DESC LIMIT %s"
        return cursor.execute(SELECT + where, (user_id, limit)).fetchall()


def of_order(pool: ConnectionPool, user_id: str, order_id: str) -> Notification | None:
    """The notification of one order of the user, if its message has come."""
    with pool.connection() as connection, connection.cursor(row_factory=class_row(Notification)) as cursor:
        return cursor.execute(SELECT + "WHERE user_id = %s AND order_id = %s", (user_id, order_id)).fetchone()
