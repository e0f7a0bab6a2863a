"""What the source of a service says: which of several applications is served, by what, and on which port."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from converge.adoption import unsaid
from converge.adoption.evidence import Reader
from converge.adoption.readers import compose, go, node, others, python
from tests.adoption.given import Given, said

FASTAPI = "from fastapi import FastAPI\n"
LIBRARY = '{"main": "i.js", "files": ["i.js"], "scripts": {"dev": "vite"}, "devDependencies": {"vite": "6"}}'
EXPRESS = '{"scripts": {"start": "node s.js"}, "dependencies": {"express": "4"}}'
GO = "package main\n\nfunc main() {\n"


@pytest.mark.parametrize(
    ("read", "files", "lines"),
    [
        (python.read, {"a/pyproject.toml": "", "a/b/app.py": FASTAPI + "x = 1\napi: FastAPI = FastAPI()"},
         ["services.a kind python @a/b/app.py:3", "services.a app b.app:api @a/b/app.py:3",
          "services.a port 8000 @a/b/app.py:3 ?"]),
        (python.read, {"pyproject.toml": 'x = "uvicorn shop.web:app --reload --port 8123"', "shop/web.py": "",
                       "main.py": "app = FastAPI()"},
         ["services.. kind python @pyproject.toml:1", "services.. app shop.web:app @pyproject.toml:1",
          "services.. port 8123 @pyproject.toml:1"]),
        (python.read, {"pyproject.toml": 'x = "uvicorn elsewhere:app"', "main.py": "app = FastAPI()"},
         ["services.. kind python @main.py:1", "services.. app main:app @main.py:1",
          "services.. port 8000 @main.py:1 ?"]),
        (python.read, {"requirements.txt": "", "shop/app.py": FASTAPI + "app = create_app()\n",
                       "shop/inner/other.py": "app = FastAPI()"},
         ["services.. kind python @shop/app.py:2", "services.. app shop.app:app @shop/app.py:2 ?",
          "services.. port 8000 @shop/app.py:2 ?"]),
        (python.read, {"requirements.txt": "", "wsgi.py": "from flask import Flask\napp = make_app()"},
         ["services.. kind flask @wsgi.py:2", "services.. app wsgi:app @wsgi.py:2 ?",
          "services.. port 5000 @wsgi.py:2 ?"]),
        (python.read, {"requirements.txt": "", "app.py": "def create_app(x=f()) -> FastAPI:\n    return FastAPI()"},
         ["services.. kind python @app.py:1",
          "services.. dev exec uvicorn app:create_app --factory --reload --host {host} --port {port} @app.py:1 ?",
          "services.. port 8000 @app.py:1 ?"]),
        (python.read, {"requirements.txt": "", "tests/app.py": "app = FastAPI()", "test_x.py": "app = FastAPI()"}, []),
        (node.read, {"ui/package.json": LIBRARY}, []),
        (node.read, {"package.json": EXPRESS, "s.js": "app.listen(process.env.PORT ?? 4100)"},
         ["services.. kind node @package.json:1", "services.. dev exec npm run start @package.json:1",
          "services.. port 4100 @s.js:1"]),
        (node.read, {"package.json": '{"devDependencies": {"vite": "7"}, "scripts": {"dev": "vite build -w"}}'}, []),
        (node.read, {"package.json": '{"devDependencies": {"vite": "7"}, "scripts": {"dev": "email dev -p 3456"}}'},
         ["services.. kind node @package.json:1", "services.. port 3456 @package.json:1"]),
        (go.read, {"go.mod": "", "cmd/api/main.go": GO + 'http.ListenAndServe(":9090", nil)\n}',
                   "cmd/gen/main.go": GO + "}"},
         ["services.. kind go @cmd/api/main.go:3", "services.. main ./cmd/api @cmd/api/main.go:3",
          "services.. port 9090 @cmd/api/main.go:4 ?",
          "note @cmd/gen/main.go:3 a Go program that seems to be no service"]),
        (go.read, {"go.mod": "", "m.go": GO.replace("func", 'import "github.com/gin-gonic/gin"\nfunc') + "r.Run()\n}"},
         ["services.. kind go @m.go:4", "services.. port 8080 @m.go:3 ?"]),
        (others.read, {"a/Cargo.toml": '[dependencies]\naxum = "0.8"', "a/src/main.rs": 'bind("0.0.0.0:3210")'},
         ["services.a kind rust @a/Cargo.toml:2", "services.a port 3210 @a/src/main.rs:1 ?"]),
        (others.read, {"a/Cargo.toml": '[dependencies]\nserde = "1"'}, []),
        (others.read, {"build.gradle.kts": 'id("org.springframework.boot")'}, []),
        (others.read, {"build.gradle.kts": 'id("org.springframework.boot")', "gradlew": ""},
         ["services.. kind command @build.gradle.kts:1", "services.. dev exec ./gradlew bootRun @build.gradle.kts:1 ?",
          "services.. port 8080 @build.gradle.kts:1 ?", "services.. env.SERVER_PORT {port} @build.gradle.kts:1 ?"]),
    ],
)  # fmt: skip
def test_what_code_says(read: Reader, files: Mapping[str, str], lines: list[str]) -> None:
    assert said(read, files) == lines


BUILT = "services:\n  a:\n    build: a\n"


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        ({"a/requirements.txt": "", "a/x.py": "", "a/Dockerfile": "FROM x\nEXPOSE 80/tcp\nCMD python x.py 2>&1"},
         ["kind python @a/Dockerfile:3", "dev exec python x.py @a/Dockerfile:3 ?", "reload true @a/Dockerfile:3 ?",
          "port 80 @a/Dockerfile:3 ?"]),
        ({"a/requirements.txt": "", "a/y.py": "", "a/Dockerfile": "FROM x\nCMD python x.py"}, []),
        ({"a/package.json": "{}", "a/s.js": "",
          "compose.yaml": f"{BUILT}    command: nodemon --inspect=0.0.0.0 s.js\n"},
         ["kind node @compose.yaml:4", "dev exec node --watch s.js @compose.yaml:4 ?"]),
        ({"a/package.json": "{}", "a/s.js": "", "a/Dockerfile": 'FROM x\nCMD ["no"]\nFROM y\nENTRYPOINT [ "node" ]\n'
          'CMD ["s.js"]'},
         ["kind node @a/Dockerfile:4", "dev exec node s.js @a/Dockerfile:4 ?", "reload true @a/Dockerfile:4 ?"]),
        ({"a/W.csproj": "<P>\n<OutputType>Exe", "a/P.cs": ""}, ["dev exec dotnet watch run @a/W.csproj:2 ?"]),
        ({"a/main.rb": "", "a/Dockerfile": "FROM x\nCMD ruby main.rb"}, []),
        ({"a/Gemfile": "", "a/Dockerfile": 'FROM x\nENTRYPOINT ["bundle", "exec", "ruby", "main.rb"]'},
         ["kind command @a/Dockerfile:2", "dev exec bundle exec ruby main.rb @a/Dockerfile:2 ?",
          "reload true @a/Dockerfile:2 ?"]),
        ({"a/package.json": "{}", "a/i.js": "", "a/Dockerfile": 'FROM g.io/distroless/nodejs22\nCMD ["i.js"]'},
         ["kind node @a/Dockerfile:1", "dev exec node i.js @a/Dockerfile:1 ?", "reload true @a/Dockerfile:1 ?"]),
        ({"a/requirements.txt": "", "a/m.py": "",
          "a/Dockerfile": 'FROM x\nENTRYPOINT ["/venv/bin/opentelemetry-instrument", "/venv/bin/python", "m.py"]'},
         ["kind python @a/Dockerfile:2", "dev exec python m.py @a/Dockerfile:2 ?", "reload true @a/Dockerfile:2 ?"]),
    ],
)  # fmt: skip
def test_the_command_of_a_container_counts_where_nothing_else_is_known(
    files: Mapping[str, str], lines: list[str]
) -> None:
    def read(tree: Given) -> object:
        return unsaid.read(tree, list(compose.read(tree)))

    assert said(read, {"compose.yaml": BUILT, **files}) == [f"services.a {line}" for line in lines]
