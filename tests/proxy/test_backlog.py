"""A backlog keeps what a full sink does not take, in order and piece by piece."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.peers import Peer, fill
from tests.proxy.servers import socket_pair
from tests.proxy.waiting import PATIENCE_S
from trixter.faults.stage import PIECE_OVERHEAD_BYTES
from trixter.proxy.backlog import Backlog


def test_a_new_one_is_empty_and_flushes_nothing(exits: ExitStack) -> None:
    sink, _ = (exits.enter_context(sock) for sock in socket_pair())
    backlog = Backlog()
    assert (len(backlog), backlog.held_bytes, backlog.flush(sink)) == (0, 0, 0)


def test_bookkeeping_counts(exits: ExitStack) -> None:
    backlog = Backlog()
    backlog.append(b"12345")
    backlog.append(memoryview(b"678"))
    assert backlog.held_bytes == 8 + 2 * PIECE_OVERHEAD_BYTES


def test_a_sink_with_room_takes_all(exits: ExitStack) -> None:
    sink, there = (exits.enter_context(sock) for sock in socket_pair())
    backlog = Backlog()
    backlog.append(b"12345")
    backlog.append(b"678")
    assert backlog.flush(sink) == 8
    assert (len(backlog), backlog.held_bytes) == (0, 0)
    assert there.recv(100) == b"12345678"


def test_a_full_sink_takes_nothing(exits: ExitStack) -> None:
    sink, _ = (exits.enter_context(sock) for sock in socket_pair())
    fill(sink)
    backlog = Backlog()
    backlog.append(b"12345")
    assert backlog.flush(sink) == 0
    assert backlog.held_bytes == 5 + PIECE_OVERHEAD_BYTES


def test_a_sink_that_is_gone_is_an_os_error(exits: ExitStack) -> None:
    sink, there = (exits.enter_context(sock) for sock in socket_pair())
    Peer(there).reset()
    backlog = Backlog()
    backlog.append(b"12345")
    with pytest.raises(ConnectionResetError):
        backlog.flush(sink)


@given(st.lists(st.integers(1, 200_000), max_size=6), st.integers(1000, 1_000_000))
def test_nothing_is_lost_reordered_or_miscounted(sizes: list[int], read_bytes: int) -> None:
    with ExitStack() as exits:
        sink, there = (exits.enter_context(sock) for sock in socket_pair(buffer_bytes=4096))
        there.settimeout(PATIENCE_S)
        pieces = [bytes([number]) * size for number, size in enumerate(sizes)]
        backlog = Backlog()
        for piece in pieces:
            backlog.append(piece)
        passed, received = 0, b""
        while backlog:
            passed += backlog.flush(sink)
            kept = backlog.held_bytes - PIECE_OVERHEAD_BYTES * len(backlog)
            assert kept == sum(sizes) - passed
            received += there.recv(read_bytes)
        while len(received) < passed:
            received += there.recv(read_bytes)
        assert received == b"".join(pieces)
        assert backlog.held_bytes == 0
