"""`./dev sign-in`: the link that lets a browser of yours in."""

from __future__ import annotations

from typing import Annotated

from cli import render
from cli.context import Context
from cli.option import Option
from converge.errors import Exit
from runtime import services
from runtime.secrets import browser, issuer


def run(
    context: Context,
    open: Annotated[bool, Option("--open", help="Open it in your browser.")] = False,
    json: Annotated[bool, Option("--json", help="One JSON document.")] = False,
) -> int:
    """Print a link that lets the browser in which it is opened sign in; it works once, for ten minutes."""

    back = _front(context)
    try:
        try:
            link = issuer.ask(context.platform, "/v1/links", {"redirect_url": back} if back else {})
        except issuer.Refusal as problem:
            if not back or problem.status != 422:  # it may not know that page
                raise
            link = issuer.ask(context.platform, "/v1/links", {})
    except issuer.Refusal as problem:
        raise issuer.refused(problem) from problem
    if json:
        render.document({"schema": 1, "url": link["url"]}, secret=True)
    else:
        render.out(link["url"])
    if open and not browser.open_link(context.instance, link["url"]):
        render.say("no browser could be opened: open the link yourself", "yellow")
    return int(Exit.OK)


def _front(context: Context) -> str:
    """The page to come back to: that of the first service that is a web front."""

    for component in context.platform.services.values():
        if component.port and services.kind(component).web_front:
            return f"http://127.0.0.1:{component.port}/"
    return ""
