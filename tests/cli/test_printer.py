"""No text of a stranger acts on a terminal: every value that commands show is built from hostile text and shown."""

from __future__ import annotations

import collections.abc
import contextlib
import dataclasses
import importlib
import io
import json
import os
import pkgutil
import re
import sys
import threading
import types
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

import facts
from cli import doctor, handoff, lines, progress, render, status
from cli import facts as facts_command
from cli.board import Board
from cli.testing import report as suites
from cli.testing.suite import Suite
from converge.apply import Event
from converge.errors import DevError
from converge.report import Report
from facts import terminal
from runtime.editors import Written
from runtime.handoff.handoff import Moved
from runtime.handoff.record import Record
from runtime.logs.lines import Line
from runtime.status import Status

OURS = re.compile("\x1b\\[(?:0|1|2|3[1-6]|1;3[1-6])m")
ANY_COLOUR = re.compile("\x1b\\[[0-9;:]*m")
OWN_PICTURE = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
"""Format characters that are seen: signs of Arabic, Syriac and Kaithi."""
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of Unicode: control, format, surrogate, line and paragraph separator."""
TRICKS = (
    "\x1b]0;title\x07", "\x1b]8;;http://evil.test\x1b\\link\x1b]8;;\x1b\\", "\x1b]52;c;ZXZpbA==\x07", "\x1b[2J\x1b[H",
    "\x1b[31m", "\x1b[8mhidden", "\x1bP+q544e\x1b\\", "\x1b", "\x1b[", "\x9b2J", "\x9d0;t\x9c", "\x1b\x1b[0m[31m", "\r",
    "\b\b\b", "\x07", "\0", "\x7f", "\x85", "\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\u2029", "\U000e0041",
    "\udc9b2J", "\ud83d", "\u3164", "[red]", "[/]", "[link=file:///etc]", "[/nothing]", ":smile:", "{0}%s", "\n", "\t",
    "error[bug]: ", "wörter", "\u4e2d\u6587",
)  # fmt: skip
TEXT = st.lists(st.sampled_from(TRICKS) | st.text(st.characters(exclude_categories=()), max_size=3), max_size=5).map(
    "".join
)
GENTLE = settings(max_examples=25, suppress_health_check=list(HealthCheck))


class Tty(io.TextIOWrapper):
    """A terminal that keeps what is written to it."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding, "backslashreplace", newline="\n", write_through=True)

    def isatty(self) -> bool:
        return True

    def shown(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


def hostile(kind: Any) -> st.SearchStrategy[Any]:
    """Values of the type, with hostile text wherever text may be; of a dataclass, with each of its fields."""
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind, vars(sys.modules[kind.__module__]))
        return st.builds(kind, **{f.name: hostile(hints[f.name]) for f in dataclasses.fields(kind) if f.init})
    if kind is DevError:
        return st.builds(DevError, TEXT, TEXT, because=TEXT, hint=TEXT, source=TEXT)
    if origin is Literal:
        return st.sampled_from(inner)
    if origin in (Union, types.UnionType):
        return st.one_of(*map(hostile, inner))
    if origin is tuple:
        several = st.lists(hostile(inner[0]), max_size=2).map(tuple)
        return several if inner[-1] is ... else st.tuples(*map(hostile, inner))
    if origin in (dict, collections.abc.Mapping):
        return st.dictionaries(*map(hostile, inner), max_size=2)
    if origin in (list, collections.abc.Sequence, frozenset, set):
        return st.lists(hostile(inner[0]), max_size=2).map(origin if origin in (frozenset, set) else list)
    if origin is collections.abc.Callable:
        return st.just(dict)
    simple = {int: st.integers(0, 99), float: st.floats(0, 99), bool: st.booleans(), types.NoneType: st.none()}
    return simple.get(kind, TEXT)


@contextlib.contextmanager
def terminals(encoding: str = "utf-8") -> Iterator[tuple[Tty, Tty]]:
    """Terminals in the place of both streams."""
    out, err = Tty(encoding), Tty(encoding)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err


def harmless(shown: str, colours: re.Pattern[str] = OURS) -> bool:
    """Whether nothing but colours acts on a terminal, and nothing is hidden or turned round."""
    rest = OWN_PICTURE.sub("", colours.sub("", shown))
    acts = [sign for sign in rest if unicodedata.category(sign) in UNSEEN and sign not in "\n\t"]
    assert acts == [] and not re.search("[\u115f\u1160\u3164\uffa0]", rest), ascii(shown)
    return True


def found_on_machine() -> list[type]:
    """Every kind of fact."""
    modules = [importlib.import_module(f"facts.{each.name}") for each in pkgutil.iter_modules(facts.__path__)]
    return sorted(
        {
            value for module in modules for value in vars(module).values()
            if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__.startswith("facts.")
            and value.__name__ not in ("Probe", "Seen")
        },
        key=lambda each: (each.__module__, each.__name__),
    )  # fmt: skip


