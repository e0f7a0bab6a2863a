"""Python services: an ASGI application in uvicorn, from its own venv."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converge import tools
from converge.operations import dependencies
from facts.ports import HOME
from runtime.component import ServiceComponent
from runtime.platform import Platform
from runtime.services import plain
from runtime.services.debugger import Debugger, missing
from runtime.services.ide import RunConfiguration, environment_file, in_jetbrains, in_vscode, quoted

ready_timeout = plain.ready_timeout
passed: tuple[str, ...] = ()
dialect = "python"
web_front = False
GUARD = Path(__file__).with_name("guarded_debugpy.py")
"""debugpy, for connections of this user alone."""
PLAIN = re.compile(r"\s*(exec\s+)?python3?\s(\S+\s+)*?-m\s*debugpy\s")
"""A command that runs debugpy by the Python of the venv."""
MODULE = re.compile(r"-m\s*debugpy(?=\s)")


def run(platform: Platform, component: ServiceComponent, host: str) -> tuple[str, ...]:
    """uvicorn reloads on a change in its directory and in those of `watch`."""
    service = component.wants
    argv = [str(_python(component)), "-m", "uvicorn", service.app or "", "--reload", "--host", host]
    for directory in (".", *service.watch):
        argv += ["--reload-dir", directory]
    return (*argv, "--port", str(component.port))


def by_hand(component: ServiceComponent) -> str:
    """uvicorn listens where the variables of `ide_environment` say."""
    app = component.wants.app
    return f"exec python -m uvicorn {shlex.quote(app)}" if app else ""


def environment(component: ServiceComponent, placement: str) -> Mapping[str, str]:
    """Its output is not buffered."""
    return {"PYTHONUNBUFFERED": "1"}


native_environment = plain.native_environment


def ide_environment(component: ServiceComponent, host: str) -> Mapping[str, str]:
    """uvicorn also reads its options from these variables."""
    return {"UVICORN_HOST": host, "UVICORN_PORT": str(component.port)}


def path(component: ServiceComponent) -> tuple[Path, ...]:
    """Its venv."""
    return (dependencies.venv(component.instance, component.name) / "bin",)


def test(component: ServiceComponent, report: Path | None) -> tuple[str, ...]:
    """pytest of its venv; its cache directory is not written."""
    more = (f"--junitxml={report}",) if report else ()
    return (str(_python(component)), "-m", "pytest", "-q", "-p", "no:cacheprovider", *more)


leftovers = plain.leftovers


def vscode(component: ServiceComponent, script: str) -> Mapping[str, Any] | None:
    """Its `app`; for an entry with only `dev` the application is not known."""
    if not component.wants.app:
        return None
    return {
        "type": "debugpy", "module": "uvicorn", "args": [component.wants.app],
        "python": in_vscode(_relative_python(component)), "justMyCode": False, "subProcess": True,
    }  # fmt: skip


def jetbrains(component: ServiceComponent) -> RunConfiguration | None:
    """PyCharm's own form of `python -m uvicorn`."""
    if not component.wants.app:
        return None
    options = (
        ("ENV_FILES", quoted(f"$PROJECT_DIR$/{environment_file(component)}")), ("PARENT_ENVS", '"true"'),
        ("SDK_HOME", in_jetbrains(_relative_python(component))), ("IS_MODULE_SDK", '"false"'),
        ("WORKING_DIRECTORY", in_jetbrains(component.wants.path)), ("ADD_CONTENT_ROOTS", '"false"'),
        ("ADD_SOURCE_ROOTS", '"false"'), ("MODULE_MODE", '"true"'), ("SCRIPT_NAME", '"uvicorn"'),
        ("PARAMETERS", quoted(component.wants.app or "")),
    )  # fmt: skip
    body = tuple(f'<option name="{name}" value={value} />' for name, value in options)
    return RunConfiguration("PythonConfigurationType", 'factoryName="Python"', body)


def _python(component: ServiceComponent) -> Path:
    return dependencies.venv(component.instance, component.name) / "bin" / "python"


def _relative_python(component: ServiceComponent) -> str:
    return str(_python(component).relative_to(component.instance.checkout))


def _debugpy(platform: Platform, component: ServiceComponent, host: str, number: int) -> tuple[str, ...]:
    """Without --reload, whose second process would use the same port; breakpoints work in Python's own modules too."""
    if _absent(platform, component):
        raise missing("debugpy", component)
    return (
        str(_python(component)), "-X", "frozen_modules=off", str(GUARD), "--listen", f"{HOME}:{number}",
        "-m", "uvicorn", component.wants.app or "", "--host", host, "--port", str(component.port),
    )  # fmt: skip


def _absent(platform: Platform, component: ServiceComponent) -> bool:
    """Whether neither [tools] nor its venv has debugpy."""
    home = dependencies.venv(component.instance, component.name)
    return not tools.library(platform.loaded, "debugpy") and not any(home.glob("lib/python*/site-packages/debugpy"))


def _lacking(platform: Platform, component: ServiceComponent, text: str) -> bool:
    return bool(PLAIN.match(text)) and _absent(platform, component)


def _guarded_own(number: int, text: str) -> tuple[tuple[str, ...], str]:
    return (), MODULE.sub(lambda _: shlex.quote(str(GUARD)), text)


def _attach_vscode(number: int) -> dict[str, Any]:
    return {"type": "debugpy", "justMyCode": False, "connect": {"host": HOME, "port": number}}


debugger = Debugger(
    name="debugpy", run=_debugpy, attach="Attach to DAP",  # how PyCharm keeps such a configuration is not known
    terminal=lambda _, number: f"any DAP client at {HOME}:{number}",
    library="debugpy", word="debugpy", guarded=_guarded_own, lacking=_lacking, vscode=_attach_vscode,
)  # fmt: skip
