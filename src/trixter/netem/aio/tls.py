"""TLS on top of faults."""

from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from typing import Any


def tls_on_top(
    user: asyncio.BaseProtocol,
    *,
    context: bool | ssl.SSLContext,
    server_side: bool,
    server_hostname: str | None,
    handshake_timeout_s: float | None = None,
    shutdown_timeout_s: float | None = None,
) -> tuple[asyncio.BufferedProtocol, asyncio.Future[None]]:
    """Return a protocol that speaks TLS for the user's, and what is done when its handshake is.

    It is asyncio's, in Python, on every loop: uvloop's own puts TLS only on transports of its own.
    """
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()
    made: Any = SSLProtocol
    protocol: asyncio.BufferedProtocol = made(
        loop,
        user,
        context if isinstance(context, ssl.SSLContext) else ssl.create_default_context(),
        waiter,
        server_side,
        server_hostname,
        ssl_handshake_timeout=handshake_timeout_s,
        ssl_shutdown_timeout=shutdown_timeout_s,
    )
    return protocol, waiter
