"""Ends that the other side sees as a reset."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress

from anyio.abc import SocketAttribute

from trixter.netem.adapter import Adapter

_LINGER_ZERO = struct.pack("ii", 1, 0)


def reset_on_close(stream: Adapter) -> None:
    """Let the socket below send RST when it closes, if there is one."""
    with suppress(AttributeError):  # AnyIO's word, on uvloop, for one that is closed already
        reset_socket_on_close(stream.extra(SocketAttribute.raw_socket, None))


def reset_socket_on_close(sock: socket.socket | None) -> None:
    """Let a socket, or what a loop shows of it, send RST when it closes (``SO_LINGER`` 0): best effort."""
    with suppress(OSError, ValueError, AttributeError):
        if sock is not None:
            # What uvloop shows of a socket cannot set options; another descriptor of the same socket can.
            with socket.socket(fileno=os.dup(sock.fileno())) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
