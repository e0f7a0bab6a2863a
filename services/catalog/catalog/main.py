"""`uvicorn catalog.main:app`; `python -m catalog.main` does the same on HOST and PORT."""

from __future__ import annotations

import platform_auth
from shopkit import logs, serving

from catalog.app import create_app
from catalog.settings import Settings

settings, identity = Settings.read(), platform_auth.read_or_exit()
logs.configure("catalog", settings.log_level)
app = create_app(settings, identity)

if __name__ == "__main__":
    serving.serve(app)
