"""`uvicorn notifier.main:app`; `python -m notifier.main` does the same on HOST and PORT."""

from __future__ import annotations

import os

from notifier import logs
from notifier.app import create_app
from notifier.settings import Settings

settings = Settings.read()
logs.configure(settings.log_level)
app = create_app(settings)

if __name__ == "__main__":
    import uvicorn

    uvicorn.run(
        app, host=os.environ.get("HOST", "127.0.0.1"), port=int(os.environ.get("PORT", "8000")), log_config=None
    )
