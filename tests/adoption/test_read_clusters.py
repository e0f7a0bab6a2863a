"""Kubernetes, Skaffold, Tilt and a devcontainer say services and ports, where there is no Compose file."""

from __future__ import annotations

import pytest

from converge.adoption.readers import devcontainer, kubernetes
from tests.adoption.given import said

API = """
    # the API
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: api}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: api}
    spec:
      template:
        spec:
          containers:
            - name: server
              image: registry/shop-api:1
              ports: [{containerPort: 8080}]
              env:
                - {name: PORT, value: "8080"}
                - {name: CACHE, value: "cache:6379"}
                - {name: WEB_ADDR, value: "http://web:8080"}
                - {name: TOKEN, value: hunter2}
                - {name: KEY, valueFrom: {secretKeyRef: {name: a, key: b}}}
                - {name: MODE, value: "$(X) ${y}"}
"""
WEB = """
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec: {template: {spec: {containers: [{image: x/web, ports: [{containerPort: 8080}]}]}}}
"""
CACHE = WEB.replace("name: web", "name: cache").replace("x/web", "redis:7").replace("8080", "6379")
GATEWAY = WEB.replace("name: web", "name: gateway").replace("x/web", "envoyproxy/envoy:v1")
SKAFFOLD = """
    apiVersion: skaffold/v4beta1
    kind: Config
    build:
      artifacts:
        - image: shop-api
          context: src/backend
"""
FILES = {
    "k8s/api.yaml": API, "k8s/web.yaml": WEB, "k8s/cache.yaml": CACHE, "k8s/gateway.yaml": GATEWAY,
    "skaffold.yaml": SKAFFOLD, "src/backend/main.go": "", "src/web/package.json": "{}",
    "Tiltfile": "k8s_resource('web')\nlocal_resource(\"seed\")\n", "c/templates/a.yaml": "kind: {{ x }}",
}  # fmt: skip


def test_a_cluster() -> None:
    assert said(kubernetes.read, FILES) == [
        "services.src/backend name api @skaffold.yaml:5",
        "services.src/backend port 8080 @k8s/api.yaml:16",
        "services.src/backend env.CACHE {cache.address} @k8s/api.yaml:19",
        "services.src/backend env.WEB_ADDR {web.url} @k8s/api.yaml:20",
        "services.src/backend env.MODE $(X) ${y} @k8s/api.yaml:23",
        'services.src/backend needs ["cache"] @k8s/api.yaml:19',
        'services.src/backend uses ["web"] @k8s/api.yaml:20',
        "infra.cache kind redis @k8s/cache.yaml:4",
        "infra.cache port 6379 @k8s/cache.yaml:4",
        "note @k8s/gateway.yaml:4 gateway runs an image and has no directory here; it is left out",
        "services.src/web name web @k8s/web.yaml:4",
        "services.src/web port 8081 @k8s/web.yaml:4 ?",
        "note @Tiltfile:1 resources of Tilt, of which only the names are read: seed, web",
    ]


def test_a_compose_file_counts_instead() -> None:
    assert said(kubernetes.read, {**FILES, "compose.yaml": "services: {}"}) == []


SEVERAL = '{"forwardPorts": [3000, 5432], "portsAttributes": {"3000": {"label": "web"}}}'
PREPARED = '{"forwardPorts": [3000],\n"postCreateCommand": "npm ci"}'


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"devcontainer.json": '// c\n{\n "forwardPorts": [3000,],\n}'}, [
            "services.. port 3000 @devcontainer.json:3 ?"]),
        ({"devcontainer.json": SEVERAL}, [
            "note @devcontainer.json:1 ports that the editor forwards: 3000 (web), 5432; which service has which one "
            "is not said"]),
        ({"devcontainer.json": PREPARED, "compose.yaml": "services: {}"}, [
            "note @devcontainer.json:2 postCreateCommand prepares the container of the editor; what of it is needed "
            "here may be a task"]),
        ({"devcontainer.json": "{"}, ["note @devcontainer.json:1 it cannot be read as JSON with comments"]),
    ],
)  # fmt: skip
def test_a_devcontainer(files: dict[str, str], expected: list[str]) -> None:
    assert said(devcontainer.read, files) == expected
