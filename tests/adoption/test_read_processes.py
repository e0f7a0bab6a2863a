"""Each line of a Procfile is a component, a migration, or a note."""

from __future__ import annotations

import pytest

from converge.adoption.readers import procfile
from tests.adoption.given import said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web: uvicorn shop.main:app --port $PORT\n", [
            "services.. kind python @Procfile:1", "services.. app shop.main:app @Procfile:1"]),
        ("web: bundle exec puma -p ${PORT:-3000}\n", ["services.. dev exec bundle exec puma -p {port} @Procfile:1"]),
        ("release: python manage.py migrate\nweb: gunicorn shop.wsgi\n", [
            "services.. migrate python manage.py migrate @Procfile:1", "services.. kind django @Procfile:2 ?"]),
        ("worker: celery -A shop worker\nbeat: celery -A shop beat\n", [
            "services..+worker kind celery @Procfile:1", "services..+worker app shop @Procfile:1",
            "services..+worker name worker @Procfile:1",
            "services..+beat kind celery-beat @Procfile:2", "services..+beat app shop @Procfile:2",
            "services..+beat name beat @Procfile:2"]),
        ("web: node a.js\nclock: node b.js\n", [
            "services.. dev exec node a.js @Procfile:1",
            "services..+clock name clock @Procfile:2", "services..+clock dev exec node b.js @Procfile:2"]),
        ("api: cd api && npm run dev\nweb: cd gone && npm start\n", [
            "services.api dev exec npm run dev @Procfile:1",
            "note @Procfile:2 the directory gone is not in the repository"]),
        ("# a comment\n\nwhat is this\nrelease: ./prepare\n", [
            "note @Procfile:3 the line does not start a process",
            "note @Procfile:4 what release does before a release is not understood"]),
    ],
)  # fmt: skip
def test_processes(text: str, expected: list[str]) -> None:
    assert said(procfile.read, {"Procfile": text, "api/a.js": "", "a.py": ""}) == expected


def test_the_file_for_development_counts() -> None:
    files = {"Procfile": "web: puma\n", "Procfile.dev": "web: node dev.js\n", "a/b/c/Procfile": "web: x\n"}
    assert said(procfile.read, files) == ["services.. dev exec node dev.js @Procfile.dev:1"]
