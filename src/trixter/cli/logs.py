"""The log: one line for each record, on standard error, for people or for programs."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any

from trixter.cli.formatting import printable
from trixter.cli.log_writer import LogWriter
from trixter.proxy.end_reason import CONNECT_TIMEOUT, INTERNAL_ERROR, OUT_OF_DESCRIPTORS, UPSTREAM_UNREACHABLE

# The attributes of every record; any other was passed as `extra`.
OWN_ATTRIBUTES = frozenset(logging.makeLogRecord({}).__dict__) | {"asctime", "message", "taskName"}


STANDARD_ERROR = 2

# Above every level that is used.
OFF = logging.CRITICAL + 10

# Reasons of connections that the proxy could not carry: worth a line also where faults end connections.
UNCARRIED = {UPSTREAM_UNREACHABLE, CONNECT_TIMEOUT, OUT_OF_DESCRIPTORS, INTERNAL_ERROR}


def configure(level: str, format: str, *, is_terse: bool = False) -> None:
    """Write the log to standard error in the background: a reader that stops blocks nothing.

    Args:
        level: ``debug``, ``info``, ``warning``, ``error`` or ``off``; libraries log warnings and errors at
            most.
        format: ``text`` or ``json``.
        is_terse: Leave out connections, except for those that could not be carried.
    """
    # Attributes that no line shows need not be collected: they are a third of the cost of a record, and two
    # records are much of the cost of a short connection. (See "Optimization" in the logging HOWTO.)
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    formatter = JsonFormatter() if format == "json" else TextFormatter()
    handler = WriterHandler(standard_error(), formatter)
    if is_terse:
        handler.addFilter(_is_no_ordinary_connection)
    ours = OFF if level == "off" else logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(handlers=[handler], level=max(ours, logging.WARNING), force=True)
    logging.getLogger("trixter").setLevel(ours)


@cache
def standard_error() -> LogWriter:
    """Return the one writer of this process, which a second configuration uses, too."""
    encoding = getattr(sys.stderr, "encoding", None)
    return LogWriter(STANDARD_ERROR, "{} lines were dropped: {}".format, encoding=encoding or "utf-8")


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
    if record.name != "trixter.proxy":
        return True
    return record.levelno >= logging.WARNING and getattr(record, "reason", INTERNAL_ERROR) in UNCARRIED


class TextFormatter(logging.Formatter):
    """Format a record as time, level and message; a traceback follows, indented."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{_time(record)} {record.levelname:<7} {printable(record.getMessage())}"
        traceback = _traceback(self, record)
        if not traceback:
            return line
        # Indented, so that no line of it can pass for a record of its own.
        return "\n    ".join([line, *map(printable, traceback.splitlines())])


class JsonFormatter(logging.Formatter):
    """Format a record as one object: time, level, logger, message, the ``extra``, and a traceback."""

    def __init__(self) -> None:
        super().__init__()
        import msgspec

        self._encode = msgspec.json.Encoder(enc_hook=str).encode

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name, value in record.__dict__.items():
            if name not in OWN_ATTRIBUTES:
                fields.setdefault(name, value)
        traceback = _traceback(self, record)
        if traceback:
            fields["traceback"] = traceback
        try:
            return self._encode(fields).decode()
        except UnicodeEncodeError:  # a path that is no text
            return self._encode({name: _encodable(value) for name, value in fields.items()}).decode()


@lru_cache(maxsize=2)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _time(record: logging.LogRecord) -> str:
    """Return a record's time as RFC 3339 in UTC."""
    return f"{_second(int(record.created))}.{int(record.msecs):03}Z"


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    return formatter.formatException(record.exc_info) if record.exc_info else ""


def _encodable(value: object) -> str:
    return str(value).encode(errors="backslashreplace").decode()
