"""No word of a component is lost: what it says is in its log, is found again, and reaches a terminal harmlessly."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from cli import render, status
from cli.lines import printer
from converge.desired import Service
from converge.errors import DevError
from converge.instance import Instance
from facts import terminal
from runtime.component import Component, ServiceComponent
from runtime.logs import last, reader, structured, tail, times, writer
from runtime.logs.lines import Line
from runtime.logs.recording import Recording
from runtime.logs.writer import Writer
from tests.conftest import TOOL, Checkout, wait_until

NOW = datetime(2026, 11, 25, 17, 30, tzinfo=UTC)


@pytest.fixture
def talks(tmp_path: Path) -> Component:
    """A component whose log has a directory."""
    component = ServiceComponent("talks", Service(kind="command"), Instance(tmp_path, "talkers"))
    component.log.parent.mkdir(parents=True)
    return component


def kept(component: Component, since: str = "", until: str = "") -> list[Line]:
    return list(reader.kept(reader.readers([component]), since, until))


def texts(lines: list[Line]) -> list[str]:
    return [line.text for line in lines]


def followed(readers: list[reader.Reader]) -> list[Line]:
    """What is there to be followed now: until a look finds nothing."""
    found: list[Line] = []
    for lines in islice(reader.follow(readers), 1000):
        if not lines:
            return found
        found += lines
    raise AssertionError("it does not end")


SAID = {
    "progress bars": b"  0%\r 50%\r100%\n",
    "Windows": b"one\r\ntwo\r\r\n",
    "form feed, vertical tab": b"a\x0cb\x0bc\n",
    "next line, line separator": "a\x85b\u2028c\u2029d\n".encode(),
    "file and group separators": b"a\x1cb\x1dc\x1ed\n",
    "no UTF-8": b"\xff\xfe latin \xe9\n\x80\n",
    "NUL": b"a\0b\n\0\n",
    "empty lines": b"\n\n\r\n",
    "what looks like rows of ours": b"2026-01-01T00:00:00.000Z | a\n2026-01-01T00:00:00.000Z = after 3 rows, 3 bytes\n",
    "a very long line": "zwölf Monde ".encode() * 20_000 + b"\n",
    "no line feed at the end": "first\nPasswort für mich: ".encode(),
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
@pytest.mark.parametrize("step", [1, 1000, 1 << 20], ids=["in bytes", "in blocks", "at once"])
def test_every_byte_between_two_line_feeds_is_shown(talks: Component, said: bytes, step: int) -> None:
    if step == 1 and len(said) > 1000:
        said = said[:3000] + b"\n"
    talker = Writer(str(talks.log))
    for at in range(0, len(said), step):
        talker.take(said[at : at + step])
    talker.end()
    wanted = said.decode("utf-8", "replace").split("\n")
    wanted = [text.removesuffix("\r") for text in (wanted[:-1] if not wanted[-1] else wanted)]
    assert texts(kept(talks)) == wanted


def test_a_prompt_is_shown_after_silence_and_goes_on_where_it_ended(
    talks: Component, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    talker = Writer(str(talks.log))
    talker.take(b"begins\nGo on? ")
    assert 0 < talker.tend() <= writer.SILENCE and texts(kept(talks)) == ["begins"]
    monkeypatch.setattr(time, "monotonic", lambda: now + writer.SILENCE)
    talker.tend()
    (follower,) = readers = reader.readers([talks])
    shown = list(reader.kept(readers))
    assert texts(shown) == ["begins", "Go on? "] and [line.ended for line in shown] == [True, False]
    talker.say("a line of ours between")
    talker.take(b"yes\r\nnext\n")
    assert texts(kept(talks)) == ["begins", "a line of ours between", "Go on? yes", "next"]
    assert [(line.begun, line.text) for line in followed(readers)] == [
        ("", "a line of ours between"), ("Go on? ", "yes"), ("", "next"),
    ]  # fmt: skip
    follower.close()


@pytest.mark.parametrize("pause", [0.1, 0.45])
def test_dots_without_a_line_feed_are_shown_although_more_come(
    talks: Component, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    talker, clock = Writer(str(talks.log)), time.monotonic
    for at in range(30):
        monkeypatch.setattr(time, "monotonic", lambda at=at: clock() + at * pause)
        talker.take(b".")
        talker.tend()
    assert len(texts(kept(talks))[0]) > 30 - writer.LINE_TIMEOUT / pause - 2
    talker.end()
    assert texts(kept(talks)) == ["." * 30]


BURST = [f"line {at} of a burst" for at in range(20_000)]


def burst(talker: Writer, first: int, lines: int) -> None:
    for at in range(first, first + lines, 50):
        talker.take(b"".join(text.encode() + b"\n" for text in BURST[at : at + 50]))


def test_a_burst_is_followed_while_it_goes_on(talks: Component) -> None:
    talker = Writer(str(talks.log), largest=40_000)
    readers = reader.readers([talks])
    assert list(reader.kept(readers)) == []
    thread = threading.Thread(target=burst, args=(talker, 0, len(BURST)))
    thread.start()
    found: list[Line] = []
    for lines in reader.follow(readers, thread.is_alive):
        found += lines
    thread.join()
    assert texts(found + followed(readers)) == BURST


def test_more_rotations_than_files_stay_are_followed(talks: Component) -> None:
    talker = Writer(str(talks.log), largest=4_000)
    readers = reader.readers([talks])
    assert list(reader.kept(readers)) == []
    found: list[Line] = []

    def talk() -> bool:
        """Say the next 1000 lines, over ten rotations, when those before were followed."""
        if len(found) % 1000 == 0 and len(found) < len(BURST):
            burst(talker, len(found), 1000)
        return len(found) < len(BURST)

    for lines in reader.follow(readers, talk):
        found += lines
    assert texts(found) == BURST


def test_lines_that_were_rotated_away_are_counted_in_one_line(talks: Component) -> None:
    talker, lines = Writer(str(talks.log), largest=2_000), 20_000
    talker.take(b"before\n")
    readers = reader.readers([talks])
    list(reader.kept(readers))
    for at in range(lines):
        talker.take(b"line %d\n" % at)
    found = texts(followed(readers))
    missed = [text for text in found if "rotated away" in text]
    assert len(missed) == 1 and int(missed[0].split()[0]) == lines - (len(found) - 1) > 1000
    assert found[-1] == f"line {lines - 1}"
    files = len(list(talks.log.parent.iterdir()))
    assert files == writer.MOST + 1
    for path in talks.log.parent.iterdir():
        os.utime(path, (1, 1))
    talker.tend()
    assert len(list(talks.log.parent.iterdir())) == writer.KEPT + 1


def test_two_writers_rotate_one_log_without_loss(talks: Component) -> None:
    one, two = Writer(str(talks.log), largest=5_000), Writer(str(talks.log), "m", largest=5_000)
    for at in range(2_000):
        one.take(b"one %d\n" % at)
        two.take(b"two %d\n" % at)
        if at == 1_000:
            readers = reader.readers([talks])
            begun = list(reader.kept(readers))
    found = followed(readers)
    for name, stream in (("one", "output"), ("two", "migrate")):
        mine = [line.text for line in [*begun, *found] if line.stream == stream]
        assert mine[-1] == f"{name} 1999" and mine == [f"{name} {at}" for at in range(2_000 - len(mine), 2_000)]


def removed(log: Path) -> None:
    log.unlink()


def replaced(log: Path) -> None:
    log.with_name("other").write_text("")
    log.with_name("other").replace(log)


def emptied(log: Path) -> None:
    os.truncate(log, 0)


def directory_gone(log: Path) -> None:
    log.unlink()
    log.parent.rmdir()


@pytest.mark.parametrize("harm", [removed, replaced, emptied, directory_gone])
@pytest.mark.parametrize("busy", [True, False], ids=["busy", "quiet"])
def test_a_log_that_somebody_takes_away_is_opened_again(
    talks: Component, harm: Callable[[Path], None], busy: bool
) -> None:
    talker = Writer(str(talks.log))
    talker.take(b"before\n")
    readers = reader.readers([talks])
    assert texts(list(reader.kept(readers))) == ["before"]
    harm(talks.log)
    if not busy:
        assert talker.tend() < 2
        assert talks.log.exists()
    talker.take(b"after\n")
    assert texts(kept(talks)) == ["after"]
    assert texts(followed(readers)) == ["after"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_lines_for_which_there_was_no_room_are_counted(talks: Component) -> None:
    talks.log.symlink_to("/dev/full")
    talker = Writer(str(talks.log))
    talker.take(b"one\ntwo\n")
    talker.take(b"three\n")
    talks.log.unlink()
    talker.take(b"four\n")
    assert texts(kept(talks)) == ["3 lines were lost: they could not be written", "four"]


def test_a_full_pipe_in_the_place_of_a_log_is_not_waited_for(talks: Component) -> None:
    os.mkfifo(talks.log)
    talker = Writer(str(talks.log))
    for _ in range(64):
        talker.take(b"x" * 9_999 + b"\n")  # ten times what a pipe holds
    talks.log.unlink()
    talker.take(b"said\n")
    assert b"lines were lost" in talks.log.read_bytes() and talks.log.read_bytes().endswith(b"| said\n")


def test_half_a_row_of_a_killed_writer_takes_no_other_with_it(talks: Component) -> None:
    talks.log.write_bytes(b"2026-01-01T00:00:00.000Z | whole\n2026-01-01T00:00:00.000Z | ha")
    Writer(str(talks.log)).take(b"next\n")
    assert texts(kept(talks)) == ["whole", "ha", "next"]


def test_a_clock_that_is_set_back_hides_nothing(talks: Component) -> None:
    rows = ("12:00:00.000Z | one", "12:00:01.000Z | two", "11:00:00.000Z | back", "11:00:01.000Z | on")
    talks.log.write_text("".join(f"2026-11-25T{row}\n" for row in rows[:2]))
    readers = reader.readers([talks])
    assert texts(list(reader.kept(readers))) == ["one", "two"]
    with talks.log.open("a") as file:
        file.write("".join(f"2026-11-25T{row}\n" for row in rows[2:]))
    assert texts(followed(readers)) == ["back", "on"]
    assert texts(kept(talks)) == ["one", "two", "back", "on"]
    assert texts(kept(talks, since="2026-11-25T11:30:00.000Z")) == ["one", "two", "back", "on"]
    assert texts(kept(talks, until="2026-11-25T12:00:00.000Z")) == ["one"]
    assert status.age(-86_400) == "0 s"


STAMPS = {
    "2026-11-25T17:02:27.377Z": "2026-11-25T17:02:27.377Z",
    "2026-11-25T17:02:27.377123456Z": "2026-11-25T17:02:27.377Z",
    "2026-11-25t17:02:27,377z": "2026-11-25T17:02:27.377Z",
    "17:02:27.377": "2026-11-25T17:02:27.377Z",
    "17:02:27": "2026-11-25T17:02:27.000Z",
    "17:02": "2026-11-25T17:02:00.000Z",
    "23:59:59": "2026-11-24T23:59:59.000Z",
    "2026-11-25T18:02:27+01:00": "2026-11-25T17:02:27.000Z",
    "2026-11-25 18:02:27 +0100": "2026-11-25T17:02:27.000Z",
    "2026-11-25T11:32:27-05:30": "2026-11-25T17:02:27.000Z",
    "18:02+01": "2026-11-25T17:02:00.000Z",
    "2026-11-25 17:02:27": "2026-11-25T17:02:27.000Z",
    "2026-11-25T17": "2026-11-25T17:00:00.000Z",
    "2026-11-25": "2026-11-25T00:00:00.000Z",
    "2999-01-01": "2999-01-01T00:00:00.000Z",
    "90s": "2026-11-25T17:28:30.000Z",
    "1h30m": "2026-11-25T16:00:00.000Z",
    "1h 30min ago": "2026-11-25T16:00:00.000Z",
    "2d": "2026-11-23T17:30:00.000Z",
    "1.5h": "2026-11-25T16:00:00.000Z",
    "250ms": "2026-11-25T17:29:59.750Z",
    "9999999999d": "0001-01-01T00:00:00.000Z",
    "999999w": "0001-01-01T00:00:00.000Z",
}


@pytest.mark.parametrize(("text", "stamp"), STAMPS.items())
def test_since_takes_what_logs_print_and_ages(text: str, stamp: str) -> None:
    assert times.since(text, NOW) == stamp


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("17:02", "17:02:59.999Z"),
        ("17:02:27", "17:02:27.999Z"),
        ("17:02:27.377", "17:02:27.377Z"),
        ("30m", "17:00:00.000Z"),
    ],
)
def test_until_includes_the_unit_that_is_given(text: str, stamp: str) -> None:
    assert times.until(text, NOW) == f"2026-11-25T{stamp}"


@pytest.mark.parametrize(
    "text",
    ["", "soon", "x", "12", "-5m", "5", "25:00", "2026-13-01", "2026-11-25T17:02:27+99:00", "1h30", "5 moons", "::"],
)
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(DevError) as refused:
        times.since(text, NOW)
    assert "--since 17:02:27" in refused.value.hint and "1h30m" in refused.value.hint


SEQUENCES = {
    "clear the screen": ("\x1b[2J\x1b[Hhello\x1b[K", "hello"),
    "reset": ("\x1bchello\x1b7\x1b8", "hello"),
    "title": ("\x1b]0;a title\x07hello", "hello"),
    "title, ended by ST": ("\x1b]2;a title\x1b\\hello", "hello"),
    "hyperlink": ("\x1b]8;;http://example.org\x1b\\hello\x1b]8;;\x1b\\", "hello"),
    "clipboard": ("\x1b]52;c;aGVsbG8=\x07hello", "hello"),
    "device string": ("\x1bP+q544e\x1b\\hello", "hello"),
    "C1": ("\x9b2Jhel\x9d0;title\x9clo\x84", "hello"),
    "modes": ("\x1b[?1049h\x1b[>4;1mhello\x1b[?25l", "hello"),
    "character set": ("\x1b(0hello\x0e", "hello"),
    "not ended": ("hello\x1b]", "hello"),
    "inside each other": ("\x1b\x1b[2J\x1b[hel\x1b[2Jlo".replace("\x1b[hel", "hel"), "hello"),
    "colour": ("\x1b[1;31mhello\x1b[0m", "\x1b[1;31mhello\x1b[0m"),
    "colour with colons": ("\x1b[38:2::1:2:3mhello\x1b[m", "\x1b[38:2::1:2:3mhello\x1b[m"),
}


@pytest.mark.parametrize(("said", "wanted"), SEQUENCES.values(), ids=SEQUENCES.keys())
def test_colours_pass_and_other_sequences_are_taken_out(talks: Component, said: str, wanted: str) -> None:
    Writer(str(talks.log)).take(said.encode() + b"\n")
    (line,) = kept(talks)
    assert printer(["talks"], "text", False, None).text(line) == f"{line.stamp[11:-1]} talks {wanted}"
    assert printer(["talks"], "text", True, None).text(line) == f"{line.stamp[11:-1]} talks hello", "no colours here"
    assert last(talks, "native") == "hello" and tail(talks, placement="native").endswith(" hello")
    assert printer(["talks"], "text", False, re.compile("^hello$")).text(line)
    assert printer(["talks"], "text", False, re.compile("title|2J|31m")).text(line) is None


def test_any_bytes_leave_only_colours(seed: int = 7) -> None:
    chance = random.Random(seed)
    signs = "\x1b\x1b\x1b[]P\\^_;?:0123mJ(\x07\x9b\x9d\x9c\x90\x0e\r\0ab "
    for _ in range(3000):
        text = "".join(chance.choice(signs) for _ in range(chance.randrange(40)))
        for made in (terminal.coloured(text), terminal.shown(text)):
            assert not re.search("[\x1b\x80-\x84\x86-\x9f\x0e\x0f]", re.sub("\x1b\\[[0-9;:]*m", "", made)), repr(text)
        assert not re.search("[\0-\x08\x0b-\x1f]", re.sub("\x1b\\[[0-9;:]*m", "", terminal.shown(text)))


def test_an_error_shows_what_words_of_others_hide(capsys: pytest.CaptureFixture[str]) -> None:
    words = "\x1b]0;title\x07\x1b[2Jit says\r\x1b[32mno\x1b[0m"
    render.error(DevError("usage", words, because=words, hint=words))
    shown = capsys.readouterr().err
    assert shown.count("␛]0;title␇␛[2Jit says␍no\n") == 3 and "\x1b" not in shown


def test_on_a_terminal_nothing_is_written_over_and_colours_end(talks: Component) -> None:
    assert terminal.shown(" 0%\r50%\0\x85") == " 0%␍50%␀␤"
    assert terminal.shown("\x1b[31mred") == "\x1b[31mred\x1b[0m"
    assert terminal.shown("\x1b[31mred", colours=False) == "red"


RECORDS = {
    "slog": ('{"time":"2026-11-25T17:02:27Z","level":"INFO","msg":"listens","port":80}', "INFO  listens port=80"),
    "zap": ('{"level":"warn","ts":1764090147.1,"caller":"a.go:3","msg":"slow"}', "WARN  slow caller=a.go:3"),
    "pino": ('{"level":50,"time":1764090147100,"pid":1,"msg":"broke"}', "ERROR broke pid=1"),
    "structlog": ('{"event":"said","level":"debug","timestamp":"x","who":"a b"}', 'DEBUG said who="a b"'),
    "Google": ('{"severity":"NOTICE","message":"m","labels":{"a":1}}', 'NOTICE m labels={"a":1}'),
    "stack": ('{"level":"error","msg":"no","stack":"a\\nb\\n"}', "ERROR no\n    stack=\n        a\n        b"),
    "sequence": (
        '{"level":"info","msg":"\\u001b[2Jgone\\u001b]0;t\\u0007","x":"a=\\u001b[H"}',
        'INFO  gone x="a=\\u001b[H"',
    ),
    "no level": ('{"message":"only"}', "only"),
    "data": ('{"a":1}', '{"a":1}'),
    "broken": ('{"msg":"x"', '{"msg":"x"'),
    "a list": ('["msg"]', '["msg"]'),
    "deep": ('{"msg":' + "[" * 100_000, '{"msg":' + "[" * 100_000),
}


@pytest.mark.parametrize(("said", "wanted"), RECORDS.values(), ids=RECORDS.keys())
def test_json_lines_are_rendered_for_people_and_kept_for_programs(said: str, wanted: str) -> None:
    line = Line("2026-11-25T17:02:27.377Z", "talks", said)
    assert printer(["talks"], "people", True, None).text(line) == f"17:02:27.377 talks {wanted}"
    assert printer(["talks"], "text", False, None).text(line) == f"17:02:27.377 talks {said}"
    document = json.loads(printer(["talks"], "json", False, None).text(line) or "")
    assert (document["time"], document["component"], document["text"]) == (line.stamp, "talks", said)
    assert document.get("fields") == structured.fields(said)
    words = re.compile(re.escape(terminal.plain(wanted.split("\n")[0])))
    assert printer(["talks"], "json", False, words).text(line), "it is found as it is shown"


def test_a_migration_has_lines_of_its_own(talks: Component) -> None:
    with Recording(talks.log, "migrate") as said:
        process = subprocess.Popen(
            ["/bin/sh", "-c", "printf 'applies 0001\\nhalf'; read answer; echo ' done'"], stdin=subprocess.PIPE,
            stdout=said.pipe,
        )  # fmt: skip
        wait_until(lambda: texts(kept(talks)) == ["applies 0001", "half"], 30)
        process.communicate(b"go\n")
    assert said.last(2) == ["applies 0001", "half done"]
    assert [(line.stream, line.text) for line in kept(talks)] == [("migrate", "applies 0001"), ("migrate", "half done")]


def test_what_outlives_a_migration_and_talks_on_is_not_waited_for(talks: Component) -> None:
    talker = None
    try:
        with Recording(talks.log, "migrate") as said:
            talker = subprocess.Popen(["yes", "talks on"], stdout=said.pipe)
            process = subprocess.Popen(["/bin/sh", "-c", "echo done"], stdout=said.pipe)
            assert process.wait(30) == 0
        assert any(line.text == "done" for line in kept(talks))
    finally:
        if talker:
            talker.kill()
            talker.wait()


STATE = """
[services.asks]
kind = "command"
dev = "printf 'Passwort: '; exec sleep 1000"
[services.closes]
kind = "command"
dev = "printf 'last words'; exec sleep 1000 >&- 2>&-"
[services.bars]
kind = "command"
dev = '''printf ' 0%%\\r50%%\\r99%%\\n{"level":"warn","msg":"low","left":3}\\n'; exec sleep 1000'''
[services.moves]
kind = "command"
migrate = "echo applies 0001; until test -e go; do sleep 0.05; done; echo applied"
dev = "echo runs; until test -e end; do sleep 0.05; done; echo ends; exit 3"
retries = 0
"""


@pytest.fixture
def platform(checkout: Checkout) -> Iterator[tuple[Checkout, subprocess.Popen[str]]]:
    """A start that waits for its migration."""
    checkout.state(STATE)
    start = checkout.popen("start")
    yield checkout, start
    checkout.write("go", "")
    start.communicate(timeout=60)


def on_terminal(checkout: Checkout, *argv: str) -> str:
    master, slave = pty.openpty()
    env = checkout.environment({"TERM": "xterm-256color"})
    process = subprocess.Popen([str(TOOL / "dev"), "-C", str(checkout.path), *argv], env=env, stdin=slave, stdout=slave)
    os.close(slave)
    shown = b""
    while select.select([master], [], [], 60)[0]:
        try:
            shown += os.read(master, 65536)
        except OSError:
            break
    os.close(master)
    process.wait(60)
    return shown.decode()


def test_the_real_tool_shows_every_word(platform: tuple[Checkout, subprocess.Popen[str]]) -> None:
    checkout, start = platform
    wait_until(lambda: "migrate: applies 0001" in checkout.dev("logs", "moves").out, 60)
    checkout.write("go", "")
    assert start.wait(60) == 0
    wait_until(lambda: "Passwort: \n" in checkout.dev("logs", "asks").out, 60)
    wait_until(lambda: "last words" in checkout.dev("logs", "closes", "--grep", "last").out, 60)
    (closed,) = checkout.dev("logs", "--json", "closes").out.splitlines()
    assert json.loads(closed)["text"] == "last words" and "partial" not in closed
    assert [json.loads(row)["text"] for row in checkout.dev("logs", "--json", "moves").out.splitlines()] == [
        "applies 0001", "applied", "runs",
    ]  # fmt: skip
    shown = on_terminal(checkout, "logs", "bars", "--grep", "0%|low left")
    assert " 0%␍50%␍99%" in shown and re.search(r"WARN  \x1b\[0mlow \x1b\[2mleft=3", shown)
    assert '{"level":"warn"' in on_terminal(checkout, "logs", "bars", "--raw")
    follower = checkout.popen("logs", "-f", "--json", "moves")
    guard = threading.Timer(120, follower.kill)  # a line that never comes fails the test and does not block it
    guard.daemon = True
    guard.start()
    assert follower.stdout and follower.stderr
    assert [json.loads(follower.stdout.readline())["text"] for _ in range(3)] == ["applies 0001", "applied", "runs"]
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    limited = checkout.dev("logs", "-f", "moves", "--since", "1h", "--until", soon, "--grep", "appl", "--raw")
    assert limited.code == 0 and [row[-12:] for row in limited.out.splitlines()] == ["applies 0001", "ate: applied"]
    assert (
        checkout.dev("logs", "--since", "1m", "--until", "2m").code == checkout.dev("logs", "--until", "x").code == 64
    )
    (log,) = checkout.path.glob(".dev/instances/*/logs/moves.log")
    log.unlink()
    wait_until(log.exists, 30)
    checkout.write("end", "")
    assert json.loads(follower.stdout.readline())["text"] == "ends"
    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=60)
    guard.cancel()
    assert follower.returncode == 130
    quiet = checkout.popen("logs", "-f", "asks")
    assert quiet.stdout and quiet.stderr
    assert "Passwort" in quiet.stdout.readline()
    quiet.stdout.close()
    assert quiet.wait(60) == 141 and quiet.stderr.read() == "", "a reader that is gone ends it quietly"
