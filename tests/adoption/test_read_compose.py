"""The Compose files of a team become infrastructure, services and their environment; what is not read is a note."""

from __future__ import annotations

from converge.adoption.readers import compose
from tests.adoption.given import said

STACK = """
    services:
      db:
        image: postgres:17
        environment: {POSTGRES_USER: app, POSTGRES_PASSWORD: app, POSTGRES_DB: shop}
        ports: ["5433:5432"]
      cache:
        image: docker.io/valkey/valkey:8-alpine
      api:
        build: {context: ., dockerfile: services/api/Dockerfile}
        command: sh -c "alembic upgrade head && uvicorn api.main:app --host 0.0.0.0 --port 8000"
        depends_on: {db: {condition: service_healthy}}
        ports: ["127.0.0.1:8001:8000", "9229:9229", "50051:50051"]
        environment:
          DATABASE_URL: postgresql+asyncpg://app:app@db:5432/shop?ssl=disable
          REDIS_URL: redis://cache:6379/1
          LOG_LEVEL: ${LOG_LEVEL:-info}
          SECRET_KEY: hunter2
          STRIPE_API_KEY: sk_test_1
          PORT: 8000
          GRPC_PORT: 50051
          UPLOADS: /app/uploads
          TEMPLATE: "{name} and {{name}}"
        healthcheck: {test: ["CMD", "curl", "-f", "http://localhost:8000/healthz"]}
        develop:
          watch:
            - {action: sync, path: ./services/api, target: /app}
            - {action: sync+restart, path: ./libs/shared, target: /libs}
      worker:
        build: {context: ., dockerfile: services/api/Dockerfile}
        command: poetry run celery -A api.tasks worker --loglevel info
        environment: [DB_HOST=db, DB_PORT=5432, DB_USER=app, DB_PASSWORD=app, DB_NAME=shop, "API=http://api:8000/v1"]
      web:
        build: ./web
        ports: ["80:80"]
        depends_on: [api]
        environment: {VITE_API_URL: "http://localhost:8001", WS: "ws://api:8000/ws", GRPC: "api:50051", CACHE: /kept}
        volumes: ["kept:/kept"]
"""
FILES = {
    "docker-compose.yml": STACK, "services/api/Dockerfile": "", "services/api/pyproject.toml": "",
    "services/api/main.py": "", "libs/shared/a.py": "", "web/package.json": "{}", "web/a.ts": "",
}  # fmt: skip
GOLDEN = """
    compose file docker-compose.yml @docker-compose.yml:1
    infra.db kind postgres @docker-compose.yml:3
    infra.db port 5433 @docker-compose.yml:5
    infra.db databases ["shop"] @docker-compose.yml:4
    infra.cache kind redis @docker-compose.yml:7
    infra.cache port 6379 @docker-compose.yml:7 ?
    infra.cache container_port 6379 @docker-compose.yml:7
    services.services/api name api @docker-compose.yml:8
    services.services/api watch ["../../libs/shared"] @docker-compose.yml:25
    services.services/api ready {"http": "/healthz"} @docker-compose.yml:23
    services.services/api migrate alembic upgrade head @docker-compose.yml:10
    services.services/api kind python @docker-compose.yml:10
    services.services/api app api.main:app @docker-compose.yml:10
    note @docker-compose.yml:12 9229 is for a debugger, which has a port of its own here
    services.services/api port 8001 @docker-compose.yml:12
    services.services/api ports.grpc 50051 @docker-compose.yml:12
    services.services/api env.DATABASE_URL {db.url:postgresql+asyncpg}/shop?ssl=disable @docker-compose.yml:14
    infra.db databases ["shop"] @docker-compose.yml:14
    services.services/api env.REDIS_URL {cache.url}/1 @docker-compose.yml:15
    services.services/api env.LOG_LEVEL info @docker-compose.yml:16
    env SECRET_KEY {"generate": "token", "secret": true} @docker-compose.yml:17 ?
    env STRIPE_API_KEY {"required": false, "secret": true} @docker-compose.yml:18 ?
    services.services/api env.GRPC_PORT {grpc_port} @docker-compose.yml:20
    note @docker-compose.yml:21 UPLOADS is left out: /app/uploads is a path in the container
    services.services/api env.TEMPLATE {{name}} and {{{name}}} @docker-compose.yml:22
    services.services/api needs ["db", "cache"] @docker-compose.yml:11
    services.web name web @docker-compose.yml:32
    services.web port 8080 @docker-compose.yml:34 ?
    services.web env.VITE_API_URL http://localhost:{api.port} @docker-compose.yml:36
    services.web env.WS ws://{api.address}/ws @docker-compose.yml:36
    services.web env.GRPC {api.grpc_address} @docker-compose.yml:36
    note @docker-compose.yml:36 CACHE is left out: /kept is a path in the container
    services.web needs ["api"] @docker-compose.yml:35
    services.services/api+worker name worker @docker-compose.yml:28
    services.services/api+worker kind celery @docker-compose.yml:30
    services.services/api+worker app api.tasks @docker-compose.yml:30
    services.services/api+worker env.DB_HOST {db.host} @docker-compose.yml:31
    services.services/api+worker env.DB_PORT {db.port} @docker-compose.yml:31
    services.services/api+worker env.DB_USER {db.user} @docker-compose.yml:31
    services.services/api+worker env.DB_PASSWORD {db.password} @docker-compose.yml:31
    services.services/api+worker env.DB_NAME shop @docker-compose.yml:31
    infra.db databases ["shop"] @docker-compose.yml:31
    services.services/api+worker env.API {api.url}/v1 @docker-compose.yml:31
    services.services/api+worker needs ["db"] @docker-compose.yml:31
    services.services/api+worker uses ["api"] @docker-compose.yml:31
"""


def test_a_whole_stack_is_the_golden_one() -> None:
    found = said(compose.read, FILES)
    assert found == [line.strip() for line in GOLDEN.strip().splitlines()]
    assert not [line for line in found if "hunter2" in line or "sk_test" in line or "\ue000" in line]
