"""Give a service's name and port to another placement that is ready, then stop the earlier owner."""

from __future__ import annotations

import time

from facts.value import replace
from runtime import placements
from runtime.component import Component
from runtime.handoff import record
from runtime.placements import docker, native
from runtime.platform import Platform
from runtime.routes import owner_map

PORT_TIMEOUT = 10.0
"""Seconds in which the edge must get a port back when a service returns."""


def arrive(platform: Platform, component: Component) -> None:
    """Give name and port to the container, which is ready, then stop the earlier owner. One of them always answers."""
    instance, name = component.instance, component.name
    entry = record.record(instance, name)
    if entry:
        record.write(instance, replace(entry, state="FLIPPING_IN"))
    if owner_map.owners(instance).get(name) != "docker":
        owner_map.own(platform, name, "docker")
    elif not owner_map.listens(instance, name):
        owner_map.refresh(platform)
    for placement in (["native"] if native.lives(component) else []) + (["ide"] if entry else []):
        owner_map.drain(instance, name, placement)
        placements.of(placement).halt(component)
    deadline = time.monotonic() + PORT_TIMEOUT
    while not owner_map.listens(instance, name):
        if time.monotonic() > deadline:
            return  # the edge keeps trying; the record stays until then
        time.sleep(0.003)
    record.forget(instance, name)


def leave(platform: Platform, component: Component, owner: str, host: str) -> None:
    """Give name and port to a process on this machine; stop the earlier owner when its requests are answered."""
    instance, name = component.instance, component.name
    before = owner_map.owners(instance).get(name, owner)
    owner_map.own(platform, name, owner, host)
    if before != owner:
        owner_map.drain(instance, name, before)
    if docker.look(component).lives:
        docker.halt(component)
    if owner != "native" and native.lives(component):
        native.stop(component)
