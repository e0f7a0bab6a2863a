"""Give a service's name and port to what is ready in another placement, then end what had them before."""

from __future__ import annotations

import time
from dataclasses import replace

from runtime import journal, placements, routing
from runtime.component import Component
from runtime.placements import docker, native
from runtime.platform import Platform

PATIENCE = 10.0
"""Seconds the edge has to get a port back when a service returns."""


def arrive(platform: Platform, component: Component) -> None:
    """Give name and port to the container, which is ready, then end what had them. One of the two always answers."""
    instance, name = component.instance, component.name
    entry = journal.record(instance, name)
    if entry:
        journal.write(instance, replace(entry, state="FLIPPING_IN"))
    if routing.owners(instance).get(name) != "docker":
        routing.own(platform, name, "docker")
    elif not routing.listens(instance, name):
        routing.refresh(platform)
    for placement in (["native"] if native.lives(component) else []) + (["ide"] if entry else []):
        routing.drain(instance, name, placement)
        placements.of(placement).halt(component)
    deadline = time.monotonic() + PATIENCE
    while not routing.listens(instance, name):
        if time.monotonic() > deadline:
            return  # the edge goes on trying; the record stays as long
        time.sleep(0.003)
    journal.forget(instance, name)


def leave(platform: Platform, component: Component, owner: str, host: str) -> None:
    """Give name and port to a process of this machine, then end who had them when all that was asked is answered."""
    instance, name = component.instance, component.name
    before = routing.owners(instance).get(name, owner)
    routing.own(platform, name, owner, host)
    if before != owner:
        routing.drain(instance, name, before)
    if docker.look(component).lives:
        docker.halt(component)
    if owner != "native" and native.lives(component):
        native.stop(component)
