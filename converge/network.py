"""One set of network settings for every client we start: proxy, private CA, loopback never through the proxy."""

from __future__ import annotations

import os
from collections.abc import Mapping

LOOPBACK = "localhost,127.0.0.1,::1"
FOLLOWERS = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""What pip, requests, curl and Node call the file that OpenSSL, Go and uv call SSL_CERT_FILE."""
CA_HINT = "if a proxy decrypts TLS, set SSL_CERT_FILE to a file with its CA, then run again"


def environment(given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """`given`, completed: a private CA named once holds for every client, and loopback is asked directly."""
    env = dict(given)
    if ca := env.get("SSL_CERT_FILE"):
        for name in FOLLOWERS:
            env.setdefault(name, ca)
    for name in ("no_proxy", "NO_PROXY"):
        env[name] = ",".join(part for part in (env.get(name, ""), LOOPBACK) if part)
    return env


def hint(said: str, otherwise: str) -> str:
    """The way out that fits what a client said."""
    return CA_HINT if "CERTIFICATE_VERIFY" in said or "certificate" in said.lower() else otherwise
