"""Kinds of services for which a table suffices: a kind with code, and the keys that an entry of them begins with.

They are laid under the entries before the desired state is checked, so nothing else knows them. A team adds one of its
own as `[kinds.services.NAME]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converge import kinds
from converge.toml import refuse

_NPX = "exec npx --no -- "
_DEBUGPY = "exec python -X frozen_modules=off -m debugpy --listen 127.0.0.1:{debug_port} "
"""It follows no child processes that reload: the commands below have none."""

BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "vite": {"base": "node", "dev": f"{_NPX}vite --host {{host}} --port {{port}} --strictPort"},
    "nuxt": {"base": "node", "dev": f"{_NPX}nuxt dev --host {{host}} --port {{port}}"},
    "astro": {"base": "node", "dev": f"{_NPX}astro dev --host {{host}} --port {{port}}"},
    "bun": {"base": "node", "dev": "exec bun run dev", "test": "bun test"},
    "deno": {"base": "command", "dev": "exec deno task dev", "test": "deno test"},
    "django": {
        "base": "python", "dev": "exec python manage.py runserver {host}:{port}",
        "debug": f"{_DEBUGPY}manage.py runserver {{host}}:{{port}} --noreload",
        "test": "python manage.py test", "migrate": "python manage.py migrate --noinput",
    },
    "flask": {
        "base": "python", "dev": "exec flask --app {app} run --host {host} --port {port} --reload",
        "debug": f"{_DEBUGPY}-m flask --app {{app}} run --host {{host}} --port {{port}}",
    },
    "celery": {
        "base": "python", "dev": "exec celery --app {app} worker --loglevel info", "reload": True,
        "ready": {"log": r"\S@\S+ ready\."},
    },
    "celery-beat": {
        "base": "python", "dev": "exec celery --app {app} beat --schedule {state}/schedule --pidfile=", "reload": True,
    },
}  # fmt: skip
"""Kind -> its keys. The programs are those of the service's own packages, or of [tools]."""
FILLED = ("app", "main")
"""Keys of an entry that stand in the commands of its kind as `{app}` and `{main}`."""
COMMANDS = ("dev", "debug", "test", "migrate")


def expand(tree: dict[str, Any], lines: Mapping[str, str]) -> None:
    """Lay the table of its kind under each entry of [services], which then has the kind that is its base."""
    own = _own(tree, lines)
    services = tree.get("services")
    for name, entry in services.items() if isinstance(services, dict) else ():
        kind = entry.get("kind") if isinstance(entry, dict) else None
        if not isinstance(kind, str) or kind in kinds.SERVICES:
            continue
        at = lines.get(f"services.{name}.kind") or lines.get(f"services.{name}", "")
        table = own.get(kind) or BUILT_IN.get(kind)
        if table is None:
            known = ", ".join(dict.fromkeys([*kinds.SERVICES, *BUILT_IN, *own]))
            raise refuse(
                "value-wrong", f"services.{name}.kind has a wrong value", at, f"there is no kind {kind!r}",
                f"known: {known}; a kind of your own is a table [kinds.services.{kind[:30]}]",
            )  # fmt: skip
        _lay_under(entry, table, name, kind, at)


def schema(document: dict[str, Any]) -> None:
    """Put the kinds into the JSON Schema; one that a team adds is any other text."""
    names = [*kinds.SERVICES, *BUILT_IN]
    key = document["$defs"]["Service"]["properties"]["kind"]
    key.pop("enum", None)
    document["$defs"]["Service"]["properties"]["kind"] = {"anyOf": [{"enum": names}, {"type": "string"}], **key}


def _own(tree: Mapping[str, Any], lines: Mapping[str, str]) -> dict[str, Mapping[str, Any]]:
    """The team's tables; whether their keys and types are right is checked later."""
    found = tree.get("kinds")
    found = found.get("services") if isinstance(found, dict) else None
    own: dict[str, Mapping[str, Any]] = {}
    for name, table in found.items() if isinstance(found, dict) else ():
        if isinstance(table, dict):
            own[name] = table
        if name in kinds.SERVICES:
            at = lines.get(f"kinds.services.{name}", "")
            raise refuse("duplicate-name", f"there is a kind {name} already", at, "its services are run by code")
    return own


def _lay_under(entry: dict[str, Any], table: Mapping[str, Any], name: str, kind: str, at: str) -> None:
    given = set(entry)
    entry["kind"] = table.get("base", "command")
    for key, value in table.items():
        if key == "env" and isinstance(value, dict) and isinstance(entry.get("env"), dict):
            entry["env"] = {**value, **entry["env"]}
        elif key == "ready" and "dev" in given:
            continue  # it tells when the command of the kind is ready
        elif key != "base" and key not in given:
            entry[key] = _filled(value, entry, name, kind, at) if key in COMMANDS else value


def _filled(text: Any, entry: Mapping[str, Any], name: str, kind: str, at: str) -> Any:
    for key in FILLED if isinstance(text, str) else ():
        word, value = f"{{{key}}}", entry.get(key)
        if word in text and not isinstance(value, str):
            hint = f'add {key} = "…", or dev = "…"'
            raise refuse("command-missing", f"service {name} has no {key}", at, f"kind {kind} runs `{text}`", hint)
        text = text.replace(word, str(value))
    return text
