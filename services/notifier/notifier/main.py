"""`uvicorn notifier.main:app`; `python -m notifier.main` does the same on HOST and PORT."""

from __future__ import annotations

import platform_auth
from shopkit import logs, serving

from notifier.app import create_app
from notifier.settings import Settings

settings, identity = Settings.read(), platform_auth.read_or_exit()
logs.configure("notifier", settings.log_level)
app = create_app(settings, identity)

if __name__ == "__main__":
    serving.serve(app)
