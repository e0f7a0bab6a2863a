"""How a kind describes itself to an IDE: paths and run configurations, in the syntax of the IDE's files."""

from __future__ import annotations

from facts.value import dataclass
from runtime.component import ServiceComponent

VSCODE_ROOT = "${workspaceFolder}"
JETBRAINS_ROOT = "$PROJECT_DIR$"


@dataclass(frozen=True)
class RunConfiguration:
    """A run configuration of an IDE of JetBrains, without its name and the task that runs before it."""

    type: str
    """The attribute `type`."""
    attributes: str
    """More attributes, as XML."""
    body: tuple[str, ...] = ()
    """Its elements, one line each, as XML."""


def in_vscode(path: str) -> str:
    """A path relative to the checkout."""
    return _below(VSCODE_ROOT, path)


def in_jetbrains(path: str) -> str:
    """A path relative to the checkout, as an XML attribute with its quotes."""
    return quoted(_below(JETBRAINS_ROOT, path))


def environment_file(component: ServiceComponent) -> str:
    """Its env file, relative to the checkout."""
    return str(component.instance.environment_file(component.name).relative_to(component.instance.checkout))


def quoted(value: str) -> str:
    """A value as an XML attribute, with its quotes."""
    from xml.sax.saxutils import quoteattr  # saves 4 ms of every start without such an IDE: it imports urllib

    return quoteattr(value)


def _below(root: str, path: str) -> str:
    return root if path in ("", ".") else f"{root}/{path}"