def _board(texts: list[tuple[str, str]]) -> None:
    with Board([name for name, _ in texts]) as board:
        board._shown = True  # as after a while
        for name, text in texts:
            board.event(name, text, 1)
            board._line(name, text, 1)
    from rich.console import Console

    console = Console(file=io.StringIO(), width=60)
    console.print(board._table())
    console.file.seek(0)
    for line in console.file:  # rich begins its own sequences after the text went through the filter
        harmless(line, ANY_COLOUR)


def _error(problem: DevError) -> None:
    render.error(problem)
    for line in sys.stderr.shown().splitlines()[1:]:  # type: ignore[attr-defined]
        assert re.match(r"  because |\x1b\[36mhint:|    ", line), "no line of others passes for one of ours"


SHOWN: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "error": (DevError, _error),
    "status": (Status, status.show),
    "report": (Report, doctor.show),
    "event": (Event, progress.listen),
    "moved": (Moved, lambda value: handoff._tell(dataclasses.replace(value, placement="ide"))),
    "written": (Written, handoff.tell_ide),
    "record": (list[Record], lambda value: handoff._show(value, None, False)),
    "suites": (list[Suite], lambda value: suites.show(value, False)),
    "board": (list[tuple[str, str]], _board),
    "message": (str, lambda value: render.say(value, "yellow")),
    "styled": (str, lambda value: render.out(f"{render.style(value, 'bold', 'red')} {value}")),
    "bug": (str, lambda value: render._trace(ValueError, ValueError(value), None)),
}


@pytest.mark.parametrize("name", SHOWN)
@settings(GENTLE)
@given(data=st.data())
def test_what_a_command_shows_is_harmless(name: str, data: st.DataObject) -> None:
    kind, show = SHOWN[name]
    value, encoding = data.draw(hostile(kind)), data.draw(st.sampled_from(["utf-8", "ascii", "latin-1"]))
    with terminals(encoding) as (out, err):
        show(value)
    assert harmless(out.shown()) and harmless(err.shown())
    assert len(out.shown()) + len(err.shown()) < 20 * len(repr(value)) + 2000


@settings(GENTLE)
@given(st.data())
def test_every_kind_of_fact_is_shown_harmlessly(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(found_on_machine()))
    value = facts_command.plain(data.draw(hostile(kind)))
    with terminals() as (out, _):
        facts_command._show({data.draw(TEXT): value, "x": data.draw(TEXT)})
    assert harmless(out.shown())


@settings(GENTLE)
@given(st.recursive(TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner), max_leaves=5))
def test_a_document_is_harmless_and_means_the_same(value: Any) -> None:
    with terminals() as (out, _):
        render.document(value)
    assert harmless(out.shown()) and json.loads(out.shown()) == json.loads(json.dumps(value))


@settings(GENTLE)
@given(TEXT, st.sampled_from(["people", "text", "json"]), st.booleans())
def test_a_log_keeps_its_colours_alone(said: str, form: lines.Form, looked_at: bool) -> None:
    record = json.dumps({"level": said, "msg": said, said: said, "stack": f"{said}\n{said}"})
    with terminals() as (out, _):
        printer = lines.printer(["orders"], form, looked_at, None)
        for text in (said.replace("\n", ""), record):
            render.out(printer.text(Line("2026-11-25T17:02:27.377Z", "orders", text)) or "", colours=True)
    assert harmless(out.shown(), ANY_COLOUR)


def test_joined_letters_stay_joined_in_a_log() -> None:
    for text in ("\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\U0001f469\u200d\U0001f4bb"):
        assert terminal.shown(text) == text


def test_nobody_elses_text_passes_for_a_style_of_ours() -> None:
    with terminals() as (out, _):
        render.out("\x1b[31mred\x1b[0m " + render.style("ours", "red") + " \x1b[12345;31mred")
    assert out.shown() == "red \x1b[31mours\x1b[0m red\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\x1b]0;t\x07", "␛]0;t␇"),
        ("a\u202eb", "a\\u202eb"),
        (os.fsdecode(b"\x9b2J"), "\\x9b2J"),
        ("\x9b2J", "\\x9b2J"),
        ("\U000e0041", "\\U000e0041"),
        ("a\tb\nc\r", "a\tb\nc␍"),
        ("grün\u00a0中文 ✓", "grün\u00a0中文 ✓"),
    ],
)
def test_what_was_there_is_seen(text: str, wanted: str) -> None:
    assert terminal.visible(text) == wanted == terminal.visible(wanted)


def test_a_crash_in_a_thread_is_printed_by_the_printer() -> None:
    hooks = sys.excepthook, sys.unraisablehook, threading.excepthook

    def broken() -> None:
        raise ValueError("\x1b]0;t\x07")

    with terminals() as (_, err):
        try:
            render.prepare()
            thread = threading.Thread(target=broken)
            thread.start()
            thread.join()
        finally:
            sys.excepthook, sys.unraisablehook, threading.excepthook = hooks
    assert harmless(err.shown()) and "ValueError: ␛]0;t␇" in err.shown()
