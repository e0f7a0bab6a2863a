"""The environment of a component: declared variables only, with the addresses that are valid in its placement."""

from __future__ import annotations

import os

from converge import envfile, network, template_places, templates, tools
from converge.desired import Service, ServiceKind
from converge.env_files import files
from converge.operations import dependencies
from converge.templates import Reading
from facts.ports import HOME
from runtime import infra, services
from runtime.component import Component, ServiceComponent
from runtime.infra.plain import at
from runtime.platform import Platform
from runtime.secrets import keys

PASSED = (
    "HOME", "USER", "LOGNAME", "TMPDIR", "LANG", "TZ", "TERM",
    "http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "no_proxy", "NO_PROXY",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "PIP_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)  # fmt: skip
"""Variables that a service gets from the caller's environment, besides LC_* and those that its kind's tools read."""

STATE = "/state"
"""The value of `{state}` in a container: the Compose files mount a volume there."""


def of_component(
    platform: Platform, component: Component, placement: str = "native", host: str = HOME
) -> dict[str, str]:
    """Every variable that it gets; its own entries have priority over [env], and [env] over the machine's variables.

    A container gets none of the machine's variables and reaches others by name; elsewhere it listens on `host`.
    """
    in_docker = placement == "docker"
    found = {} if in_docker else _of_machine(platform, component)
    found |= shared(platform, component.name, placement)
    if component.is_service and component.wants.env_file:
        found |= files.values(platform.loaded, platform.instance.checkout, component.name)
    host = "0.0.0.0" if in_docker else host
    if component.port:
        found |= {"HOST": host, "PORT": str(component.port)}
    if component.ports:
        found |= {"HOST": host, **{f"{name.upper()}_PORT": str(number) for name, number in component.ports.items()}}
    if component.is_service:
        found |= services.kind(component).environment(component, placement)
    return found | {
        name: fill(value, platform, component, placement, host, "strict") for name, value in component.wants.env.items()
    }


def of_suite(platform: Platform, name: str) -> dict[str, str]:
    """The variables of a suite of [tests]: those of a service, and those that a Go build reads."""
    suite = platform.desired.tests[name]
    kind: ServiceKind = "python" if suite.requirements and dependencies.kind_of(suite) == "python" else "command"
    go = services.load("go")
    stand_in = ServiceComponent(name, Service(kind=kind, path=suite.path, env=suite.env), platform.instance)
    return {**_passed(go), **go.native_environment(stand_in), **of_component(platform, stand_in)}


def _of_machine(platform: Platform, component: Component) -> dict[str, str]:
    found = {name: os.environ[name] for name in PASSED if name in os.environ}
    found |= {name: value for name, value in os.environ.items() if name.startswith("LC_")}
    if component.is_service:
        kind = services.kind(component)
        found |= {**_passed(kind), **kind.native_environment(component)}
    return {**caches(component), **network.environment(found), "PATH": path(platform, component)}


def caches(component: Component) -> dict[str, str]:
    """Places of its own for what would be loaded from a directory that all users share.

    Node's default is `node-compile-cache` in TMPDIR, and the user who makes that first can put code into it.
    Source: https://nodejs.org/api/module.html#module-compile-cache
    """
    return {"NODE_COMPILE_CACHE": str(dependencies.own(component.instance, component.name) / "node-compile-cache")}


def _passed(kind: services.ServiceKind) -> dict[str, str]:
    return {name: os.environ[name] for name in kind.passed if name in os.environ}


def toolbox(platform: Platform) -> dict[str, str]:
    """What `./dev shell` adds to the user's environment: [env] and the pinned tools."""
    found = os.pathsep.join([*tools.path_entries(platform.loaded), os.environ.get("PATH", os.defpath)])
    return {**shared(platform), "PATH": found}


def of_task(platform: Platform, name: str) -> dict[str, str]:
    """The variables of a task of [tasks]: the user's, those of `toolbox`, and its own."""
    task = platform.desired.tasks[name]
    stand_in = ServiceComponent(name, Service(kind="command", path=task.path, env=task.env), platform.instance)
    own = {key: fill(value, platform, stand_in, reading="strict") for key, value in task.env.items()}
    return {**os.environ, **toolbox(platform), **own}


def variable(name: str, what: str) -> str:
    """The name of the variable in the Compose files, for example `POSTGRES_PORT`."""
    return f"{name.upper().replace('-', '_')}_{what}"


def shared(platform: Platform, name: str = "", placement: str = "native") -> dict[str, str]:
    """[env] for the component: plain values, those stored on this machine, and those of `.env` files, in this order of
    priority; without `name`, those for all."""
    stored, scope = envfile.values(platform.instance), template_places.shared(platform.desired)
    given = files.values(platform.loaded, platform.instance.checkout) if platform.desired.env_file else {}
    found = {key: value for key, value in given.items() if key not in platform.desired.env}
    for key, variable in platform.desired.env.items():
        value = stored.get(key, given.get(key, os.environ.get(key)))
        if variable.value is not None:
            value = templates.fill(variable.value, scope, lambda word: _address(platform, word, placement))
        here = placement != "docker" or variable.in_containers
        if value is not None and here and (not variable.only or name in variable.only):
            found[key] = value
    return found


def make_private(component: Component) -> None:
    """Make the directory of `{state}` if an entry of the component uses it."""
    texts = [*component.wants.env.values()]
    texts += [component.wants.dev or "", component.wants.debug or ""] if component.is_service else []
    if any("{state}" in text for text in texts):
        own = component.instance.private(component.name)
        own.parent.parent.mkdir(parents=True, exist_ok=True)
        for directory in (own.parent, own):
            directory.mkdir(mode=0o700, exist_ok=True)


def path(platform: Platform, component: Component) -> str:
    """PATH: directories of its kind (for example a venv), the pinned tools, then the caller's PATH."""
    own = services.kind(component).path(component) if component.is_service else ()
    first = [*(str(directory) for directory in own), *tools.path_entries(platform.loaded)]
    return os.pathsep.join([*first, os.environ.get("PATH", os.defpath)])


def fill(
    text: str, platform: Platform, component: Component, placement: str = "native", host: str = HOME,
    reading: Reading = "lenient", data: bool = False,
) -> str:  # fmt: skip
    """Fill `{port}`, `{postgres.url}` and so on for the component's placement; `{host}` is where it must listen.

    The schema has refused templates that cannot be filled (`converge/templates.py`).
    """
    state = STATE if placement == "docker" else str(component.instance.private(component.name))
    own = {
        "host": host, "port": str(component.port), "debug_port": str(component.debug_port), "state": state,
        "data": str(component.instance.data / component.name),
        **{f"{name}_port": str(number) for name, number in component.ports.items()},
    }  # fmt: skip
    scope = template_places.component(platform.desired, component.wants, reading, data)
    return templates.fill(text, scope, lambda word: own.get(word) or _address(platform, word, placement))


def _address(platform: Platform, word: str, placement: str) -> str:
    name, _, key = word.rpartition(".")
    if key == templates.KEYS:
        return keys.public(platform, platform.components[name])
    return addresses(platform, platform.components[name], placement)[key]


def addresses(platform: Platform, component: Component, placement: str = "native") -> dict[str, str]:
    """The addresses of the component: its name in the Docker network, loopback from the host."""
    host = component.name if placement == "docker" else HOME
    if component.is_service:
        return at(component, host, "http")
    return dict(infra.kind(component).addresses(platform, component, host))
