"""`python -m SERVICE.main`: the same as uvicorn on the command line, on HOST and PORT."""

from __future__ import annotations

import os

import uvicorn
from fastapi import FastAPI


def serve(app: FastAPI) -> None:
    """Until SIGTERM."""
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    uvicorn.run(app, host=host, port=port, log_config=None)
