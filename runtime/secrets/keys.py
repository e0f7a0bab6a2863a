"""The public keys of the service that mints tokens, as a value for the services that believe them."""

from __future__ import annotations

import contextlib
import os

from converge import envfile, issuer_keys, template_places, templates
from converge.issuer_keys import SECRET
from runtime.component import Component
from runtime.platform import Platform


def public(platform: Platform, component: Component) -> str:
    """The JWKS for `{issuer.keys}`; empty if the service makes a key of its own."""
    return issuer_keys.public(component.instance, _secret(platform, component), component.port or 0)


def keep(platform: Platform, component: Component) -> None:
    """Store them, if this component mints the tokens."""
    if platform.desired.auth and platform.desired.auth.issuer == component.name and component.port:
        with contextlib.suppress(OSError):  # then they are computed again
            issuer_keys.keep(component.instance, _secret(platform, component), component.port)


def _secret(platform: Platform, component: Component) -> str:
    """The value that it gets as SECRET; empty if there is none, or one that depends on the placement."""
    given, variable = component.wants.env.get(SECRET), platform.desired.env.get(SECRET)
    if given is None and variable is not None and (not variable.only or component.name in variable.only):
        given = variable.value or envfile.values(platform.instance).get(SECRET, os.environ.get(SECRET))
    scope = template_places.shared(platform.desired)
    return "" if given is None or any(templates.words(given, scope)) else given
