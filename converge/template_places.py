"""Every place of the desired state in which templates are filled in, and the commands in which they are not."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from converge import credentials, declared_ports
from converge.desired import Desired, Infra, Service
from converge.templates import ADDRESSES, KEYS, Reading, Scope

Components = Mapping[str, Collection[str]]
"""Component -> what it can be asked for."""


def shared(desired: Desired) -> Scope:
    """A value of [env]: it is the same for every component, so nothing of one's own is there."""
    return Scope(_components(desired), (), "lenient")


def component(
    desired: Desired, wants: Infra | Service, reading: Reading = "strict", data: bool = False,
    known: Components | None = None,
) -> Scope:  # fmt: skip
    """A value or (lenient) a command of one component; `data` where an infra component's data directory is there.

    `known` is what every component has, for a caller that asks for many scopes.
    """
    own = ["host"]
    own += ["port"] if wants.port else []
    own += [f"{name}_port" for name in declared_ports.named(wants)]
    own += ["debug_port"] if isinstance(wants, Service) and wants.debug_port else []
    own += ["data"] if data else ["state"]
    return Scope(_components(desired) if known is None else known, own, reading)


def filled(desired: Desired) -> Iterator[tuple[str, str, Scope]]:
    """Dotted key, text and scope of each place."""
    known = _components(desired)
    for name, variable in desired.env.items():
        if variable.value is not None:
            yield f"env.{name}", variable.value, Scope(known, (), "lenient")
    for name, infra in desired.infra.items():
        yield from _values(f"infra.{name}", infra.env, component(desired, infra, known=known))
        command = component(desired, infra, "lenient", data=True, known=known)
        yield f"infra.{name}.run", infra.run or "", command
        yield f"infra.{name}.ready.exec", (infra.ready and infra.ready.exec) or "", command
    for name, service in desired.services.items():
        yield from _values(f"services.{name}", service.env, component(desired, service, known=known))
        command = component(desired, service, "lenient", known=known)
        yield f"services.{name}.dev", service.dev or "", command
        yield f"services.{name}.debug", service.debug or "", command
        yield f"services.{name}.ready.exec", (service.ready and service.ready.exec) or "", command
    for name, suite in desired.tests.items():
        yield from _values(f"tests.{name}", suite.env, Scope(known, ("host",)))
    for name, task in desired.tasks.items():
        yield from _values(f"tasks.{name}", task.env, Scope(known, ()))


def literal(desired: Desired) -> Iterator[tuple[str, str]]:
    """Dotted key and text of each command that a shell gets as it is written."""
    yield "project.system_test", desired.project.system_test or ""
    for name, service in desired.services.items():
        yield f"services.{name}.migrate", service.migrate or ""
        yield f"services.{name}.test", service.test or ""
    for name, suite in desired.tests.items():
        yield f"tests.{name}.command", suite.command
    for name, task in desired.tasks.items():
        yield f"tasks.{name}.run", task.run


def _values(key: str, env: Mapping[str, str], scope: Scope) -> Iterator[tuple[str, str, Scope]]:
    for variable, text in env.items():
        yield f"{key}.env.{variable}", text, scope


def _components(desired: Desired) -> dict[str, Collection[str]]:
    everyone: dict[str, Infra | Service] = {**desired.infra, **desired.services}
    found: dict[str, Collection[str]] = {
        name: (*(ADDRESSES if wants.port else ()), *credentials.of(name, wants), *declared_ports.words(wants))
        for name, wants in everyone.items()
    }
    if desired.auth and found.get(desired.auth.issuer):
        found[desired.auth.issuer] = (*found[desired.auth.issuer], KEYS)
    return found
