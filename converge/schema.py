"""Reads `desired_state.toml`: strict types by pydantic, then the checks of the whole; a refusal names its line."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import pickle
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converge import (
    credentials,
    debug_ports,
    declared_ports,
    files_read,
    kinds,
    limits,
    managed_paths,
    package_names,
    table_kinds,
    template_places,
    templates,
    toml,
    userfiles,
)
from converge import desired as words
from converge.checks import composed, containers, env_files, installers, ports, reloads, tasks, tool_version
from converge.desired import Desired, Loaded, Service
from converge.errors import DevError
from converge.files_read import FilesRead
from converge.instance import make_own_directory
from converge.pins import providers, sources, version_files
from converge.toml import refuse as _refuse
from converge.tool import VERSION as VERSION_OF_TOOL
from facts import patterns, regular

if TYPE_CHECKING:
    from pydantic import TypeAdapter

FILE = "desired_state.toml"
LOCAL = "desired_state.local.toml"
LARGEST = 1_000_000
"""Bytes; a desired state is written by hand, and the TOML reader holds it in memory several times."""
OVERRIDABLE = re.compile(
    r"(infra|services)\.[^.]+\.(port|debug_port|placement|env(\..+)?)|env\..+|docker\.(engine|mirror)"
)
"""What one machine may change for itself."""
TOOL = r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}"
VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
AMOUNT = r"(>=|<=|==|>|<)\s*\d{1,18}(\.\d{1,18})?\s*([KMGT]i?B)?"
VERSIONS = r"(>=|<=|==|>|<)\s*\d{1,9}(\.\d{1,9}){0,9}"
"""Comparisons; the numbers are bounded as Python reads none with thousands of digits."""
TOPIC = r"[A-Za-z][A-Za-z0-9._~+%-]{2,254}"
"""Source: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names."""
RESERVED = ("tool", "emulator", "system")
"""Suites that `./dev test` has by itself."""
PROJECT = r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?"


def load(checkout: Path, trusted: bool = True) -> Loaded:
    """The checked desired state of a checkout; an unchanged file is read back from the user's cache.

    That cache is outside of every checkout, because reading it can run code. In a checkout that is not trusted nothing
    is written.
    """
    text = _read(checkout / FILE)
    local = _read(checkout / LOCAL) if os.path.lexists(checkout / LOCAL) else b""
    modules = (
        words, kinds, package_names, credentials, templates, template_places, toml, limits, managed_paths, files_read,
        sources, version_files, containers, declared_ports, env_files, installers, ports, reloads,
        table_kinds, tasks, tool_version, composed,
    )  # fmt: skip
    paths = (*(str(module.__file__) for module in modules), __file__, *composed.READERS)
    code = b"".join(str(os.stat(path).st_mtime_ns).encode() for path in paths)
    key = hashlib.sha256(b"\0".join((os.fsencode(checkout), text, local, code, VERSION_OF_TOOL.encode()))).digest()
    place, name = userfiles.directory("desired", checkout), cached(checkout)
    loaded = _unpacked(userfiles.read(place, name), key, checkout)
    if loaded is None:
        files = FilesRead(checkout)
        loaded = parse(text, local, files)
        with contextlib.suppress(OSError):
            if place:
                userfiles.write(place, name, key + pickle.dumps((loaded, files.known)))
    if trusted:
        with contextlib.suppress(OSError):
            make_own_directory(checkout)
    return loaded


def cached(checkout: Path) -> str:
    """Name of the file with the desired state of a checkout, in the user's cache."""
    return hashlib.sha256(os.fsencode(checkout)).hexdigest()[:24]


def forget(checkout: Path) -> None:
    """Delete what the user's cache has of the checkout."""
    if place := userfiles.directory("desired", checkout):
        with contextlib.suppress(OSError):
            (place / cached(checkout)).unlink(missing_ok=True)


def _unpacked(content: bytes | None, key: bytes, checkout: Path) -> Loaded | None:
    """What was kept under this key, if each other file that it was made of is unchanged; else None.

    Whatever has another key is not looked into.
    """
    if content is None or not content.startswith(key):
        return None
    try:
        loaded, known = pickle.loads(content[len(key) :])
        kept = isinstance(loaded, Loaded) and files_read.unchanged(checkout, known)
    except Exception:  # a cache that cannot be read is no cache
        return None
    return loaded if kept else None


