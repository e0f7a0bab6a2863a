"""What the command of a container or process does: migrate, serve, work; and what of it says nothing."""

from __future__ import annotations

import pytest

from converge.adoption import commands


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("alembic upgrade head", ["migrate: alembic upgrade head"]),
        ("poetry run python manage.py migrate --noinput", ["migrate: python manage.py migrate --noinput"]),
        ("npx prisma migrate deploy && node a.js", ["migrate: npx prisma migrate deploy", "other: node a.js"]),
        (["sh", "-c", "flask db upgrade; exec flask run"], ["migrate: flask db upgrade", "serve: flask"]),
        (["/bin/bash", "-lc", "npm ci && npm run dev"], ["other: npm run dev"]),
        ("npm run db:migrate", ["migrate: npm run db:migrate"]),
        ("python -m celery -A shop.celery:app worker -l info", ["work+worker: celery shop.celery:app"]),
        ("uv run --frozen celery --app=shop beat", ["work+beat: celery-beat shop"]),
        ("celery -A shop flower", ["work+flower: celery -A shop flower"]),
        ("./wait-for-it.sh db:5432 -t 60 -- uvicorn shop.main:app --reload", ["serve: python shop.main:app"]),
        ("DEBUG=1 exec uvicorn --host 0.0.0.0 shop.asgi:application", ["serve: python shop.asgi:application"]),
        ("uvicorn shop:make --factory", ["other: uvicorn shop:make --factory"]),
        ("gunicorn -w 4 -k uvicorn.workers.UvicornWorker a.b:app", ["serve: python a.b:app"]),
        ("gunicorn config.wsgi --bind 0.0.0.0:8000", ["serve: django"]),
        ("gunicorn shop.wsgi:application", ["serve: django"]),
        ("gunicorn shop:app", ["serve: flask shop:app"]),
        ("python manage.py collectstatic --noinput && python manage.py runserver 0.0.0.0:8000", ["serve: django"]),
        ("sleep 5; echo ready", []),
        ("node -e \"console.log('a b')\"", ["other: node -e 'console.log('\"'\"'a b'\"'\"')'"]),
        ('sh -c "oh', []),
        (["a", None, {"b": 1}], ["other: a"]),
        (None, []),
        ({"a": 1}, []),
    ],
)  # fmt: skip
def test_steps(said: object, expected: list[str]) -> None:
    found = []
    for step in commands.steps(said):
        also = f"+{step.also}" if step.also else ""
        found.append(f"{step.role}{also}: {' '.join(step.keys.values()) or step.text}")
    assert found == expected


def test_a_variable_stays_one() -> None:
    assert [step.text for step in commands.steps('bin/serve --port ${PORT:-80} --name "$A b"')] == [
        'bin/serve --port ${PORT:-80} --name "$A b"'
    ]
