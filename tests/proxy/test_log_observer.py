"""The log has one line when a connection opens, and one when it ends."""

from __future__ import annotations

import logging

import pytest

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.waiting import until
from trixter.addresses import text_of
from trixter.faults import Direction
from trixter.proxy import EndReason
from trixter.proxy.observers import LogObserver

FIELDS = [
    "connection",
    "client",
    "upstream",
    "bytes_upstream",
    "bytes_downstream",
    "duration_s",
    "reason",
    "detail",
]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="trixter.proxy")
    return caplog


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    """Return what a structured log would show beside the text."""
    return {name: value for name, value in vars(record).items() if name in FIELDS}


async def test_opening_names_both_ends(harness: ConnectionHarness, log: pytest.LogCaptureFixture) -> None:
    client, _, connection = harness.connect()
    LogObserver().on_opened(connection)
    (record,) = log.records
    here, there = text_of(client.sock.getsockname()), text_of(harness.server.address)
    assert record.getMessage() == f"connection c-1 opened: {here} → {there}"
    assert record.levelno == logging.INFO
    assert fields_of(record) == {"connection": "c-1", "client": here, "upstream": there}


async def test_the_end_tells_why_how_long_and_how_much(
    harness: ConnectionHarness, log: pytest.LogCaptureFixture
) -> None:
    client, server, connection = harness.connect()
    client.send(b"12345")
    server.send(b"123")
    await server.receive(5)
    await client.receive(3)
    await until(lambda: connection.forwarded_bytes(Direction.DOWNSTREAM))
    harness.clock.advance(1.5)
    connection.close("enough")
    assert connection.end_reason is not None
    LogObserver().on_ended(connection, connection.end_reason)
    (record,) = log.records
    here, there = text_of(client.sock.getsockname()), text_of(harness.server.address)
    assert record.getMessage() == (
        f"connection c-1 ended: shutdown: enough; {here} → {there}, 5 B up, 3 B down, 1.500 s"
    )
    assert record.levelno == logging.ERROR
    values = ["c-1", here, there, 5, 3, 1.5, "shutdown", "enough"]
    assert fields_of(record) == dict(zip(FIELDS, values, strict=True))


async def test_an_upstream_that_cannot_be_reached_is_an_error_that_names_it(
    harness: ConnectionHarness, log: pytest.LogCaptureFixture
) -> None:
    harness.set_upstream("127.0.0.1:1")
    _, connection = harness.connect_client()
    assert connection.end_reason is not None
    LogObserver().on_ended(connection, connection.end_reason)
    (record,) = log.records
    assert record.levelno == logging.ERROR
    assert "upstream unreachable: Connection refused; " in record.getMessage()
    assert " → 127.0.0.1:1, 0 B up, 0 B down, 0.000 s" in record.getMessage()


@pytest.mark.parametrize(
    ("reason", "level"),
    [
        ("closed", logging.INFO),
        ("proxy down", logging.INFO),
        ("proxy stopped", logging.INFO),
        ("shutdown", logging.ERROR),
        ("reset", logging.ERROR),
        ("duration", logging.ERROR),
        ("terminated", logging.ERROR),
        ("reset by client", logging.ERROR),
        ("reset by upstream", logging.ERROR),
        ("upstream unreachable", logging.ERROR),
        ("connect timeout", logging.ERROR),
        ("out of descriptors", logging.ERROR),
        ("internal error", logging.ERROR),
    ],
)
async def test_an_end_that_a_peer_did_not_expect_is_an_error_as_in_the_original(
    harness: ConnectionHarness, log: pytest.LogCaptureFixture, reason: str, level: int
) -> None:
    _, _, connection = harness.connect()
    LogObserver().on_ended(connection, EndReason(reason))
    assert [record.levelno for record in log.records] == [level]


async def test_what_nobody_wants_to_read_is_not_written(
    harness: ConnectionHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="trixter.proxy")
    _, _, connection = harness.connect()
    LogObserver().on_opened(connection)
    LogObserver().on_ended(connection, EndReason("connect timeout"))
    assert caplog.records == []
