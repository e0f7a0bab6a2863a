"""Python: the ASGI application, Django, Flask and Celery of each project."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from converge.adoption import found
from converge.adoption.evidence import Claim, Note
from converge.adoption.tree import Tree

PROJECTS = ("pyproject.toml", "requirements.txt", "requirements.lock", "Pipfile", "setup.py", "manage.py")
ASGI = re.compile(
    r"^(\w+)(?:\s*:\s*[\w.\"']+)?\s*=\s*(?:\w+\.)?(FastAPI|Starlette|Litestar|Quart|Sanic)\(", re.MULTILINE
)
FLASK = re.compile(r"^(\w+)(?:\s*:\s*[\w.\"']+)?\s*=\s*(?:\w+\.)?Flask\(", re.MULTILINE)
FACTORY = re.compile(r"^def (create_app|make_app|get_app|app_factory)\((?:[^()]|\([^()]*\))*\)[^:]*:", re.MULTILINE)
CELERY = re.compile(r"^(\w+)(?:\s*:\s*[\w.\"']+)?\s*=\s*(?:celery\.)?Celery\(", re.MULTILINE)
BEAT = re.compile(r"beat_schedule|BEAT_SCHEDULE|django_celery_beat|add_periodic_task")
MAKES = re.compile(r"\b(FastAPI|Starlette|Litestar|Flask|Quart)\(")
ENTRY = re.compile(r"^\[tool\.fastapi\][^\[]*?^entrypoint\s*=\s*[\"']([\w.]+:\w+)[\"']", re.MULTILINE | re.DOTALL)
BETTER = ("main.py", "app.py", "asgi.py", "server.py", "api.py", "wsgi.py", "__init__.py")
"""Files that are preferred where several have an application."""


def read(tree: Tree) -> Iterable[Claim | Note]:
    """Claims of each project in which something is found that runs."""
    projects = sorted({found.folder(path) for path in tree.named(*PROJECTS) if not found.TESTS.search(path)})
    owned: dict[str, list[str]] = {project: [] for project in projects}
    for path in tree.named("*.py"):
        name, place = path.rpartition("/")[2], found.nearest(path, projects)
        if place is not None and not found.TESTS.search(path) and not re.match(r"test_|conftest", name):
            owned[place].append(path)
    for project, paths in owned.items():
        yield from _project(tree, project, sorted(paths, key=_preferred))


def _preferred(path: str) -> tuple[int, int, str]:
    name = path.rpartition("/")[2]
    return path.count("/"), BETTER.index(name) if name in BETTER else len(BETTER), path


def _project(tree: Tree, project: str, paths: list[str]) -> Iterator[Claim | Note]:
    manage = f"{project}/manage.py" if project != "." else "manage.py"
    if manage in paths and "DJANGO_SETTINGS_MODULE" in tree.text(manage):
        yield from _server(project, "django", {}, f"{manage}:1", 8000)
    else:
        yield from _application(tree, project, paths)
    yield from _celery(tree, project, paths)


def _application(tree: Tree, project: str, paths: list[str]) -> Iterator[Claim | Note]:
    declared = f"{project}/pyproject.toml" if project != "." else "pyproject.toml"
    if entry := found.first(tree, [declared], ENTRY):
        yield from _server(project, "python", {"app": entry.groups[0]}, entry.source, 8000)
        return
    for pattern, kind, port in ((ASGI, "python", 8000), (FLASK, "flask", 5000)):
        if match := found.first(tree, paths, pattern):
            app = f"{_module(match.path, project)}:{match.groups[0]}"
            guess = "the first of several applications" if _another(tree, paths, pattern, match) else ""
            yield from _server(project, kind, {"app": app}, match.source, port, guess)
            return
    if (match := found.first(tree, paths, FACTORY)) and (made := MAKES.search(tree.text(match.path))):
        app = f"{_module(match.path, project)}:{match.groups[0]}"
        if made[1] == "Flask":
            yield from _server(project, "flask", {"app": app}, match.source, 5000)
            return
        dev = f"exec uvicorn {app} --factory --reload --host {{host}} --port {{port}}"
        yield from _server(project, "python", {"dev": dev}, match.source, 8000, "its application is made by a function")


def _another(tree: Tree, paths: list[str], pattern: re.Pattern[str], match: found.Match) -> bool:
    return found.first(tree, [path for path in paths if path != match.path], pattern) is not None


def _module(path: str, project: str) -> str:
    """The module as it is imported in the directory of the project."""
    inner = found.within(path, project).removesuffix(".py").removesuffix("/__init__")
    return inner.replace("/", ".")


def _server(
    project: str, kind: str, keys: dict[str, str], source: str, port: int, guess: str = ""
) -> Iterator[Claim | Note]:  # fmt: skip
    yield Claim(table="services", of=project, key="kind", value=kind, source=source)
    for key, value in keys.items():
        yield Claim(table="services", of=project, key=key, value=value, source=source, guess=guess)
    usual = f"the usual port of {'uvicorn' if kind == 'python' else kind}"
    yield Claim(table="services", of=project, key="port", value=port, source=source, guess=usual)


def _celery(tree: Tree, project: str, paths: list[str]) -> Iterator[Claim | Note]:
    match = found.first(tree, paths, CELERY)
    if match is None:
        return
    app = f"{_module(match.path, project)}:{match.groups[0]}"
    kinds = {"worker": "celery", **({"beat": "celery-beat"} if found.first(tree, paths, BEAT) else {})}
    for also, kind in kinds.items():
        for key, value in (("kind", kind), ("app", app)):
            yield Claim(table="services", of=project, also=also, key=key, value=value, source=match.source)
