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
    """Let the socket below send RST when it closes (``SO_LINGER`` 0), if there is one."""
    # Best effort: it may be closed already, which AnyIO on uvloop says with an AttributeError.
    with suppress(OSError, ValueError, AttributeError):
        raw = stream.extra(SocketAttribute.raw_socket, None)
        if raw is not None:
            # What uvloop shows of a socket cannot set options; another descriptor of the same socket can.
            with socket.socket(fileno=os.dup(raw.fileno())) as same:
                same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