def parse(text: bytes, local: bytes = b"", files: FilesRead | None = None) -> Loaded:
    """The desired state in `text`, with the machine's own overrides in `local` laid over it.

    `files` reads other files that it is made of; without, none of them is there.
    """
    tree, lines = toml.tree(text, FILE)
    tool_version.check(tree, lines)
    team = composed.lay(tree, lines, files or FilesRead())
    overrides: tuple[str, ...] = ()
    if local:
        own, own_lines = toml.tree(local, LOCAL)
        overrides = tuple(key for key, _ in _leaves(own))
        for key in overrides:
            if not OVERRIDABLE.fullmatch(key):
                raise _refuse(
                    "local-override",
                    f"{key} cannot be overridden",
                    own_lines.get(key, LOCAL),
                    "only ports, placements, env and the engine can differ on one machine",
                )
            section = key.split(".")
            if not _declared(tree, section):
                raise _refuse(
                    "local-override",
                    f"{key} overrides nothing",
                    own_lines.get(key, LOCAL),
                    f"{FILE} declares no {'[docker]' if section[0] == 'docker' else '.'.join(section[:2])}",
                )
        _values_alone(tree, own)
        _merge(tree, own)
        above = {each for key in overrides for each in toml.parents(key)}
        lines.update({key: line for key, line in own_lines.items() if key in above})
    env_files.separate(tree, lines)
    table_kinds.expand(tree, lines)
    sources.separate(tree, lines, files or FilesRead())
    desired = _validate(tree, lines)
    try:
        limits.check(Loaded(desired, lines, overrides))
        loaded = Loaded(debug_ports.given(desired), lines, overrides, composed=team)
        check(loaded)
    except DevError as problem:  # a key may be written in a way that no line of it is known
        problem.source = problem.source or FILE
        raise
    return loaded


