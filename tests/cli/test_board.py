"""What a start prints without a terminal: progress now and then, what a user must know always."""

from __future__ import annotations

import pytest

from cli.board import NOTICES, Board


@pytest.mark.parametrize("words", [*NOTICES, "ready in Docker", "failed: it ended with 3", "interrupted, stopped"])
def test_what_must_be_known_is_printed_however_soon_it_follows(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Board(["db"]) as board:
        for text in ("starting: one", "starting: two", words, "starting: three"):
            board.event("db", text, 0.1)
    shown = capsys.readouterr().err
    assert "starting: one" in shown and words in shown
    assert "starting: two" not in shown and "starting: three" not in shown, "progress is printed every few seconds"
