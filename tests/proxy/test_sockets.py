"""Options of sockets, and what the kernel says of what was received and sent."""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import ExitStack

import pytest

from tests.leaks import Belongings
from tests.proxy.descriptors import no_descriptor_free
from tests.proxy.servers import socket_pair
from tests.proxy.stamps import let_pass
from tests.proxy.waiting import PATIENCE_S
from trixter.proxy import sockets
from trixter.proxy.sockets import (
    KEEPALIVE_PROBES,
    Socket,
    SocketOptions,
    recv_stamped,
    stamp_arrivals,
    stream_socket,
)
from trixter.proxy.system_clock import ROUNDING_S


@pytest.fixture
def pair(exits: ExitStack) -> tuple[socket.socket, socket.socket]:
    here, there = socket_pair()
    exits.callback(here.close)
    exits.callback(there.close)
    return here, there


def kept(exits: ExitStack, sock: Socket) -> Socket:
    """Close it with the test."""
    exits.callback(sock.close)
    return sock


def test_nagle_is_off_and_urgent_bytes_stay_where_they_are(exits: ExitStack) -> None:
    tcp = kept(exits, stream_socket(socket.AF_INET))
    assert tcp.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE)
    kept(exits, stream_socket(socket.AF_UNIX, SocketOptions(keepalive_s=1)))


@pytest.mark.parametrize(("keepalive_s", "seconds"), [(15, 15), (0.2, 1), (1.5, 2), (10**9, 32_767)])
def test_keep_alive_is_in_whole_seconds(exits: ExitStack, keepalive_s: float, seconds: int) -> None:
    tcp = kept(exits, stream_socket(socket.AF_INET, SocketOptions(keepalive_s=keepalive_s)))
    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
    values = [tcp.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
    assert values == [seconds, seconds, KEEPALIVE_PROBES]


def test_keep_alive_can_be_left_off(exits: ExitStack) -> None:
    tcp = kept(exits, stream_socket(socket.AF_INET))
    assert tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0


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
