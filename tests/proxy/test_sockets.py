"""Options of sockets, and what the kernel says of what was received and sent."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

import pytest

from tests.proxy.servers import socket_pair
from trixter.proxy import sockets
from trixter.proxy.sockets import (
    KEEPALIVE_PROBES,
    Socket,
    SocketOptions,
    recv_stamped,
    stamp_arrivals,
    stream_socket,
)


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


def test_what_is_read_late_is_as_old_as_it_is(pair: tuple[socket.socket, socket.socket]) -> None:
    here, there = pair
    stamp_arrivals(there)
    before = time.monotonic()
    here.send(b"letter")
    arrived = time.monotonic()
    while time.monotonic() < arrived + 0.002:
        pass  # nobody gets round to it
    least_s = time.monotonic() - arrived
    buffer = bytearray(100)
    size, age_s = recv_stamped(there, memoryview(buffer))
    assert buffer[:size] == b"letter"
    assert least_s <= age_s <= time.monotonic() - before


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
    monkeypatch.setattr(time, "time", lambda: shown)
    assert recv_stamped(there, memoryview(bytearray(100))) == (6, 0.0)


def test_a_system_without_stamps_is_no_error(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_SO_TIMESTAMPNS", 10_000)
    stamp_arrivals(pair[1])
