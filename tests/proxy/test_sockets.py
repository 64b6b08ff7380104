"""Sockets end as somebody wants them to: with a reset, or with an ordinary end."""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import ExitStack

import pytest

from tests.leaks import Belongings
from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.peers import Peer, fill
from tests.proxy.servers import socket_pair
from tests.proxy.stamps import let_pass
from tests.proxy.waiting import PATIENCE_S
from trixter.proxy import sockets
from trixter.proxy.sockets import (
    DRAIN_BYTES,
    close_quietly,
    close_with_reset,
    recv_stamped,
    send_at_once,
    stamp_arrivals,
)
from trixter.proxy.system_clock import ROUNDING_S


@pytest.fixture
def pair(exits: ExitStack) -> tuple[socket.socket, socket.socket]:
    here, there = socket_pair()
    exits.callback(here.close)
    exits.callback(there.close)
    return here, there


def test_a_reset_is_seen_as_one(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    close_with_reset(here)
    with pytest.raises(ConnectionResetError):
        there.recv(1)


def test_what_was_sent_before_a_reset_is_still_read(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    here.send(b"last words")
    close_with_reset(here)
    assert there.recv(100) == b"last words"
    with pytest.raises(ConnectionResetError):
        there.recv(1)


def test_a_socket_whose_peer_has_reset_it_can_be_reset_too(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    close_with_reset(there)
    close_with_reset(here)
    close_with_reset(here)
    assert here.fileno() == -1


def test_an_ordinary_end_is_one_also_with_something_unread(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    there.send(bytes(DRAIN_BYTES // 16))
    close_quietly(here)
    assert there.recv(1) == b""
    assert there.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def test_closing_does_not_wait_for_one_who_keeps_talking(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    assert fill(there) > DRAIN_BYTES
    close_quietly(here)
    assert here.fileno() == -1


@pytest.mark.parametrize("peer_is", ["finished", "gone", "reset"])
def test_an_ordinary_end_needs_no_peer(pair: tuple[socket.socket, socket.socket], peer_is: str) -> None:
    here, there = pair
    {"finished": Peer(there).finish, "gone": there.close, "reset": Peer(there).reset}[peer_is]()
    close_quietly(here)
    assert here.fileno() == -1


def test_nagle_is_off_where_there_is_one(exits: ExitStack) -> None:
    tcp = exits.enter_context(socket.socket())
    send_at_once(tcp)
    assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    send_at_once(exits.enter_context(socket.socket(socket.AF_UNIX)))


def test_what_is_read_late_is_as_old_as_it_is(
    pair: tuple[socket.socket, socket.socket], stamps_on: None
) -> None:
    here, there = pair
    stamp_arrivals(there)
    before = time.monotonic()
    here.send(b"letter")
    assert select.select([there], [], [], PATIENCE_S)[0]
    arrived = time.monotonic()
    least_s = time.monotonic() - arrived
    buffer = bytearray(100)
    size, age_s = recv_stamped(there, memoryview(buffer))
    most_s = time.monotonic() - before
    assert buffer[:size] == b"letter"
    assert age_s > 0.0
    assert least_s - ROUNDING_S <= age_s <= most_s + ROUNDING_S


def test_what_was_read_after_a_long_pause_is_as_old_as_the_pause(
    pair: tuple[socket.socket, socket.socket], stamps_on: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = pair
    stamp_arrivals(there)
    here.send(b"letter")
    assert select.select([there], [], [], PATIENCE_S)[0]
    let_pass(3600.0, monkeypatch)
    assert recv_stamped(there, memoryview(bytearray(100)))[1] >= 3600.0


def test_one_socket_keeps_the_kernel_stamping(pair: tuple[socket.socket, socket.socket]) -> None:
    stamp_arrivals(pair[0])
    before = Belongings()
    stamp_arrivals(pair[1])
    assert before.left_since() == []
    (kept,) = sockets._stamping_fds
    with socket.socket(fileno=os.dup(kept)) as stamping:
        assert stamping.getsockopt(socket.SOL_SOCKET, sockets._SO_TIMESTAMPNS)


def test_without_a_descriptor_for_that_the_next_call_tries_again(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []
    monkeypatch.setattr(sockets, "_stamping_fds", kept)
    with no_descriptor_free():
        stamp_arrivals(pair[0])
    assert not kept
    stamp_arrivals(pair[0])
    os.close(kept[0])


def test_without_a_stamp_it_is_new(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    here.send(b"letter")
    assert recv_stamped(there, memoryview(bytearray(100))) == (6, 0.0)


@pytest.mark.parametrize("shown", [0.0, 2.0**33])
def test_a_clock_that_was_set_meanwhile_is_not_believed(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, shown: float
) -> None:
    here, there = pair
    stamp_arrivals(there)
    here.send(b"letter")
    monkeypatch.setattr(sockets, "realtime", lambda: shown)
    assert recv_stamped(there, memoryview(bytearray(100))) == (6, 0.0)


def test_a_system_without_stamps_is_no_error(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_SO_TIMESTAMPNS", 10_000)
    stamp_arrivals(pair[1])
