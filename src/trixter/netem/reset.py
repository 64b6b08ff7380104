"""Ends that the other side sees as a reset."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress
from typing import Any

from anyio import TypedAttributeProvider
from anyio.abc import SocketAttribute

_LINGER_ZERO = struct.pack("ii", 1, 0)
_LINGER_OFF = struct.pack("ii", 0, 0)


def reset_on_close(stream: Any, enabled: bool = True) -> bool:
    """Let the socket below a stream send RST when it closes (``SO_LINGER`` 0), or an ordinary end again.

    At any time, through any stack of adapters: as the original's ``set_reset_linger``.

    Args:
        stream: An AnyIO stream, an asyncio ``StreamWriter`` or transport, or a socket.
        enabled: Whether it is a reset.

    Returns:
        Whether there was a socket that is open.
    """
    sock = stream if isinstance(stream, socket.socket) else _socket_of(stream)
    return sock is not None and _set_linger(sock, _LINGER_ZERO if enabled else _LINGER_OFF)


def _socket_of(stream: Any) -> Any:
    """Return the socket below, or what a loop shows of it, if there is one."""
    with suppress(AttributeError):  # AnyIO's word, on uvloop, for one that is closed already
        if isinstance(stream, TypedAttributeProvider):
            return stream.extra(SocketAttribute.raw_socket, None)
    with suppress(AttributeError):  # it is no transport
        return stream.get_extra_info("socket")
    return None


def _set_linger(sock: Any, value: bytes) -> bool:
    try:
        # What uvloop shows of a socket cannot set options; another descriptor of the same socket can.
        with socket.socket(fileno=os.dup(sock.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, value)
    except (OSError, ValueError, AttributeError):
        return False
    return True
