"""The log: one line for each record, on standard error, for people or for programs.

Lines of connections do not pass through ``logging``. Its record, filters and formatting took as many
instructions as a short connection itself; lines that are built by an f-string take a third of that.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any
from unicodedata import east_asian_width

from trixter.cli.formatting import age, printable, traffic
from trixter.cli.log_writer import LogWriter
from trixter.monotonic import realtime
from trixter.proxy.connection import Connection
from trixter.proxy.end_reason import (
    CONNECT_TIMEOUT,
    INTERNAL_ERROR,
    OUT_OF_DESCRIPTORS,
    UPSTREAM_UNREACHABLE,
    EndReason,
)
from trixter.proxy.observers import ORDINARY

# The attributes of every record; any other was passed as `extra`.
OWN_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"asctime", "message", "taskName"}


STANDARD_ERROR = 2

# Above every level that is used.
OFF = logging.CRITICAL + 10

# The logger of connections; `LogObserver` has the same.
CONNECTIONS = "trixter.proxy"

LEVELS = {level: f"{logging.getLevelName(level):<7}" for level in range(10, 60, 10)}

# The end of a time: formatting three digits takes as long as a function call.
MILLISECONDS = [f".{number:03}Z" for number in range(1000)]

# At a terminal.
SHORT_LEVELS = {logging.WARNING: "WARN", logging.CRITICAL: "FATAL"}
COLORS = {
    logging.DEBUG: "2",
    logging.INFO: "32",
    logging.WARNING: "33",
    logging.ERROR: "31",
    logging.CRITICAL: "31",
}
PREFIX_COLUMNS = len("16:40:21 ERROR ")

# Reasons of connections that the proxy could not carry: worth a line also where faults end connections.
UNCARRIED = {UPSTREAM_UNREACHABLE, CONNECT_TIMEOUT, OUT_OF_DESCRIPTORS, INTERNAL_ERROR}


def configure(level: str, format: str, *, is_terse: bool = False) -> None:
    """Write the log to standard error in the background: a reader that stops blocks nothing.

    Args:
        level: ``debug``, ``info``, ``warning``, ``error`` or ``off``; libraries log warnings and errors at
            most.
        format: ``text`` or ``json``. Text is short and in colour where standard error is a terminal.
        is_terse: Leave out connections, except for those that could not be carried.
    """
    # Attributes that no line shows need not be collected: they are a third of the cost of a record.
    # (See "Optimization" in the logging HOWTO.)
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    formatter = formatter_of(format)
    writer = standard_error()
    handler = WriterHandler(writer, formatter)
    if is_terse:
        handler.addFilter(_is_no_ordinary_connection)
    ours = OFF if level == "off" else logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(handlers=[handler], level=max(ours, logging.WARNING), force=True)
    logging.getLogger("trixter").setLevel(ours)
    connection_log().configure(writer.write, formatter, ours, is_terse=is_terse)


def formatter_of(format: str) -> LineFormatter:
    """Return the formatter of the log: of ``json``, or of ``text`` for a file or for a terminal."""
    if format == "json":
        return JsonFormatter()
    if not os.isatty(STANDARD_ERROR):
        return TextFormatter()
    has_colors = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return TerminalFormatter(_terminal_columns, has_colors=has_colors)


def _terminal_columns() -> int:
    try:
        return os.get_terminal_size(STANDARD_ERROR).columns
    except OSError:  # the terminal is gone
        return 0


@cache
def standard_error() -> LogWriter:
    """Return the one writer of this process, which a second configuration uses, too."""
    encoding = getattr(sys.stderr, "encoding", None)
    return LogWriter(STANDARD_ERROR, "{} lines were dropped: {}".format, encoding=encoding or "utf-8")


@cache
def connection_log() -> ConnectionLog:
    """Return the one observer of this process; it writes what ``configure`` has last asked for."""
    return ConnectionLog()


class WriterHandler(logging.Handler):
    """Format every record and pass it to a writer; the writer's notices have the same format."""

    def __init__(self, writer: LogWriter, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self._writer = writer
        writer.notice = self._notice

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._writer.write(self.format(record))
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        # Python also calls this when the process ends.
        self._writer.flush()

    def _notice(self, dropped: int, why: str) -> str:
        text = f"{dropped} {'line was' if dropped == 1 else 'lines were'} dropped: {why}"
        record = logging.LogRecord("trixter.cli", logging.WARNING, "", 0, text, None, None)
        record.dropped_lines = dropped
        return self.format(record)


def _is_no_ordinary_connection(record: logging.LogRecord) -> bool:
    if record.name != CONNECTIONS:
        return True
    return record.levelno >= logging.WARNING and getattr(record, "reason", INTERNAL_ERROR) in UNCARRIED


class LineFormatter(logging.Formatter):
    """A form of the log: of the records of ``logging``, and of the two lines of a connection."""

    def __init__(self) -> None:
        super().__init__()
        self._second = (-1, "")

    @abstractmethod
    def opened(self, now: float, connection: Connection) -> str:
        """Return the line of a connection that has opened at that time, in seconds since the epoch."""

    @abstractmethod
    def ended(self, now: float, level: int, connection: Connection, end_reason: EndReason) -> str:
        """Return the line of a connection that has ended."""

    def _time(self, now: float) -> str:
        """Return a time as RFC 3339 in UTC."""
        second = int(now)
        if second != self._second[0]:
            self._turn(second)
        return f"{self._second[1]}{MILLISECONDS[int((now - second) * 1000)]}"

    def _turn(self, second: int) -> None:
        # In one step: other threads log, too.
        self._second = second, datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")

    def _traceback(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class ConnectionLog:
    """An observer that writes the lines of ``trixter.proxy.observers.LogObserver`` without ``logging``.

    Until it is configured, it writes nothing.

    Args:
        clock: Returns the time in seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = realtime) -> None:
        self._clock = clock
        self._level = OFF
        self._is_terse = self._has_openings = False

    def configure(
        self, write: Callable[[str], None], formatter: LineFormatter, level: int, *, is_terse: bool
    ) -> None:
        """Set the form of its lines, and which of them are written, as ``configure`` of this module does."""
        self._write = write
        self._opened, self._ended = formatter.opened, formatter.ended
        self._level = level
        self._is_terse = is_terse
        self._has_openings = level <= logging.INFO and not is_terse

    def on_opened(self, connection: Connection) -> None:
        """Write the client and the upstream."""
        if self._has_openings:
            self._write(self._opened(self._clock(), connection))

    def on_ended(self, connection: Connection, end_reason: EndReason) -> None:
        """Write how it ended, how long it lasted, and what passed."""
        level = logging.INFO if end_reason.reason in ORDINARY else logging.ERROR  # without a call
        if self._level <= level and (not self._is_terse or end_reason.reason in UNCARRIED):
            self._write(self._ended(self._clock(), level, connection, end_reason))


class TextFormatter(LineFormatter):
    """Format a record as time, level and message; a traceback follows, indented.

    Made for files: times are RFC 3339 in UTC, and no line is cut or folded.
    """

    def __init__(self) -> None:
        super().__init__()
        self._routes: dict[str, str] = {}  # of open connections, by their ids: both of their lines have it

    def format(self, record: logging.LogRecord) -> str:
        line = self._line(record.created, record.levelno, record.getMessage())
        traceback = self._traceback(record)
        # Indented, so that no line of it can pass for a record of its own.
        return "\n    ".join([line, *map(printable, traceback.splitlines())]) if traceback else line

    def opened(self, now: float, connection: Connection) -> str:
        second = int(now)
        if second != self._second[0]:
            self._turn(second)
        id = connection.id
        route = self._routes[id] = self._route(connection)
        return (
            f"{self._second[1]}{MILLISECONDS[int((now - second) * 1000)]} INFO    "
            f"connection {id} opened: {route}"
        )

    def ended(self, now: float, level: int, connection: Connection, end_reason: EndReason) -> str:
        second = int(now)
        if second != self._second[0]:
            self._turn(second)
        reason, detail = end_reason.reason, end_reason.detail
        why = printable(f"{reason}: {detail}") if detail else reason
        id = connection.id
        route = self._routes.pop(id, None) or self._route(connection)
        up_bytes, down_bytes = connection.both_forwarded_bytes
        return (
            f"{self._second[1]}{MILLISECONDS[int((now - second) * 1000)]} {LEVELS[level]} "
            f"connection {id} ended: {why}; {route}, {up_bytes} B up, {down_bytes} B down, "
            f"{connection.age_s:.3f} s"
        )

    def _route(self, connection: Connection) -> str:
        return f"{connection.client} → {printable(connection.upstream)}"

    def _line(self, now: float, level: int, message: str) -> str:
        name = LEVELS.get(level) or logging.getLevelName(level)
        return f"{self._time(now)} {name} {printable(message)}"


class TerminalFormatter(TextFormatter):
    """Format a record for a terminal: a short local time, the level in colour, lines that fit.

    Of a connection, the id and the addresses come first and the reason of its end last. What does not fit is
    left out: the upstream, then the client, which both are in the line of the opening, then what passed, then
    the end of the reason. Other messages are folded between words.

    Args:
        columns: Returns the width of the terminal; 0 means any.
        has_colors: Whether it shows colours.
    """

    def __init__(self, columns: Callable[[], int], *, has_colors: bool) -> None:
        super().__init__()
        self._columns = columns
        self._has_colors = has_colors

    def opened(self, now: float, connection: Connection) -> str:
        client, upstream = connection.client, connection.upstream
        messages = [f"{client} → {upstream} opened", f"{client} opened", "opened"]
        return self._connection_line(now, logging.INFO, connection.id, messages)

    def ended(self, now: float, level: int, connection: Connection, end_reason: EndReason) -> str:
        client, upstream, why = connection.client, connection.upstream, str(end_reason)
        if connection.is_open:
            tail = f"{traffic(*connection.both_forwarded_bytes)} {age(connection.age_s)} {why}"
            messages = [f"{client} → {upstream} {tail}", f"{client} {tail}", tail, why]
        else:  # no line of an opening has named the upstream
            messages = [f"{client} → {upstream} {why}", f"→ {upstream} {why}"]
        return self._connection_line(now, level, connection.id, messages)

    def _connection_line(self, now: float, level: int, id: str, messages: Sequence[str]) -> str:
        """Return the line of the first message that fits; if none does, of the last one, cut."""
        room = (self._columns() or sys.maxsize) - PREFIX_COLUMNS
        texts = [printable(f"{id} {each}") for each in messages]
        text = next((each for each in texts if columns_of(each) <= room), None)
        if text is None:
            text = texts[-1][: max(room - 1, 0)]
            while columns_of(text) >= room and text:
                text = text[:-1]
            text += "…"
        return self._prefix(now, level) + text

    def _line(self, now: float, level: int, message: str) -> str:
        from textwrap import wrap

        room = (self._columns() or sys.maxsize) - PREFIX_COLUMNS
        lines = wrap(printable(message), max(room, 1), break_long_words=False, break_on_hyphens=False)
        return self._prefix(now, level) + f"\n{' ' * PREFIX_COLUMNS}".join(lines)

    def _prefix(self, now: float, level: int) -> str:
        name = f"{SHORT_LEVELS.get(level) or logging.getLevelName(level):<5}"
        if self._has_colors and level in COLORS:
            name = f"\x1b[{COLORS[level]}m{name}\x1b[0m"
        return f"{time.strftime('%H:%M:%S', time.localtime(now))} {name} "


class JsonFormatter(LineFormatter):
    """Format a record as one object: time, level, logger, message, the ``extra``, and a traceback."""

    def __init__(self) -> None:
        super().__init__()
        import msgspec

        self._encode = msgspec.json.Encoder(enc_hook=str).encode
        self._ends: dict[str, tuple[str, str]] = {}  # client and upstream of open connections, by their ids

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": self._time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in record.__dict__.items():
            if name not in OWN_ATTRIBUTES:
                fields.setdefault(name, value)
        traceback = self._traceback(record)
        if traceback:
            fields["traceback"] = traceback
        return self._object(fields)

    def opened(self, now: float, connection: Connection) -> str:
        id, client = connection.id, self._quoted(connection.client)
        upstream = self._quoted(connection.upstream)
        self._ends[id] = client, upstream
        return (
            f'{{"time":"{self._time(now)}","level":"info","logger":"{CONNECTIONS}",'
            f'"message":"connection {id} opened: {client} → {upstream}",'
            f'"connection":"{id}","client":"{client}","upstream":"{upstream}"}}'
        )

    def ended(self, now: float, level: int, connection: Connection, end_reason: EndReason) -> str:
        id, name = connection.id, "info" if level == logging.INFO else "error"
        why, reason, detail = map(self._quoted, (str(end_reason), end_reason.reason, end_reason.detail))
        ends = self._ends.pop(id, None)
        client, upstream = ends or map(self._quoted, (connection.client, connection.upstream))
        up, down = connection.both_forwarded_bytes
        duration_s = connection.age_s
        return (
            f'{{"time":"{self._time(now)}","level":"{name}","logger":"{CONNECTIONS}",'
            f'"message":"connection {id} ended: {why}; '
            f'{client} → {upstream}, {up} B up, {down} B down, {duration_s:.3f} s",'
            f'"connection":"{id}","client":"{client}","upstream":"{upstream}",'
            f'"bytes_upstream":{up},"bytes_downstream":{down},"duration_s":{round(duration_s, 6)},'
            f'"reason":"{reason}","detail":"{detail}"}}'
        )

    def _quoted(self, text: str) -> str:
        """Return a text as it stands between the quotes of a JSON string."""
        if not text:
            return text
        try:
            return self._encode(text).decode()[1:-1]
        except UnicodeEncodeError:  # a path that is no text
            return self._encode(_encodable(text)).decode()[1:-1]

    def _object(self, fields: dict[str, Any]) -> str:
        try:
            return self._encode(fields).decode()
        except UnicodeEncodeError:  # a path that is no text
            return self._encode({name: _encodable(value) for name, value in fields.items()}).decode()


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for each character of CJK."""
    return len(text) + sum(east_asian_width(each) in "WF" for each in text)


def _encodable(value: object) -> str:
    return str(value).encode(errors="backslashreplace").decode()
