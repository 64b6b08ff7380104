"""Bytes that go into the kernel's pipe come out: all of it, in order, and none is left inside."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from random import Random

import pytest

from tests.proxy.peers import Peer, fill
from tests.proxy.servers import socket_pair
from trixter.proxy.splice import PIPE_BYTES, Splicer, splicer

pytestmark = pytest.mark.skipif(not hasattr(os, "splice"), reason="this system has no splice")

DATA = Random(1).randbytes(50_000)
"""Fits into the window of a new connection, so it arrives in one go."""


class Way:
    """From one peer through a splicer to another."""

    def __init__(self, exits: ExitStack, *, sink_bytes: int = 0) -> None:
        here, source = (exits.enter_context(sock) for sock in socket_pair())
        sink, there = (exits.enter_context(sock) for sock in socket_pair(buffer_bytes=sink_bytes))
        self.sender, self.receiver = Peer(here), Peer(there)
        self.source, self.sink = source, sink
        self.splicer = Splicer()
        exits.callback(self.splicer.close)

    def carry(self) -> tuple[int, bytes]:
        return self.splicer.empty(self.sink, self.splicer.fill(self.source))


@pytest.fixture
def way(exits: ExitStack) -> Way:
    return Way(exits)


def test_bytes_pass(way: Way) -> None:
    way.sender.send(DATA)
    assert way.carry() == (len(DATA), b"")
    assert way.receiver.received() == DATA


def test_one_turn_takes_no_more_than_the_pipe_holds(way: Way) -> None:
    fill(way.sender.sock)
    assert 0 < way.splicer.fill(way.source) <= PIPE_BYTES


def test_nothing_to_read_is_a_blocking_io_error(way: Way) -> None:
    with pytest.raises(BlockingIOError):
        way.splicer.fill(way.source)


def test_the_end_is_nothing_and_again_nothing(way: Way) -> None:
    way.sender.finish()
    assert (way.splicer.fill(way.source), way.splicer.fill(way.source)) == (0, 0)
    assert way.splicer.empty(way.sink, 0) == (0, b"")


def test_a_source_that_was_reset_is_an_os_error(way: Way) -> None:
    way.sender.reset()
    with pytest.raises(ConnectionResetError):
        way.splicer.fill(way.source)


def test_what_a_full_sink_does_not_take_comes_back_and_the_pipe_is_empty(way: Way) -> None:
    filled = fill(way.sink)
    way.sender.send(DATA)
    assert way.carry() == (0, DATA)
    assert way.receiver.received(filled) == bytes(filled)
    way.sender.send(b"next")
    assert way.carry() == (4, b"")
    assert way.receiver.received() == b"next"


def test_what_a_sink_takes_in_part_is_split_where_it_stopped(exits: ExitStack) -> None:
    way = Way(exits, sink_bytes=4096)
    way.sender.send(DATA)
    passed, rest = way.carry()
    assert 0 < passed < len(DATA)
    assert rest == DATA[passed:]


def test_a_sink_that_is_gone_is_an_os_error_and_the_pipe_is_empty(way: Way) -> None:
    way.receiver.reset()
    way.sender.send(DATA)
    with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe
        way.carry()
    with ExitStack() as exits:
        other = Way(exits)
        other.splicer.close()
        other.splicer = way.splicer
        other.sender.send(b"mine")
        assert other.carry() == (4, b"")
        assert other.receiver.received() == b"mine"
        other.splicer = Splicer()  # its exit closes this one


def test_a_system_that_has_splice_gives_a_splicer() -> None:
    made = splicer()
    assert made is not None
    made.close()


def _refuse(*args: object, **kwargs: object) -> None:
    raise PermissionError("not in this sandbox")


@pytest.mark.parametrize(
    "lack",
    [
        lambda patch: patch.delattr(os, "splice"),
        lambda patch: patch.setattr(os, "splice", _refuse),
        lambda patch: patch.setattr("fcntl.fcntl", _refuse),
    ],
    ids=["no splice", "splice refused", "no large pipe"],
)
def test_a_system_that_does_not_gives_none(
    monkeypatch: pytest.MonkeyPatch, lack: Callable[[pytest.MonkeyPatch], None]
) -> None:
    lack(monkeypatch)
    assert splicer() is None
