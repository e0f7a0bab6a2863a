"""Tokens of the real local issuer are taken."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from conftest import Service, environment, free_port

ISSUER = Path(__file__).parents[2] / "issuer"


@pytest.mark.skipif(not shutil.which("go"), reason="needs Go to build the issuer")
def test_tokens_of_the_local_issuer_are_taken(tmp_path: Path) -> None:
    subprocess.run(["go", "build", "-o", tmp_path / "issuer", "."], cwd=ISSUER, check=True)
    port, state = free_port(), tmp_path / "state"
    url = f"http://127.0.0.1:{port}"
    environ = {"PATH": os.environ["PATH"], "APP_ENV": "development", "AUTH_STATE_DIR": str(state), "PORT": str(port)}
    issuer = subprocess.Popen([tmp_path / "issuer"], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    service = None
    try:
        service = Service(environment("local", url))
        deadline = time.monotonic() + 60
        while not (state / "issuer_secret").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        headers = {
            "X-Issuer-Secret": (state / "issuer_secret").read_text().strip(),
            "Content-Type": "application/json",
        }
        body = json.dumps({"user": "alice", "org": "acme:admin"}).encode()
        request = urllib.request.Request(url + "/v1/sessions", body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            token = json.load(answer)["token"]
        got = service.get("/me", [("Authorization", f"Bearer {token}")])
        assert got.status == 200
        assert (got.body["subject"], got.body["org_role"]) == ("user_local_alice", "admin")
        assert got.body["email"] == "alice@example.test"
    finally:
        issuer.kill()
        issuer.wait()
        if service:
            service.stop()
