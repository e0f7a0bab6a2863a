"""What a container image is, by the name of its repository: its kind, its usual port, or that it is no infrastructure.

Source of the ports: the page of each image on Docker Hub, or the vendor's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from converge import kinds

KINDS: Mapping[str, str] = MappingProxyType({
    "postgres": "postgres", "pgvector": "postgres", "postgis": "postgres", "postgresql": "postgres",
    "timescaledb": "postgres", "timescaledb-ha": "postgres", "supabase-postgres": "postgres", "pgvecto-rs": "postgres",
    "redis": "redis", "redis-stack": "redis", "redis-stack-server": "redis", "valkey": "redis", "keydb": "redis",
    "mysql": "mysql", "mysql-server": "mysql", "mariadb": "mariadb", "percona": "mysql",
    "mongo": "mongo", "mongodb": "mongo", "rabbitmq": "rabbitmq", "nats": "nats", "kafka": "kafka", "cp-kafka": "kafka",
    "redpanda": "redpanda", "minio": "minio", "elasticsearch": "elasticsearch", "opensearch": "opensearch",
    "mailpit": "mailpit", "auto-setup": "temporal", "keycloak": "keycloak", "memcached": "memcached",
    "clickhouse-server": "clickhouse", "localstack": "localstack", "meilisearch": "meilisearch",
})  # fmt: skip
"""Last word of the repository's name -> kind, which counts if `kinds.INFRA` has it."""
PORTS: Mapping[str, int] = MappingProxyType({
    "postgres": 5432, "redis": 6379, "mysql": 3306, "mariadb": 3306, "mongo": 27017, "rabbitmq": 5672, "nats": 4222,
    "kafka": 9092, "redpanda": 9092, "minio": 9000, "elasticsearch": 9200, "opensearch": 9200, "mailpit": 1025,
    "temporal": 7233, "keycloak": 8080, "memcached": 11211, "clickhouse": 8123, "localstack": 4566, "meilisearch": 7700,
    "mailhog": 1025, "maildev": 1025, "mailcatcher": 1025, "zookeeper": 2181, "cp-zookeeper": 2181, "etcd": 2379,
    "consul": 8500, "vault": 8200, "jaeger": 16686, "all-in-one": 16686, "prometheus": 9090, "grafana": 3000,
    "loki": 3100, "tempo": 3200, "zipkin": 9411, "qdrant": 6333, "weaviate": 8080, "influxdb": 8086, "neo4j": 7687,
    "cassandra": 9042, "scylla": 9042, "cockroach": 26257, "adminer": 8080, "pgadmin4": 80, "phpmyadmin": 80,
    "mongo-express": 8081, "redis-commander": 8081, "redisinsight": 5540, "hasura": 8080, "graphql-engine": 8080,
    "dynamodb-local": 8000, "azurite": 10000, "ollama": 11434, "typesense": 8108, "chroma": 8000,
    "unleash-server": 4242,
    "opentelemetry-collector": 4317, "opentelemetry-collector-contrib": 4317, "mosquitto": 1883, "emqx": 1883,
    "selenium": 4444, "gotenberg": 3000, "browserless": 3000, "zitadel": 8080, "dex": 5556, "soketi": 6001,
    "inngest": 8288, "temporal-ui": 8080, "ui": 8080, "dashboard": 8080, "kafka-ui": 8080, "akhq": 8080,
    "cp-schema-registry": 8081, "node-exporter": 9100, "statsd": 8125, "imgproxy": 8080,
})  # fmt: skip
"""Kind, or last word of the repository's name -> the port on which it listens if nothing else is said."""
RUNTIMES: Mapping[str, str] = MappingProxyType({
    "node": "node", "bun": "bun", "deno": "deno", "python": "python", "uv": "python", "golang": "go", "rust": "rust",
    "ruby": "", "php": "", "openjdk": "", "eclipse-temurin": "", "maven": "", "gradle": "", "elixir": "", "dotnet": "",
    "sdk": "", "air": "go",
})  # fmt: skip
"""Images in which people run code of the checkout -> the kind of that service, empty if there is none for it."""
PROXIES = frozenset(["traefik", "nginx", "nginx-proxy", "caddy", "haproxy", "envoy", "openresty", "kong"])
"""Images that pass requests on to services by the names of their containers."""
ONCE = frozenset([
    "migrate", "flyway", "liquibase", "dbmate", "goose", "mc", "curl", "busybox", "alpine", "admin-tools", "aws-cli",
    "wait-for-it", "dockerize", "atlas",
])  # fmt: skip
"""Images that do one thing and end."""


def repository(image: str) -> str:
    """The last word of the repository's name: `pgvector` of `ghcr.io/pgvector/pgvector:pg17@sha256:…`."""
    plain = image.partition("@")[0].rpartition("/")[2]
    return re.sub(r"-dev\Z", "", plain.partition(":")[0].lower())


def kind(image: str) -> str:
    """The kind of infrastructure; empty if the tool has none for it, so that the image stays as it is declared."""
    found = KINDS.get(repository(image), "")
    return found if found in kinds.INFRA else ""


def port(image: str) -> int | None:
    """The port on which the program in it listens unless it is told another one."""
    name = repository(image)
    return PORTS.get(KINDS.get(name, name))
