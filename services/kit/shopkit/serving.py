"""`python -m SERVICE.main`: the same as uvicorn on the command line, on HOST and PORT."""

from __future__ import annotations

import os

import uvicorn
from fastapi import FastAPI

DRAIN = 5
"""Seconds; a container is killed 15 s after the signal (`stop_grace_period` in compose/services.yaml)."""


def serve(app: FastAPI) -> None:
    """Until SIGTERM; requests then still open get DRAIN seconds."""
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    uvicorn.run(app, host=host, port=port, log_config=None, timeout_graceful_shutdown=DRAIN)
