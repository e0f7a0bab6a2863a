"""Single questions that a Compose file can ask: which file, which directory, which port, which variables."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from converge.adoption.readers import compose
from tests.adoption.given import said

CODE = {"main.py": "", "api/main.py": "", "api/pyproject.toml": "", "web/index.ts": "", "web/package.json": "{}"}


def found(files: Mapping[str, str], *words: str) -> list[str]:
    """The lines with one of these words, without their source."""
    lines = [line for line in said(compose.read, {**CODE, **files}) if any(word in line for word in words)]
    return [line if line.startswith("note") else line.rpartition(" @")[0] for line in lines]


def one(service: str, *words: str, **files: str) -> list[str]:
    """Of one service in one Compose file."""
    return found({"compose.yaml": f"services:\n  api:\n{service}", **files}, *words)


DB = "services: {db: {image: postgres}}\n"
API = "services: {api: {build: ./api, ports: ['8000:8000']}}\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["docker-compose.yml"], "docker-compose.yml"),
        (["docker-compose.yml", "compose.yaml"], "compose.yaml"),
        (["compose.yaml", "compose.override.yaml", "compose.prod.yaml"], "compose.yaml"),
        (["compose.yaml", "compose.dev.yaml"], "compose.yaml"),
        (["docker-compose.dev.yml", "docker-compose.prod.yml"], "docker-compose.dev.yml"),
        (["docker-compose.test.yml"], None),
        (["deploy/docker-compose.yml"], "deploy/docker-compose.yml"),
        (["a/b/c/docker-compose.yml"], None),
        (["docker/ci/compose.yml", "docker/local/compose.yml", "x/y/compose.yml"], "docker/local/compose.yml"),
        ([".devcontainer/docker-compose.yml", "infra/compose.yml"], "infra/compose.yml"),
    ],
)
def test_which_files(files: list[str], expected: str | None) -> None:
    lines = found(dict.fromkeys(files, DB), "compose file")
    assert lines == ([f"compose file {expected}"] if expected else [])


def test_two_files_with_one_container_are_not_both_taken() -> None:
    override = "services: {db: {ports: ['5433:5432'], command: x}}\n"
    base = "services: {db: {image: postgres}, q: {image: redis, profiles: [dev], ports: ['2001:2']}}\n"
    files = {"compose.yaml": base, "compose.override.yaml": override}
    assert found(files, "compose file", "infra", "profiles", "note") == [
        "compose file compose.yaml", 'compose profiles ["dev"]', "infra.db kind postgres", "infra.db port 5433",
        "infra.db container_port 5432", "infra.q kind redis", "infra.q port 2001",
        "note @compose.override.yaml:1 command of db is not taken from here, as [compose] merges no files",
    ]  # fmt: skip


def test_two_files_with_other_containers_are_both_taken() -> None:
    files = {"compose.yaml": DB, "compose.dev.yaml": "services: {mail: {image: mailpit, ports: ['1025:1025']}}\n"}
    assert found(files, "compose", "infra") == [
        'compose file ["compose.yaml", "compose.dev.yaml"]', "infra.db kind postgres", "infra.db port 5432",
        "infra.db container_port 5432", "infra.mail port 1025",
    ]  # fmt: skip


def test_a_container_of_a_file_that_is_not_taken_is_an_entry_of_its_own() -> None:
    mail = """
        services:
          db: {image: postgres, ports: ['5433:5432']}
          mail:
            image: axllent/mailpit:v1
            ports: ['8025:8025', '1025:1025']
            command: --verbose "a b"
            environment: {A: '{x}', B: '${UNKNOWN}'}
            volumes: ['data:/data', './conf/a.yml:/a.yml:ro', '/etc/x:/x', '../up:/up', '/anonymous']
            cap_add: [SYS_TIME]
    """
    api = "services: {api: {build: ./api, environment: {SMTP: 'mail:1025'}}, db: {image: postgres}}\n"
    lines = found({"compose.yaml": api, "compose.override.yaml": mail}, "infra.mail", "SMTP", "note")
    assert [line for line in lines if "infra.mail ports" not in line] == [
        "infra.mail port 1025",
        "infra.mail image axllent/mailpit:v1", "infra.mail container_port 1025",
        'infra.mail command ["--verbose", "a b"]',
        "infra.mail env.A {{x}}", 'infra.mail volumes ["data:/data", "./conf/a.yml:/a.yml:ro"]',
        "note @compose.override.yaml:9 cap_add of mail is not taken", "services.api env.SMTP {mail.address}",
        "note @compose.override.yaml:2 another file has db too, and [compose] merges no files: this one is not in it",
        "note @compose.override.yaml:2 image of db is not taken from here, as [compose] merges no files",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -m api.worker", ["kind python", "dev exec python -m api.worker", "reload true"]),
        ("npm run dev:worker", ["kind node", "dev exec npm run dev:worker"]),
        ("celery -A api worker", ["kind celery", "app api"]),
        ("rq worker --url $REDIS", ["kind python", "dev exec rq worker --url ${REDIS}", "reload true"]),
        ("", ["as_main true"]),
        ("dev_worker", ["note @compose.yaml:4 what api-worker runs is in its image alone: dev_worker"]),
    ],
)
def test_what_a_worker_runs(command: str, expected: list[str]) -> None:
    both = f"  api: {{build: ./api, ports: ['1024:1']}}\n  api-worker:\n    {{build: ./api, command: {command}}}\n"
    lines = found({"compose.yaml": f"services:\n{both}"}, "+", "note")
    assert [line.partition(" ")[2] if "+" in line else line for line in lines if " name " not in line] == expected


def test_a_variable_that_names_a_container_which_is_left_out_is_a_note() -> None:
    text = "services: {api: {build: ./api, environment: {A: 'http://proxy/x', B: proxy}}, proxy: {image: traefik}}\n"
    assert found({"compose.yaml": text}, "env.", "note")[:2] == [
        "note @compose.yaml:1 A is left out: it names proxy, which is left out, too", "services.api env.B proxy",
    ]  # fmt: skip


def test_a_file_that_compose_cannot_have_is_not_in_it() -> None:
    files = {"compose.yaml": f"include: [b.yml]\n{DB}", "b.yml": "services: {q: {image: redis}}\n"}
    assert found(files, "compose file", "infra.db", "note") == [
        "compose file b.yml", "infra.db kind postgres", "infra.db port 5432",
        "note @compose.yaml:1 [compose] cannot have this file: include: services of other files are not read; list "
        "these files in [compose] file",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", []),
        ("include: [gone.yml]\n", ['infra.db init ["db/1.sql", "db/2.sql", "extra.sql"]',
                                   "note @compose.yaml:5 only SQL can be given to new data: db/3.sh"]),
    ],
)  # fmt: skip
def test_sql_for_new_data_is_given_to_what_no_compose_file_starts(more: str, expected: list[str]) -> None:
    mounts = "['./db:/docker-entrypoint-initdb.d:ro', './extra.sql:/docker-entrypoint-initdb.d/9.sql', 'data:/data']"
    text = f"services:\n  db:\n    image: postgres\n\n    volumes: {mounts}\n{more}"
    files = {"compose.yaml": text, "db/1.sql": "", "db/2.sql": "", "db/3.sh": "", "extra.sql": ""}
    assert found(files, " init ", "only SQL") == expected


def test_an_env_file_that_is_not_there_is_a_note() -> None:
    text = "services: {db: {image: postgres, env_file: [.env, there.env, {path: c, required: false}]}}\n"
    assert found({"compose.yaml": text, "there.env": "A=1"}, "note") == [
        "note @compose.yaml:1 [compose] needs .env, which is not there: make it from its example, and run "
        "./dev init again"
    ]


def test_a_file_without_images_is_not_in_compose() -> None:
    assert found({"compose.yaml": API}, "compose file") == []


def test_a_later_file_changes_an_earlier_one() -> None:
    override = "services: {api: {ports: ['9000:8000'], environment: {A: '2'}}}\n"
    base = "services: {api: {build: ./api, ports: ['80:8000'], environment: {A: '1', B: '1'}}}\n"
    lines = found({"compose.yaml": base, "compose.override.yaml": override}, "port", "env.")
    assert lines == ["services.api port 9000", "services.api env.A 2", "services.api env.B 1"]


def test_a_service_that_extends_another_one_has_its_keys() -> None:
    files = {"compose.yaml": "services: {api: {extends: {file: common.yml, service: base}, ports: ['8000:8000']}}\n",
             "common.yml": "services: {base: {build: ./api, environment: {A: '1'}}}\n"}  # fmt: skip
    assert found(files, "services.") == ["services.api name api", "services.api port 8000", "services.api env.A 1"]


def test_a_file_that_is_included_is_read() -> None:
    files = {"compose.yaml": f"include: [infra/db.yml, gone.yml]\n{API}", "infra/db.yml": DB}
    assert found(files, "infra.", "gone") == [
        "infra.db kind postgres", "infra.db port 5432", "infra.db container_port 5432",
        "note @compose.yaml:1 the file gone.yml that it includes is not in the repository",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        ("build: ./api", "services.api"),
        ("build: {context: ., dockerfile: api/Dockerfile}", "services.api"),
        ("build: {context: ., dockerfile: docker/api.Dockerfile}", "services.."),
        ("build: {context: ., dockerfile: jobs/run/Dockerfile}", "services.jobs/run"),
        ("build: {context: ., dockerfile: net/a/Dockerfile}", "services.net/a"),
        ("build: {dockerfile: web/Dockerfile}", "services.web"),
        ("build: {context: apps}", "services.apps/api"),
        ("{image: 'node:22', command: npm start, volumes: ['./web:/app']}", "services.web"),
        ("{build: ./conf, volumes: ['./apps:/apps']}", "services.apps/api"),
        ("build: ../outside", None),
        ("build: 'https://github.com/x/y.git'", None),
        ("build: ./conf", None),
    ],
)
def test_which_directory(build: str, expected: str | None) -> None:
    files = {"apps/api/go.mod": "", "apps/api/main.go": "", "docker/Dockerfile": "", "conf/Dockerfile": "",
             "docker/start.py": "", "jobs/run/locust.py": "", "net/a/a.csproj": "", "net/a/a.cs": ""}  # fmt: skip
    table = build if build.startswith("{") else f"{{{build}}}"
    lines = found({"compose.yaml": f"services:\n  api: {table}\n", **files}, " name ", "note")
    assert [line for line in lines if " name " in line] == ([f"{expected} name api"] if expected else [])
    assert len(lines) == 1  # without a directory a note says why


@pytest.mark.parametrize(
    ("ports", "expected"),
    [
        ("['8000:8000']", ["port 8000"]),
        ("['127.0.0.1:8001:8000']", ["port 8001"]),
        ("['[::1]:8001:8000/tcp', '9000:9000/udp']", ["port 8001"]),
        ("['${API_PORT:-8002}:8000']", ["port 8002"]),
        ("[8000]", ["port 8000 ?"]),
        ("['443:8443']", ["port 8443 ?"]),
        ("['80:80']", ["port 8080 ?"]),
        ("['9229:9229', '3000:3000']", ["port 3000"]),
        ("[{target: 80, published: '8003'}, {target: 9090, published: 90}]", ["port 8003", "ports.metrics 9090 ?"]),
        ("['8000:8000', '7777:7777']", ["port 8000", "ports.p7777 7777"]),
        ("['3000-3002:3000-3002']", ["port 3000"]),
        ("['x']", []),
        ("['${UNKNOWN}:8000']", []),
    ],
)  # fmt: skip
def test_which_ports(ports: str, expected: list[str]) -> None:
    lines = said(compose.read, {**CODE, "compose.yaml": f"services: {{api: {{build: ./api, ports: {ports}}}}}\n"})
    shown = [" ".join([line.rpartition(" @")[0].partition(" ")[2], *(["?"] if line.endswith(" ?") else [])])
             for line in lines if line.startswith("services.api port")]  # fmt: skip
    assert shown == expected


@pytest.mark.parametrize(
    ("variable", "env", "expected"),
    [
        ("A: ${A}", "A=1", []),
        ("A: ${A:-d}", "A=1", []),
        ("A: ${A:-d}", "", ["services.api env.A d"]),
        ("A: ${A:?say it}", "", ['env A {"required": false}']),
        ("A: ${B:-d}", "B=1", ["services.api env.A 1"]),
        ("A: x${B}", "", ["note @compose.yaml:5 A is made of B, of which no file says a value"]),
        ("TOKEN: ${TOKEN}", "", ['env TOKEN {"required": false, "secret": true}']),
        ("TOKEN: abc", "", ['env TOKEN {"required": false, "secret": true}']),
        ("TOKEN_EXPIRE_MINUTES: 5", "", ["services.api env.TOKEN_EXPIRE_MINUTES 5"]),
        ("JWT_SECRET: abc", "", ['env JWT_SECRET {"generate": "token", "secret": true}']),
        ("NODE_ENV: production", "",
         ["note @compose.yaml:5 NODE_ENV=production is left out: services run for development here"]),
        ("PORT: 8000", "", []),
        ("HTTP_PORT: 8000", "", ["services.api env.HTTP_PORT {port}"]),
        ("HTTP_PORT: 8001", "", ["services.api env.HTTP_PORT 8001"]),
        ("A:", "", []),
        ("'A B': 1", "", ["note @compose.yaml:5 'A B' cannot be a variable"]),
        ("A: $$x", "", ["services.api env.A $x"]),
    ],
)  # fmt: skip
def test_which_variables(variable: str, env: str, expected: list[str]) -> None:
    text = f"services:\n  api:\n    build: ./api\n    environment:\n      {variable}\n    ports: ['8001:8000']\n"
    assert found({"compose.yaml": text, ".env.example": f"{env}\n"}, "env", "note") == expected


@pytest.mark.parametrize(
    ("service", "expected", "listed"),
    [
        ("{image: 'traefik:v3', ports: ['80:80']}", "it passes requests on to containers", True),
        ("{image: 'nginx:1'}", "it passes requests on to containers", False),
        ("{image: 'migrate/migrate:v4', ports: ['1:1']}", "it runs once and ends", True),
        ("{image: x, network_mode: host}", "network_mode: it leaves the network", True),
        ("{image: x, extends: db, ports: ['1:1']}", "a service that is made from another one is not read", True),
        ("{image: x, odd: 1, ports: ['1:1']}", "services.x.odd: it is not a key of a service", True),
        ("{image: x}", "it publishes no port and its image is not known", False),
        ("{command: x}", "it has neither an image nor a build", False),
        ("{image: 'redis', profiles: [monitoring]}", "only in the profiles monitoring", False),
    ],
)
def test_what_is_left_out_is_said(service: str, expected: str, listed: bool) -> None:
    lines = found(
        {"compose.yaml": f"services: {{db: {{image: postgres}}, x: {service}}}\n"},
        "infra.x",
        "note",
        "compose services",
    )
    assert any(line.startswith("note") and expected in line for line in lines)
    assert not any(line.startswith("infra.x") for line in lines)
    assert ('compose services ["db"]' in lines) == listed


def test_containers_that_wait_for_each_other_do_not() -> None:
    text = "services: {a: {image: redis, depends_on: [b, a]}, b: {image: postgres, depends_on: {c: {}}},\n" \
           "  c: {build: ./api, depends_on: [a, gone]}}\n"  # fmt: skip
    assert found({"compose.yaml": text}, "needs", "wait") == [
        "note @compose.yaml:1 a cannot wait for a: they wait for each other",
        "note @compose.yaml:2 c cannot wait for a: they wait for each other",
    ]


def test_a_container_that_waits_for_another_ones_end() -> None:
    text = """
        services:
          db: {image: postgres}
          prestart: {build: ./api, command: alembic upgrade head, depends_on: [db]}
          topics: {image: x/topics}
          api:
            build: ./api
            depends_on:
              prestart: {condition: service_completed_successfully}
              topics: {condition: service_completed_successfully}
              db: {condition: service_healthy}
    """
    assert found({"compose.yaml": text}, "migrate", "needs", "note") == [
        'services.api needs ["db"]', "services.api migrate alembic upgrade head",
        "note @compose.yaml:4 topics is left out: it runs once and ends: make it a task, `migrate` of a service, or a "
        "service with once = true",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("env_file", "expected"),
    [
        ("[.env]", ['env env_file [".env"]']),
        ("./api/.env", ['services.api env_file [".env"]']),
        ("[{path: api/extra.env, required: false}]", []),
        ("[{path: config/api.env}]", ['services.api env_file ["../config/api.env"]']),
        ("['./api/${STAGE}.env']", ["note @compose.yaml:4 env_file is made of STAGE, of which no file says a value"]),
        ("[/etc/env]", ["note @compose.yaml:4 an env_file outside of the checkout is not read"]),
    ],
)
def test_which_env_files(env_file: str, expected: list[str]) -> None:
    assert one(f"    build: ./api\n    env_file: {env_file}\n", "env_file") == expected
