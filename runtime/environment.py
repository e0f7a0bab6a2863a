"""The environment of a component: what is declared, addresses right for where it runs, and nothing else."""

from __future__ import annotations

import os

from converge import envfile, network, template_places, templates, tools
from converge.desired import Loaded, Service, ServiceKind
from converge.instance import Instance
from converge.operations import dependencies
from converge.templates import Reading
from facts.ports import HOME
from runtime import infra
from runtime.component import Component, components

PASSED = (
    "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "TZ", "TERM",
    "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "no_proxy", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)  # fmt: skip
"""What a service gets of the caller's own environment, besides LC_*."""
GO = ("GOPROXY", "GOPRIVATE", "GONOSUMDB", "GONOSUMCHECK", "GOSUMDB", "GOPATH", "GOMODCACHE", "GOCACHE", "GOFLAGS")
"""What a Go build gets besides."""

STATE = "/state"
"""What `{state}` stands for in a container: the Compose files mount a volume there."""


def of_component(loaded: Loaded, component: Component, placement: str = "native", host: str = HOME) -> dict[str, str]:
    """Every variable it gets; its own entries win over [env], and [env] over what the machine gives.

    In a container the machine gives nothing, and others are reached by their names; elsewhere it listens on `host`.
    """
    boxed = placement == "docker"
    found = {} if boxed else _of_machine(loaded, component)
    found |= shared(loaded, component.instance, component.name, placement)
    host = "0.0.0.0" if boxed else host
    if component.port:
        found |= {"HOST": host, "PORT": str(component.port)}
    if component.kind in ("next", "node"):
        found["NEXT_TELEMETRY_DISABLED"] = "1"
        if component.instance.name and not boxed:
            found["NEXT_DIST_DIR"] = f".next/{component.instance.name}"
    if component.kind == "python":
        found["PYTHONUNBUFFERED"] = "1"
    return found | {
        name: fill(value, loaded, component, placement, host, "strict") for name, value in component.wants.env.items()
    }


def of_suite(loaded: Loaded, instance: Instance, name: str) -> dict[str, str]:
    """What a suite of [tests] gets: that of a service, and what a Go build takes of the caller's environment."""
    suite = loaded.desired.tests[name]
    kind: ServiceKind = "python" if suite.requirements and dependencies.kind_of(suite) == "python" else "command"
    go = {key: os.environ[key] for key in GO if key in os.environ}
    stand_in = Component(name, Service(kind=kind, path=suite.path, env=suite.env), instance)
    return go | {"GOTOOLCHAIN": "local"} | of_component(loaded, stand_in)


def _of_machine(loaded: Loaded, component: Component) -> dict[str, str]:
    found = {name: os.environ[name] for name in PASSED if name in os.environ}
    found |= {name: value for name, value in os.environ.items() if name.startswith("LC_")}
    if component.kind == "go":
        found |= {name: os.environ[name] for name in GO if name in os.environ}
        found["GOTOOLCHAIN"] = "local"
    return {**network.environment(found), "PATH": path(loaded, component)}


def toolbox(loaded: Loaded, instance: Instance) -> dict[str, str]:
    """What `./dev shell` adds to a person's own environment: [env] and the pinned tools."""
    found = os.pathsep.join([*tools.path_entries(loaded), os.environ.get("PATH", os.defpath)])
    return {**shared(loaded, instance), "PATH": found}


def shared(loaded: Loaded, instance: Instance, name: str = "", placement: str = "native") -> dict[str, str]:
    """[env] for the component: plain values, and those that live on this machine only; without one, what all get."""
    stored, scope = envfile.values(instance), template_places.shared(loaded.desired)
    everyone = components(loaded, instance)

    def address(word: str) -> str:
        component, _, key = word.rpartition(".")
        return addresses(loaded, everyone[component], placement)[key]

    found = {}
    for key, variable in loaded.desired.env.items():
        plain = variable.value
        value = templates.fill(plain, scope, address) if plain is not None else stored.get(key, os.environ.get(key))
        if value is not None and (not variable.only or name in variable.only):
            found[key] = value
    return found


def make_private(component: Component) -> None:
    """Make the directory that `{state}` stands for, where an entry asks for it."""
    wants = component.wants
    texts = [*wants.env.values(), getattr(wants, "dev", None), getattr(wants, "debug", None)]
    if any("{state}" in text for text in texts if text):
        own = component.instance.private(component.name)
        own.parent.parent.mkdir(parents=True, exist_ok=True)
        for directory in (own.parent, own):
            directory.mkdir(mode=0o700, exist_ok=True)


def path(loaded: Loaded, component: Component) -> str:
    """The service's own venv, the pinned tools, then the caller's PATH."""
    first = list(tools.path_entries(loaded))
    if component.kind == "python":
        first.insert(0, str(dependencies.venv(component.instance, component.name) / "bin"))
    return os.pathsep.join([*first, os.environ.get("PATH", os.defpath)])


def fill(
    text: str, loaded: Loaded, component: Component, placement: str = "native", host: str = HOME,
    reading: Reading = "lenient", data: bool = False,
) -> str:  # fmt: skip
    """`{port}`, `{postgres.url}` and their like, for where the component runs; `{host}` is where it must listen.

    The schema has refused what cannot be filled in (`converge/templates.py`).
    """
    state = STATE if placement == "docker" else str(component.instance.private(component.name))
    own = {
        "host": host, "port": str(component.port), "debug_port": str(component.debug_port), "state": state,
        "data": str(component.instance.data / component.name),
    }  # fmt: skip
    scope = template_places.component(loaded.desired, component.wants, reading, data)
    return templates.fill(text, scope, lambda word: own.get(word) or _address(loaded, component, word, placement))


def _address(loaded: Loaded, component: Component, word: str, placement: str) -> str:
    name, _, key = word.rpartition(".")
    return addresses(loaded, components(loaded, component.instance)[name], placement)[key]


def addresses(loaded: Loaded, component: Component, placement: str = "native") -> dict[str, str]:
    """How others reach the component: by its name in the Docker network, on loopback from the host."""
    host = component.name if placement == "docker" else HOME
    if component.is_service:
        return infra.plain_addresses(component, host)
    return dict(infra.kind(component).addresses(loaded, component, host))
