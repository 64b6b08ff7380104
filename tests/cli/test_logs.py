"""The log: one record, one line."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import cast

import pytest
from _pytest.capture import CaptureResult

from trixter.cli.logs import (
    UNCARRIED,
    ConnectionLog,
    JsonFormatter,
    LineFormatter,
    TerminalFormatter,
    TextFormatter,
    columns_of,
    configure,
    connection_log,
    formatter_of,
    standard_error,
)
from trixter.faults import Direction
from trixter.proxy import Connection, EndReason, end_reason
from trixter.proxy.end_reason import INTERNAL_ERROR
from trixter.proxy.observers import LogObserver

ENDINGS = sorted(value for name, value in vars(end_reason).items() if name.isupper())


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("trixter.proxy", logging.INFO, "", 0, message, args, None)
    made.created, made.msecs = 1_700_000_000.25, 250.0
    for name, value in more.items():
        setattr(made, name, value)
    return made


def failed(message: str) -> logging.LogRecord:
    made = record("connection 7 failed")
    try:
        raise ValueError(message)
    except ValueError:
        made.exc_info = sys.exc_info()
    return made


def test_text_is_time_level_and_message() -> None:
    line = TextFormatter().format(record("random seed: %d", 42))
    assert line == "2023-11-14T22:13:20.250Z INFO    random seed: 42"


@pytest.mark.parametrize("nasty", ["\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u202e"])
def test_text_escapes_what_could_break_the_line(nasty: str) -> None:
    line = TextFormatter().format(record("connection ended: %s", f"a{nasty}b → ü"))
    assert line.isprintable()
    assert line.endswith("b → ü")


def test_text_indents_a_traceback_so_that_it_cannot_pass_for_a_record() -> None:
    first, *rest = (
        TextFormatter().format(failed("a\n2023-11-14T22:13:20.250Z INFO forged\x1b[2J")).split("\n")
    )
    assert first.endswith("connection 7 failed")
    assert rest[0] == "    Traceback (most recent call last):"
    assert rest[-1] == "    2023-11-14T22:13:20.250Z INFO forged\\x1b[2J"
    assert all(line.startswith("    ") for line in rest)


def test_json_is_one_object_with_what_was_passed_as_extra() -> None:
    line = JsonFormatter().format(
        record("ended: %s", "a\nb", connection="x-7", bytes_upstream=3, reason="closed")
    )
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "logger": "trixter.proxy",
        "message": "ended: a\nb",
        "connection": "x-7",
        "bytes_upstream": 3,
        "reason": "closed",
    }


def test_json_time_is_rfc_3339_in_utc() -> None:
    time = datetime.fromisoformat(json.loads(JsonFormatter().format(record("now")))["time"])
    assert time.utcoffset() == timedelta(0)
    assert time.timestamp() == 1_700_000_000.25


def test_json_has_the_traceback_in_a_field() -> None:
    line = JsonFormatter().format(failed("no such thing"))
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: no such thing")


def test_json_keeps_its_own_fields_whatever_extra_says() -> None:
    fields = json.loads(JsonFormatter().format(record("real", time="now", level="high", logger="me")))
    assert (fields["message"], fields["level"], fields["logger"]) == ("real", "info", "trixter.proxy")


def test_json_writes_what_it_does_not_know_as_text() -> None:
    assert json.loads(JsonFormatter().format(record("x", thing=OSError("gone"))))["thing"] == "gone"


def test_json_writes_a_path_that_is_no_text() -> None:
    line = JsonFormatter().format(record("to %s", "unix:/\udcff", upstream="unix:/\udcff"))
    assert json.loads(line)["upstream"] == "unix:/\\udcff"


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("trixter")
    before = root.handlers[:], root.level, ours.level
    flags = {name: getattr(logging, name) for name in ("logThreads", "logProcesses", "logMultiprocessing")}
    source = logging._srcfile
    # Handlers that are replaced are closed; pytest's own are still needed.
    root.handlers[:] = []
    yield
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])
    logging._srcfile = source
    connection_log.cache_clear()
    for name, value in flags.items():
        setattr(logging, name, value)


def written(capfd: pytest.CaptureFixture[str]) -> CaptureResult[str]:
    """Return what was written, once all of it is."""
    assert standard_error().close(timeout_s=40)
    return capfd.readouterr()


@pytest.mark.usefixtures("logging_as_before")
def test_the_level_is_ours_and_libraries_are_quieter(capfd: pytest.CaptureFixture[str]) -> None:
    configure("debug", "text")
    logging.getLogger("trixter.proxy").debug("ours")
    logging.getLogger("asyncio").info("a library's")
    logging.getLogger("asyncio").warning("a library's warning")
    said = written(capfd)
    assert [line.split(maxsplit=1)[1] for line in said.err.splitlines()] == [
        "DEBUG   ours",
        "WARNING a library's warning",
    ]
    assert said.out == ""


@pytest.mark.usefixtures("logging_as_before")
def test_a_higher_level_leaves_out_what_is_below(capfd: pytest.CaptureFixture[str]) -> None:
    configure("error", "json")
    logging.getLogger("trixter.proxy").warning("less")
    logging.getLogger("asyncio").warning("less")
    logging.getLogger("trixter.proxy").error("more")
    assert [json.loads(line)["message"] for line in written(capfd).err.splitlines()] == ["more"]


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize("format", ["text", "json"])
def test_off_leaves_out_everything(format: str, capfd: pytest.CaptureFixture[str]) -> None:
    configure("off", format)
    logging.getLogger("trixter.proxy").critical("ours")
    logging.getLogger("asyncio").critical("a library's")
    assert written(capfd) == ("", "")


@pytest.mark.usefixtures("logging_as_before")
def test_a_terse_log_leaves_out_what_faults_do_to_connections(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", "text", is_terse=True)
    proxy = logging.getLogger("trixter.proxy")
    proxy.info("opened", extra={"connection": "c-1"})
    for reason in (*ENDINGS, "terminated"):
        proxy.error("ended: %s", reason, extra={"reason": reason})
    proxy.warning("cannot accept")
    logging.getLogger("trixter.cli").info("random seed: 42")
    assert [line.split(maxsplit=2)[2] for line in written(capfd).err.splitlines()] == [
        *(f"ended: {reason}" for reason in ENDINGS if reason in UNCARRIED),
        "cannot accept",
        "random seed: 42",
    ]


@pytest.mark.usefixtures("logging_as_before")
@pytest.mark.parametrize("format", ["text", "json"])
def test_lines_that_were_dropped_are_told_in_the_form_of_the_log(format: str) -> None:
    configure("info", format)
    one, many = (standard_error().notice(count, "standard error was not read") for count in (1, 2000))
    if format == "json":
        told = json.loads(many)
        assert (told["level"], told["dropped_lines"]) == ("warning", 2000)
        one, many = json.loads(one)["message"], told["message"]
    assert one.endswith("1 line was dropped: standard error was not read")
    assert many.endswith("2000 lines were dropped: standard error was not read")


class Ended:
    """What a line shows of a connection."""

    id, client, upstream = "a6e39e-1", "127.0.0.1:41822", "unix:/a\x1bb"
    is_open, age_s = True, 2.0

    both_forwarded_bytes = 78, 1434

    def forwarded_bytes(self, direction: Direction) -> int:
        return dict(zip(Direction, self.both_forwarded_bytes, strict=True))[direction]


ENDED = cast(Connection, Ended())
NOW = 1_700_000_000.25


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
@pytest.mark.parametrize(
    "end_reason",
    [EndReason("closed"), EndReason("shutdown", "seen\n\x1b enough")],
    ids=lambda each: each.reason,
)
def test_the_lines_of_a_connection_are_those_that_logging_would_write(
    formatter: LineFormatter, end_reason: EndReason, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="trixter.proxy")
    LogObserver().on_opened(ENDED)
    LogObserver().on_ended(ENDED, end_reason)
    for each in caplog.records:
        each.created = NOW
    written: list[str] = []
    log = ConnectionLog(clock=lambda: NOW)
    log.configure(written.append, formatter, logging.INFO, is_terse=False)
    log.on_opened(ENDED)
    log.on_ended(ENDED, end_reason)
    assert written == [formatter.format(each) for each in caplog.records]


@pytest.mark.parametrize(
    ("level", "is_terse", "count"),
    [(logging.INFO, False, 3), (logging.ERROR, False, 2), (logging.INFO, True, 1)],
)
def test_a_level_and_a_terse_log_leave_lines_of_connections_out(
    level: int, is_terse: bool, count: int
) -> None:
    written: list[str] = []
    log = ConnectionLog(clock=lambda: NOW)
    log.on_ended(ENDED, EndReason(INTERNAL_ERROR))  # not configured yet
    log.configure(written.append, TextFormatter(), level, is_terse=is_terse)
    log.on_opened(ENDED)
    log.on_ended(ENDED, EndReason("terminated"))
    log.on_ended(ENDED, EndReason(INTERNAL_ERROR))
    assert len(written) == count


@pytest.mark.usefixtures("logging_as_before")
def test_lines_of_connections_and_of_logging_are_in_order(capfd: pytest.CaptureFixture[str]) -> None:
    configure("info", "text")
    ours = logging.getLogger("trixter.proxy")
    for number in range(3):
        ours.warning("before %d", number)
        connection_log().on_opened(ENDED)
        connection_log().on_ended(ENDED, EndReason("closed"))
    kinds = [line.split()[2:5:2] for line in written(capfd).err.splitlines()]
    assert [each[0] for each in kinds] == ["before", "connection", "connection"] * 3
    assert [each[1] for each in kinds if len(each) > 1] == ["opened:", "ended:"] * 3


def at_terminal(end_reason: EndReason, columns: int, *, is_open: bool = True) -> str:
    """Return the last line of a connection without its time."""
    connection = Ended()
    connection.upstream, connection.is_open = "127.0.0.1:8181", is_open
    formatter = TerminalFormatter(lambda: columns, has_colors=False)
    line = formatter.ended(NOW, logging.ERROR, cast(Connection, connection), end_reason)
    assert columns_of(line) <= columns
    return line[len("16:40:21 ") :]


def test_a_line_of_a_connection_fits_a_terminal() -> None:
    reset, long = EndReason("reset by upstream"), EndReason("shutdown", "x" * 200)
    assert at_terminal(reset, 120) == (
        "ERROR a6e39e-1 127.0.0.1:41822 → 127.0.0.1:8181 ↑ 78 B ↓ 1.4 KiB 2.0 s reset by upstream"
    )
    assert at_terminal(reset, 80) == "ERROR a6e39e-1 127.0.0.1:41822 ↑ 78 B ↓ 1.4 KiB 2.0 s reset by upstream"
    assert at_terminal(reset, 70) == "ERROR a6e39e-1 ↑ 78 B ↓ 1.4 KiB 2.0 s reset by upstream"
    assert at_terminal(reset, 45) == "ERROR a6e39e-1 reset by upstream"
    assert at_terminal(long, 80) == f"ERROR a6e39e-1 shutdown: {'x' * 45}…"
    wide = EndReason("shutdown", "日" * 200)
    assert at_terminal(wide, 80) == f"ERROR a6e39e-1 shutdown: {'日' * 22}…"
    unreachable = EndReason("upstream unreachable", "Connection refused")
    assert at_terminal(unreachable, 90, is_open=False) == (
        "ERROR a6e39e-1 → 127.0.0.1:8181 upstream unreachable: Connection refused"
    )
    assert at_terminal(unreachable, 70, is_open=False) == (
        "ERROR a6e39e-1 → 127.0.0.1:8181 upstream unreachable: Connec…"
    )


def test_other_lines_are_folded_between_words_and_levels_have_colours() -> None:
    formatter = TerminalFormatter(lambda: 40, has_colors=True)
    time, line = formatter.format(record("%s words %s", 99, "that are folded here")).split(" ", 1)
    assert line.split("\n") == ["\x1b[32mINFO \x1b[0m 99 words that are folded", " " * 15 + "here"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d", time)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", "xterm")])
def test_a_terminal_gets_short_lines_with_colours_if_it_may_have_them(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    assert type(formatter_of("text")) is TextFormatter
    monkeypatch.setattr("os.isatty", lambda descriptor: True)
    assert ("\x1b[" in formatter_of("text").format(record("x"))) == (value == "xterm")
    assert type(formatter_of("json")) is JsonFormatter


def test_json_of_a_connection_writes_a_path_that_is_no_text() -> None:
    connection = Ended()
    connection.upstream = "unix:/\udcff"
    formatter = JsonFormatter()
    opened = json.loads(formatter.opened(NOW, cast(Connection, connection)))
    ended = json.loads(formatter.ended(NOW, logging.INFO, cast(Connection, connection), EndReason("closed")))
    assert opened["upstream"] == ended["upstream"] == "unix:/\\udcff"
    assert ended["reason"] == "closed"
