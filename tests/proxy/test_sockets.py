"""Options of sockets, and what the kernel says of what was received and sent."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from trixter.proxy.sockets import KEEPALIVE_PROBES, Socket, SocketOptions, stream_socket


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
