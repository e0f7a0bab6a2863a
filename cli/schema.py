"""`./dev schema`: the JSON Schema of desired_state.toml, for editors."""

from __future__ import annotations

from cli import render
from cli.context import Context


def run(context: Context) -> int:
    """Print the JSON Schema of desired_state.toml."""
    from converge import schema  # saves 4 ms of --help

    render.document(schema.json_schema())
    return 0
