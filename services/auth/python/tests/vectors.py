"""The vector file as this language reads it: configurations, keys made now, tokens made from data."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

FILE = json.loads((Path(__file__).parents[2] / "vectors.json").read_text())
CASES: list[dict[str, Any]] = FILE["cases"]
HASHES = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512(), "PS256": hashes.SHA256()}


def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


RIGHT, OTHER = key(), key()
KID = "ins_vector"
PEM = RIGHT.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
SERVICE, PREVIOUS = ("svc_" + secrets.token_urlsafe(32) for _ in range(2))
TEST_SECRET = secrets.token_urlsafe(32)


def jwk(private: rsa.RSAPrivateKey) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(private.public_key(), as_dict=True), "alg": "RS256", "use": "sig"}


def jwks() -> bytes:
    return json.dumps({"keys": [{**jwk(RIGHT), "kid": KID}]}).encode()


@dataclass(frozen=True)
class App:
    """One configuration under which cases run."""

    name: str
    issuer: str
    party: str


APPS = {
    "local": App("local", "urn:platform:local", "urn:platform:web"),
    "clerk": App("clerk", "https://clerk.shop.example", "https://shop.example"),
    "test": App("test", "urn:platform:local", "urn:platform:web"),
}


def cases() -> list[tuple[str, dict[str, Any]]]:
    """Every case of this kit with every configuration it is for."""
    mine = [case for case in CASES if "python" in case.get("kits", ["python"])]
    return [(app, case) for case in mine for app in case.get("apps", ["local", "clerk"])]


def token(app: App, case: dict[str, Any]) -> str:
    """The token the case tells to make."""
    if "raw" in case:
        return str(case["raw"])
    sign = case.get("sign", {})
    header = _filled(app, {**FILE["base"]["header"], **case.get("header", {})})
    claims = _filled(app, {**FILE["base"]["claims"], **case.get("claims", {})})
    payload = sign.get("payload") or json.dumps(claims).replace('"$half"', '"\\ud800"')
    if depth := sign.get("nest"):
        payload = payload[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}"
    signing = f"{_b64(json.dumps(header).encode())}.{_b64(payload.encode())}"
    return _mangled(case.get("mangle", ""), f"{signing}.{_b64(_signature(sign, signing.encode()))}")


def values(app: App, case: dict[str, Any]) -> dict[str, str]:
    """What the names in a case's strings stand for."""
    users = FILE["users"]
    return {
        "$cut_azp": app.party[:-1],
        "$azp": app.party,
        "$iss": app.issuer,
        "$kid": KID,
        "$long": "x" * 10_240,
        "$token": token(app, case),
        "$good": token(app, {}),
        "$expired": token(app, {"claims": {"exp": {"now": -60}}}),
        "$service": SERVICE,
        "$previous": PREVIOUS,
        "$secret": TEST_SECRET,
        **{f"${name}": user["id"] for name, user in users.items()},
    }


def headers(app: App, case: dict[str, Any]) -> list[tuple[str, str]]:
    """The request's headers, duplicates and all."""
    named = values(app, case)
    found = []
    for name, value in case.get("headers", FILE["base"]["headers"]):
        for placeholder, text in named.items():
            value = value.replace(placeholder, text)
        found.append((name, value))
    return found


def _filled(app: App, part: dict[str, Any]) -> dict[str, Any]:
    names = {"$cut_azp": app.party[:-1], "$azp": app.party, "$iss": app.issuer, "$kid": KID}
    names |= {"$long": "x" * 10_240, "$wide": "x" * 400}

    def fill(value: Any) -> Any:
        if value == "$jwk_other":
            return jwk(OTHER)
        if isinstance(value, str):
            for name, text in names.items():
                value = value.replace(name, text)
            return value
        if isinstance(value, list):
            return [fill(each) for each in value]
        if isinstance(value, dict):
            return int(time.time()) + value["now"] if "now" in value else {k: fill(v) for k, v in value.items()}
        return value

    return {name: fill(value) for name, value in part.items() if value is not None}


def _signature(sign: dict[str, Any], signing: bytes) -> bytes:
    algorithm, private = sign.get("alg", "RS256"), OTHER if sign.get("key") == "other" else RIGHT
    if algorithm == "none":
        return b""
    if algorithm == "HS256":
        return hmac.digest(sign["secret"].replace("$pem", PEM).encode(), signing, "sha256")
    used = HASHES[algorithm]
    how = padding.PSS(padding.MGF1(used), 32) if algorithm == "PS256" else padding.PKCS1v15()
    return private.sign(signing, how, used)


def _mangled(how: str, made: str) -> str:
    header, payload, signature = made.split(".")
    if how == "alter-payload":
        altered = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).replace(b"user_vector", b"user_victim")
        return f"{header}.{_b64(altered)}.{signature}"
    if how == "respell-signature":  # 256 bytes leave two characters' worth of unused bits in the last one
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        return made[:-1] + alphabet[alphabet.index(made[-1]) ^ 1]
    return {
        "": made,
        "empty-signature": f"{header}.{payload}.",
        "cut-signature": made[:-4],
        "pad": made + "==",
        "newline": made + "\n",
        "newline-within": f"{header}.{payload[:8]}\n{payload[8:]}.{signature}",
        "space-within": f"{header}.{payload[:8]} {payload[8:]}.{signature}",
        "two-parts": f"{header}.{payload}",
        "five-parts": f"{made}.{payload}.{signature}",
    }[how]


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