def _declared(tree: dict[str, Any], key: list[str]) -> bool:
    """Whether there is something for a local override to replace; anyone may add a variable."""
    if key[0] == "docker":
        return "docker" in tree
    section = tree.get(key[0])
    return key[0] == "env" or (isinstance(section, dict) and key[1] in section)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file, with every field described."""
    schema = _adapter().json_schema()
    variable = schema["properties"]["env"]["additionalProperties"]
    schema["properties"]["env"]["additionalProperties"] = {"anyOf": [{"type": "string"}, variable]}
    env_files.schema(schema)
    composed.schema(schema)
    table_kinds.schema(schema)
    table = schema["properties"].pop(sources.APART)["additionalProperties"]
    schema["properties"]["tools"]["additionalProperties"] = {"anyOf": [{"type": "string"}, table]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": FILE} | {
        key: value for key, value in schema.items() if key != "title"
    }


def check(loaded: Loaded) -> None:
    """The checks that need more than one value: names, needs, ports, versions, patterns, templates."""
    desired = loaded.desired
    for name in desired.kinds.services:
        if not re.fullmatch(PROJECT, name):
            at, because = loaded.source(f"kinds.services.{name}"), "it is the name of a kind"
            raise _refuse("bad-name", f"{name!r} is not a name of a kind", at, because, "use lower-case letters and -")
    components: dict[str, words.Infra | words.Service] = {}
    for section, group in (("infra", desired.infra), ("services", desired.services)):
        for name, component in group.items():
            at = loaded.source(f"{section}.{name}")
            if not re.fullmatch(PROJECT, name):
                raise _refuse(
                    "bad-name",
                    f"{name!r} is not a component name",
                    at,
                    "it becomes a host name",
                    "use lower-case letters, digits and dashes",
                )
            if name in components:
                raise _refuse(
                    "duplicate-name",
                    f"{name} is declared twice",
                    at,
                    "infrastructure and services share one set of names",
                )
            components[name] = component
    if not re.fullmatch(PROJECT, desired.project.name):
        raise _refuse(
            "bad-name",
            f"{desired.project.name!r} is not a project name",
            loaded.source("project.name"),
            "names of containers and networks begin with it",
            "use lower-case letters, digits and dashes",
        )
    _check_ports(loaded)
    ports.check(loaded)
    _check_needs(loaded, components)
    _check_kinds(loaded)
    installers.check(loaded)
    _check_values(loaded)
    _check_env(loaded, "infra", desired.infra)
    _check_env(loaded, "services", desired.services)
    _check_env(loaded, "tests", desired.tests)
    _check_auth(loaded, components)
    _check_tests(loaded, components)
    _check_env(loaded, "tasks", desired.tasks)
    tasks.check(loaded, components)
    containers.check(loaded)
    composed.check(loaded)
    reloads.check(loaded)
    env_files.check(loaded)
    _check_templates(loaded)


def _check_ports(loaded: Loaded) -> None:
    taken: dict[int, str] = {}
    for each in sorted(declared_ports.of(loaded.desired), key=lambda each: each.debug):
        port, at = each.number, loaded.source(each.key)
        name = f"{each.component}'s debugger" if each.debug else f"{each.component} {each.name}".strip()
        if not 1024 <= port <= 65535:
            raise _refuse(
                "port-range",
                f"port {port} of {name} is out of range",
                at,
                "ports of a checkout are from 1024 to 65535",
            )
        if port in taken:
            raise _refuse(
                "port-duplicate",
                f"port {port} is declared for {taken[port]} and {name}",
                at,
                "each component needs its own port",
            )
        taken[port] = name


def _check_needs(loaded: Loaded, components: dict[str, Any]) -> None:
    for name, component in components.items():
        section = "infra" if name in loaded.desired.infra else "services"
        for need in (*component.needs, *getattr(component, "uses", ())):
            if need not in components:
                raise _refuse(
                    "needs-unknown",
                    f"{name} needs {need!r}, which is not declared",
                    loaded.source(f"{section}.{name}.{'needs' if need in component.needs else 'uses'}"),
                    "`needs` must name components of this file",
                    f"declared are: {', '.join(components)}",
                )
    try:
        TopologicalSorter({name: component.needs for name, component in components.items()}).prepare()
    except CycleError as problem:
        circle = problem.args[1][:0:-1]  # it begins with what is needed, and ends with the same one
        first = next(name for name in components if name in circle)
        circle = [*circle[circle.index(first) :], *circle[: circle.index(first)], first]
        section = "infra" if first in loaded.desired.infra else "services"
        raise _refuse(
            "needs-cycle",
            f"needs form a circle: {' -> '.join(circle)}",
            loaded.source(f"{section}.{first}.needs"),
            "none of them can start first",
        ) from None


def _check_kinds(loaded: Loaded) -> None:
    for name, service in loaded.desired.services.items():
        at = loaded.source(f"services.{name}")
        _check_required(f"service {name}", service, kinds.SERVICES[service.kind], at)
        if Path(service.path).is_absolute() or ".." in Path(service.path).parts:
            raise _refuse(
                "bad-path",
                f"path of {name} leaves the checkout",
                loaded.source(f"services.{name}.path"),
                "the path of a service must be in the checkout",
                "use a path relative to it",
            )
        _check_migration(loaded, name, service)
    for name, infra in loaded.desired.infra.items():
        kind = kinds.INFRA[kinds.of_infra(name, infra.kind, infra.run)]
        _check_required(f"infra {name}", infra, kind, loaded.source(f"infra.{name}"))
        _check_topics(loaded, name, infra)


def _check_topics(loaded: Loaded, name: str, infra: words.Infra) -> None:
    """Refuse what a running emulator makes when it is asked, and does not begin with; a subscription has one topic."""
    topic_of: dict[str, str] = {}
    for topic, subscriptions in infra.topics.items():
        for each in (topic, *subscriptions):
            if not re.fullmatch(TOPIC, each):
                raise _refuse(
                    "bad-name", f"{each!r} is not a name for a topic or a subscription",
                    loaded.source(f"infra.{name}.topics"), "Pub/Sub takes 3 to 255 letters, digits and -_.~+%",
                    "begin it with a letter",
                )  # fmt: skip
        for each in subscriptions:
            if (other := topic_of.setdefault(each, topic)) != topic or subscriptions.count(each) > 1:
                raise _refuse(
                    "duplicate-name", f"subscription {each} is declared twice",
                    loaded.source(f"infra.{name}.topics.{topic}"),
                    f"it is one of topic {other}, and a subscription gets the messages of one topic",
                    f"give it another name here, such as {topic}-{each}",
                )  # fmt: skip


def _check_migration(loaded: Loaded, name: str, service: Service) -> None:
    at = loaded.source(f"services.{name}.migrate_inputs")
    if service.migrate_inputs and not service.migrate:
        raise _refuse("value-wrong", f"{name} has migrate_inputs and no migrate", at, "nothing would depend on them")
    for pattern in service.migrate_inputs:
        if Path(pattern).is_absolute() or os.path.normpath(Path(service.path, pattern)).split("/")[0] == "..":
            raise _refuse(
                "bad-path", f"migrate_inputs of {name} leave the checkout: {pattern!r}", at,
                "a migration lives in the checkout", "use globs relative to the path of the service",
            )  # fmt: skip


def _check_required(
    what: str, entry: words.Infra | words.Service, kind: kinds.ServiceKind | kinds.InfraKind, at: str
) -> None:
    """Refuse an entry with none of the keys of which its kind needs one."""
    if kind.requires and not any(getattr(entry, key) for key in kind.requires):
        lacking = f"no {kind.requires[0]}" if len(kind.requires) == 1 else f"neither {' nor '.join(kind.requires)}"
        raise _refuse("command-missing", f"{what} has {lacking}", at, kind.runs, kind.example)


def _check_values(loaded: Loaded) -> None:
    if wrong := next(package_names.problems(loaded.desired), None):
        raise _refuse("bad-package", wrong.what, loaded.source(wrong.key), wrong.because)
    _check_tools(loaded)
    providers.check(loaded)
    _check_machine(loaded)
    _check_docker(loaded)
    _check_variables(loaded)
    _check_files(loaded)
    for section, group in (("infra", loaded.desired.infra), ("services", loaded.desired.services)):
        for name, component in group.items():
            if component.ready and component.ready.log is not None:
                _check_pattern(component.ready.log, loaded.source(f"{section}.{name}.ready"))


def _check_tools(loaded: Loaded) -> None:
    from packaging.version import InvalidVersion, Version  # saves 3 ms of every command whose state was checked before

    desired = loaded.desired
    for tool, version in desired.tools.items():
        if not re.fullmatch(TOOL, tool):
            raise _refuse(
                "bad-name", f"{tool!r} is not a name of a tool", loaded.source("tools"),
                "it is the name of a program, not a path", "use letters, digits and ._+- only",
            )  # fmt: skip
        try:
            Version(version)
        except (InvalidVersion, ValueError):  # a number with thousands of digits is a ValueError
            raise _refuse(
                "bad-version",
                f"{version!r} is not a version of {tool}",
                loaded.source(f"tools.{tool}"),
                "tools are pinned to an exact version",
                'write it as "1.27.3"',
            ) from None


def _check_machine(loaded: Loaded) -> None:
    desired = loaded.desired
    for key in ("disk_free", "memory", "open_files", "inotify_watches"):
        text = getattr(desired.machine, key)
        if text is not None and not re.fullmatch(AMOUNT, text.strip()):
            raise _refuse(
                "bad-comparison",
                f"{text!r} is not a comparison",
                loaded.source(f"machine.{key}"),
                "it must be an operator, a number and a unit",
                'for example ">=5 GiB"',
            )


def _check_docker(loaded: Loaded) -> None:
    wants = loaded.desired.docker
    if wants is None:
        return
    for key in ("engine", "compose"):
        text = getattr(wants, key)
        if (key, text) != ("engine", "off") and not re.fullmatch(VERSIONS, text.strip()):
            raise _refuse(
                "bad-comparison",
                f"{text!r} is not a comparison of versions",
                loaded.source(f"docker.{key}"),
                "it must be an operator and a version",
                'for example ">=20.10"' + (', or "off"' if key == "engine" else ""),
            )
    if wants.mirror and not re.match(r"https?://[^/\s]", wants.mirror):
        raise _refuse(
            "value-wrong", "docker.mirror is not an address", loaded.source("docker.mirror"),
            "it must be http:// or https:// and a host", 'for example "http://127.0.0.1:5000"',
        )  # fmt: skip


def _check_variables(loaded: Loaded) -> None:
    for name, variable in loaded.desired.env.items():
        at = loaded.source(f"env.{name}")
        if not re.fullmatch(VARIABLE, name):
            raise _refuse(
                "bad-name", f"{name!r} is not a variable name", at, "variable names have letters, digits and _ only"
            )
        if variable.generate and variable.value is not None:
            raise _refuse("env-both", f"{name} has a value and generates one", at, "use either a value or a generator")
        if variable.bytes < 16 and variable.generate:
            raise _refuse(
                "env-weak", f"{name} has only {variable.bytes} random bytes", at, "less than 16 bytes can be guessed"
            )
        if variable.pattern is not None:
            _check_pattern(variable.pattern, loaded.source(f"env.{name}.pattern"))


def _check_files(loaded: Loaded) -> None:
    managed_paths.check(loaded)
    for path, file in loaded.desired.files.items():
        at = loaded.source(f"files.{path}")
        if not re.fullmatch(r"0?[0-7]{3}", file.mode):
            raise _refuse(
                "bad-mode",
                f"{file.mode!r} is not a mode",
                at,
                "a mode is three octal digits",
                'for example "0644"',
            )
        if file.directory == (file.content is not None):
            raise _refuse(
                "file-both",
                f"{path} must have either content or directory = true",
                at,
                "an entry is either a file or a directory",
            )


def _check_pattern(text: str, at: str) -> None:
    if problem := patterns.problem(text):
        raise _refuse("bad-pattern", f"{text!r} is not a regular expression", at, problem)


def _check_templates(loaded: Loaded) -> None:
    for key, text, scope in template_places.filled(loaded.desired):
        if found := next(templates.problems(text, scope), None):
            problem = credentials.explained(loaded.desired, found)
            raise _refuse(
                "needs-unknown" if problem.undeclared else "bad-template",
                f"{key} has {{{problem.word}}}, which cannot be filled in", loaded.source(key),
                problem.because, problem.hint,
            )  # fmt: skip
    known = template_places.shared(loaded.desired)
    for key, text in template_places.literal(loaded.desired):
        for word in templates.words(text, known):
            if word.partition(".")[0] in known.components:
                raise _refuse(
                    "bad-template", f"{key} has {{{word}}}, and is not filled in", loaded.source(key),
                    "a shell gets this command as it is written",
                    f'give the component a variable, as env = {{ ADDRESS = "{{{word}}}" }}, and write "$ADDRESS"',
                )  # fmt: skip


def _check_env(loaded: Loaded, section: str, owners: Mapping[str, Any]) -> None:
    for name, owner in owners.items():
        for variable in owner.env:
            if not re.fullmatch(VARIABLE, variable):
                raise _refuse(
                    "bad-name", f"{variable!r} is not a variable name",
                    loaded.source(f"{section}.{name}.env.{variable}"), "variable names have letters, digits and _ only",
                )  # fmt: skip


def _check_auth(loaded: Loaded, components: dict[str, Any]) -> None:
    desired, declared = loaded.desired, f"declared are: {', '.join(components) or 'none'}"
    for name, variable in desired.env.items():
        for only in variable.only:
            if only not in components:
                raise _refuse(
                    "name-undeclared", f"{name} is only for {only!r}, which is not declared",
                    loaded.source(f"env.{name}.only"), "no service would get the variable", declared,
                )  # fmt: skip
    if desired.auth:
        at, issuer = loaded.source("auth.issuer"), desired.services.get(desired.auth.issuer)
        if issuer is None:
            raise _refuse(
                "name-undeclared", f"the issuer {desired.auth.issuer!r} is not a declared service", at,
                "[auth] names the service that creates tokens", declared,
            )  # fmt: skip
        if issuer.port is None:
            raise _refuse(
                "value-wrong", f"the issuer {desired.auth.issuer} has no port", at, "other services could not reach it"
            )


def _check_tests(loaded: Loaded, components: dict[str, Any]) -> None:
    for name, suite in loaded.desired.tests.items():
        key = f"tests.{name}"
        if not re.fullmatch(PROJECT, name) or name in RESERVED:
            because = "the names tool, emulator and system are reserved"
            raise _refuse("bad-name", f"{name!r} is not a valid name of a suite", loaded.source(key), because)
        if name in components:
            because = "`./dev test NAME` would be ambiguous"
            raise _refuse("duplicate-name", f"{name} is declared twice", loaded.source(key), because)
        if Path(suite.path).is_absolute() or ".." in Path(suite.path).parts:
            because = "the path of a suite must be in the checkout"
            raise _refuse("bad-path", f"path of suite {name} leaves the checkout", loaded.source(key), because)
        if suite.requirements is not None and Path(suite.requirements).name != suite.requirements:
            because = "the package manager runs in `path`"
            raise _refuse(
                "bad-path", f"requirements of suite {name} is not a file in its path", loaded.source(key), because
            )
        for need in suite.needs:
            if need not in components:
                raise _refuse(
                    "needs-unknown", f"suite {name} needs {need!r}, which is not declared",
                    loaded.source(f"{key}.needs"), "`needs` must name components of this file",
                    f"declared are: {', '.join(components)}",
                )  # fmt: skip


def _read(path: Path) -> bytes:
    try:
        return regular.content(path, LARGEST)
    except regular.TooLarge as problem:
        raise _refuse("state-huge", f"{path.name} is too large", path.name, str(problem.strerror)) from None
    except FileNotFoundError:
        raise _refuse(
            "state-missing",
            f"there is no {path.name} in {path.parent}",
            "",
            "this file describes the desired state of the machine",
            "run ./dev in the checkout, or use -C DIR",
        ) from None
    except OSError as problem:
        raise _refuse("state-unreadable", f"{path.name} cannot be read", path.name, str(problem.strerror)) from None


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _values_alone(tree: dict[str, Any], own: dict[str, Any]) -> None:
    """A value that one machine gives a variable leaves the rest of its entry: whether it is secret, who gets it."""
    declared, given = tree.get("env"), own.get("env")
    if not isinstance(declared, dict) or not isinstance(given, dict):
        return
    for name, value in list(given.items()):
        entry = declared.get(name)
        if isinstance(value, str) and isinstance(entry, dict):
            given[name] = {"value": value}
            entry.pop("generate", None)


def _merge(tree: dict[str, Any], own: dict[str, Any]) -> None:
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            _merge(tree[key], value)
        else:
            tree[key] = value


def _validate(tree: dict[str, Any], lines: dict[str, str]) -> Desired:
    from pydantic import ValidationError  # saves 51 ms of every command whose state was checked before

    if isinstance(tree.get("env"), dict):
        tree["env"] = {k: {"value": v} if isinstance(v, str) else v for k, v in tree["env"].items()}
    try:
        # JSON mode: strict, yet an array is a tuple; dates are refused by name below
        return _adapter().validate_json(json.dumps(tree, default=lambda value: {"date": str(value)}))
    except ValidationError as problems:
        first, *others = problems.errors()
        key, at = _place(first["loc"], lines)
        also = ", ".join(f"{k} ({where})" for k, where in (_place(one["loc"], lines) for one in others[:9]))
        rest = f" and {len(others) - 9} more" if len(others) > 9 else ""
        hint = f"{f'also wrong: {also}{rest}; ' if also else ''}./dev schema prints every key"
        kind = {
            "extra_forbidden": "key-unknown",
            "unexpected_keyword_argument": "key-unknown",
            "missing": "key-missing",
        }.get(first["type"], "value-wrong")
        what = {
            "key-unknown": f"{key} is not a key of the desired state",
            "key-missing": f"{key} is missing",
        }.get(kind, f"{key} has a wrong value")
        said = first["msg"].replace("should be an object", "should be a table")  # pydantic has the words of JSON
        because = "" if kind == "key-unknown" else said[:1].lower() + said[1:]
        raise _refuse(kind, what, at, because or _nearest(key), hint) from None


def _place(loc: tuple[int | str, ...], lines: dict[str, str]) -> tuple[str, str]:
    """The key that pydantic names by its parts, and file:line of it."""
    key = ".".join("tools" if part == sources.APART else str(part) for part in loc)
    return key, Loaded(None, lines).source(key) or f"{FILE}:1"  # type: ignore[arg-type]


@functools.cache
def _adapter() -> TypeAdapter[Desired]:
    from pydantic import TypeAdapter  # saves 51 ms of every command whose state was checked before

    return TypeAdapter(Desired)


def _nearest(key: str) -> str:
    """A guess at the word meant, for a key that does not exist."""
    import dataclasses  # saves 2 ms: only a refusal needs it
    import difflib

    known = {f.name for c in vars(words).values() if dataclasses.is_dataclass(c) for f in dataclasses.fields(c)}
    guess = difflib.get_close_matches(key.rpartition(".")[2][:80], sorted(known), 1)
    return f"did you mean {guess[0]!r}?" if guess else "unknown keys are refused, so that spelling mistakes are found"
