"""Opens a link in the user's browser without showing it in a command line, which every user of the machine can read."""

from __future__ import annotations

import html
import json
from pathlib import Path

from converge import atomic
from converge.instance import Instance

PAGE = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={link}">
<title>Sign in</title>
<script>location.replace({script})</script>
<p><a href="{link}">Sign in</a></p>
"""


def page(instance: Instance, link: str) -> Path:
    """A file for this user alone (0600 in 0700) that redirects to the link; a new one replaces the last one.

    The link works once and for ten minutes, so what stays in the file opens nothing.
    """
    place = instance.private("browser")
    for directory in (place.parent, place):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
    file = place / "sign-in.html"
    script = json.dumps(link).replace("<", "\\u003c")
    atomic.write(file, PAGE.format(link=html.escape(link), script=script))
    return file


def open_link(instance: Instance, link: str) -> bool:
    """Whether a browser was started for the link."""
    import webbrowser  # saves 1.1 ms of every other command

    return webbrowser.open(page(instance, link).as_uri())
