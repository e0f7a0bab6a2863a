"""Python: the web application, Django and Celery of each project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from converge.adoption import applications, found
from converge.adoption.applications import Application
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree

PROJECTS = ("pyproject.toml", "requirements.txt", "requirements.lock", "Pipfile", "setup.py", "manage.py")
CELERY = re.compile(r"^(\w+)(?:\s*:\s*[\w.\"']+)?\s*=\s*(?:celery\.)?Celery\(", re.MULTILINE)
BEAT = re.compile(r"beat_schedule|BEAT_SCHEDULE|django_celery_beat|add_periodic_task")
TEST = re.compile(r"(^|/)(test_|conftest)[^/]*$")
BETTER = ("main.py", "app.py", "asgi.py", "server.py", "api.py", "wsgi.py", "__init__.py")
"""Files that are preferred where several have an application."""


def read(tree: Tree) -> Iterable[Claim | Note]:
    """Claims of each project in which something is found that runs."""
    projects = sorted({found.folder(path) for path in tree.named(*PROJECTS) if not found.TESTS.search(path)})
    modules = [path for path in tree.named("*.py") if not found.TESTS.search(path) and not TEST.search(path)]
    for project, paths in found.owned(modules, projects).items():
        yield from _project(tree, project, sorted(paths, key=_preferred))


def _preferred(path: str) -> tuple[int, int, str]:
    name = path.rpartition("/")[2]
    return path.count("/"), BETTER.index(name) if name in BETTER else len(BETTER), path


def _project(tree: Tree, project: str, paths: list[str]) -> Iterator[Claim | Note]:
    manage = f"{project}/manage.py" if project != "." else "manage.py"
    if manage in paths and "DJANGO_SETTINGS_MODULE" in tree.text(manage):
        yield from _server(project, Application(kind="django", source=f"{manage}:1", port=8000))
    elif served := applications.of(tree, project, paths):
        yield from _server(project, served)
    yield from _celery(tree, project, paths)


def _server(project: str, served: Application) -> Iterator[Claim | Note]:
    source = served.source
    yield Claim(table="services", of=project, key="kind", value=served.kind, source=source)
    for key, value in served.keys.items():
        yield Claim(table="services", of=project, key=key, value=value, source=source, guess=served.guess)
    usual = f"the usual port of {'uvicorn' if served.kind == 'python' else served.kind}"
    guess = "" if served.said_port else usual
    yield Claim(table="services", of=project, key="port", value=served.port, source=source, guess=guess)


def _celery(tree: Tree, project: str, paths: list[str]) -> Iterator[Claim | Note]:
    match = found.first(tree, paths, CELERY, "Celery(")
    if match is None:
        return
    app = f"{applications.module(match.path, project)}:{match.groups[0]}"
    kinds = {"worker": "celery", **({"beat": "celery-beat"} if found.first(tree, paths, BEAT) else {})}
    for also, kind in kinds.items():
        for key, value in (("kind", kind), ("app", app)):
            yield Claim(table="services", of=project, also=also, key=key, value=value, source=match.source)
