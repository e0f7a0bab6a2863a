"""What becomes of each service and key of a team's Compose file: taken, ignored with a word, or refused."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Literal

from facts.value import dataclass

if TYPE_CHECKING:
    from converge.compose_file.document import Document

Verdict = Literal["taken", "ignored", "refused"]
TAKEN = frozenset(
    """
    annotations attach blkio_config cap_add cap_drop cgroup cgroup_parent command configs cpu_count cpu_percent
    cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on
    device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extra_hosts
    gpus group_add healthcheck hostname image init ipc isolation label_file labels links logging mem_limit
    mem_reservation mem_swappiness memswap_limit models oom_kill_disable oom_score_adj pid pids_limit
    platform ports post_start pre_start pre_stop privileged profiles pull_policy read_only restart runtime secrets
    security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits
    pull_refresh_after use_api_socket user userns_mode uts volumes volumes_from working_dir
    """.split()  # noqa: SIM905
)
"""Keys of a service that Compose gets as they stand. Source: the Compose specification, "Services"."""
IGNORED = {
    "container_name": "containers of each instance have names of their own",
    "deploy": "a component is one container; its limits are `mem_limit`, `cpus` and the like",
    "develop": "an image service is not built from the checkout",
    "external_links": "containers of other projects are not part of an instance",
    "mac_address": "two instances cannot have one address",
    "networks": "all containers of an instance are in one network, with the aliases that are declared here",
    "scale": "a component is one container",
}
"""Keys of a service that change nothing here, and why."""
REFUSED = {
    "extends": "a service that is made from another one is not read",
    "network_mode": "it leaves the network of the instance, so its ports could not be bound to loopback",
    "provider": "it is run by a program of another vendor and not by Compose",
}
"""Keys of a service without which it would be another service, and why."""
TOP = frozenset(["services", "volumes", "configs", "secrets", "models"])
TOP_IGNORED = {
    "name": "each instance has a project name of its own",
    "networks": "all containers of an instance are in one network",
    "version": "Compose has not used it since version 2",
}
TOP_REFUSED = {"include": "services of other files are not read; list these files in [compose] file"}


@dataclass(frozen=True)
class Note:
    """What becomes of one service or key."""

    verdict: Verdict
    key: str
    """Dotted path, such as `services.db.links`."""
    source: str
    """`file:line`."""
    because: str = ""
    """Empty if it is taken."""


def of(found: Document, profiles: Collection[str] = (), wanted: Collection[str] | None = None) -> tuple[Note, ...]:
    """One note for each top-level key, each service, and each key of a service that is taken.

    `wanted` names the services; default: all with an image and without `build`, of no profile or of one in `profiles`.
    A name in `wanted` needs no profile, as on the command line of Compose.
    """
    return (*_top(found), *_services(found, profiles, wanted))


def _top(found: Document) -> Iterator[Note]:
    for key in found.tree:
        at = found.source(key)
        if key in TOP or key.startswith("x-"):
            yield Note("taken", key, at)
        elif key in TOP_IGNORED:
            yield Note("ignored", key, at, TOP_IGNORED[key])
        else:
            yield Note("refused", key, at, TOP_REFUSED.get(key, "it is not a key of a Compose file"))


def _services(found: Document, profiles: Collection[str], wanted: Collection[str] | None) -> Iterator[Note]:
    services = found.tree.get("services") or {}
    if not isinstance(services, dict):
        yield Note("refused", "services", found.source("services"), "it is not a mapping of services")
        return
    for name in sorted(set(wanted or ()) - set(services)):
        yield Note("refused", f"services.{name}", found.source("services"), "the file has no such service")
    for name, table in services.items():
        at = found.source("services", name)
        verdict, because = _service(name, table, profiles, wanted)
        yield Note(verdict, f"services.{name}", at, because)
        if verdict == "taken":
            yield from _keys(found, name, table)


def _service(name: str, table: Any, profiles: Collection[str], wanted: Collection[str] | None) -> tuple[Verdict, str]:
    if not isinstance(table, dict):
        return "refused", "it is not a mapping"
    if wanted is not None and name not in wanted:
        return "ignored", "it is not in [compose] services"
    if "build" in table:
        because = "it is built from the checkout: declare it in [services]"
        return ("ignored" if wanted is None else "refused"), because
    profiled: tuple[Verdict, str] = (
        ("taken", "") if wanted is not None else _profiled(table.get("profiles") or [], profiles)
    )
    if profiled[0] != "taken":
        return profiled
    for key in REFUSED:
        if key in table:
            return "refused", f"{key}: {REFUSED[key]}"
    if not table.get("image"):
        return ("ignored" if wanted is None else "refused"), "it has no image"
    return "taken", ""


def _profiled(own: Any, profiles: Collection[str]) -> tuple[Verdict, str]:
    if not isinstance(own, list):
        return "refused", "profiles is not a list"
    if own and not {"*", *map(str, own)} & set(profiles):
        return "ignored", f"none of its profiles is in [compose] profiles: {', '.join(map(str, own))}"
    return "taken", ""


def _keys(found: Document, name: str, table: dict[str, Any]) -> Iterator[Note]:
    for key in table:
        place, at = f"services.{name}.{key}", found.source("services", name, key)
        if key in TAKEN or key.startswith("x-"):
            yield Note("taken", place, at)
        elif key in IGNORED:
            yield Note("ignored", place, at, IGNORED[key])
        else:
            yield Note("refused", place, at, "it is not a key of a service")
