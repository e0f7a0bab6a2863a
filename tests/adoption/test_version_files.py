"""A version file gives a pin where it names one whole version of a tool that is known, and nothing else."""

from __future__ import annotations

import pytest

from converge.adoption import version_files


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (".nvmrc", "v24.19.0\n", [("node", "24.19.0", ".nvmrc:1")]),
        ("web/.node-version", "# why\n24.19.0", [("node", "24.19.0", "web/.node-version:2")]),
        (".nvmrc", "lts/*\n", []),
        (".python-version", "3.11\n", []),
        (".python-version", "3.11.9\r\n", [("python", "3.11.9", ".python-version:1")]),
        (
            ".tool-versions",
            "nodejs 24.19.0\n\ngolang 1.25.4 1.24.0 # two\nelixir 1.17.0\npython\n",
            [("node", "24.19.0", ".tool-versions:1"), ("go", "1.25.4", ".tool-versions:3")],
        ),
        ("README.md", "1.2.3\n", []),
        (".nvmrc", "", []),
    ],
)
def test_only_a_whole_version_of_a_known_tool_is_a_pin(
    path: str, content: str, expected: list[tuple[str, str, str]]
) -> None:
    assert [(tool.name, tool.version, tool.source) for tool in version_files.tools(path, content)] == expected
