"""Connections with faults, by functions of the names that asyncio's have."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from trixter.faults import NO_FAULTS, Dice, Direction, Faults
from trixter.faults.faults import as_faults
from trixter.netem.asyncio.link import FaultsSpec, FaultyConnection

ProtocolT = TypeVar("ProtocolT", bound=asyncio.BaseProtocol)

_READ_LIMIT_BYTES = 64 * 1024  # what asyncio's streams take by default


def tls_protocol(
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


def wrap_protocol_factory(
    factory: Callable[[], asyncio.BaseProtocol],
    *,
    upstream: FaultsSpec = NO_FAULTS,
    downstream: FaultsSpec = NO_FAULTS,
    seed: int | None = None,
    is_server: bool = False,
) -> Callable[[], FaultyConnection]:
    """Return a factory for ``loop.create_connection`` whose protocols have faults beneath them.

    Args:
        factory: Makes the program's protocol.
        upstream: What is wrong with bytes on their way to the server: a fault, or several.
        downstream: What is wrong with bytes on their way to the client.
        seed: The root of all randomness; by default drawn from entropy. Connection n has its own branch.
        is_server: Whether it is for ``loop.create_server``.

    Raises:
        SettingError: If a direction is given something else than faults.

    With ``ssl=``, the loop puts TLS beneath the faults: they then meet the plain bytes.
    """
    dice = Dice(secrets.randbits(64) if seed is None else seed)
    numbers = itertools.count(1)
    sending = Direction.DOWNSTREAM if is_server else Direction.UPSTREAM
    faults = _by_direction(upstream, downstream)

    def make() -> FaultyConnection:
        own = dice.branch(f"connection {next(numbers)}")
        return FaultyConnection(factory(), sending=sending, faults=faults, dice=own)

    return make


async def open_connection(
    host: str | None = None,
    port: int | None = None,
    *,
    upstream: FaultsSpec = NO_FAULTS,
    downstream: FaultsSpec = NO_FAULTS,
    seed: int | None = None,
    limit: int = _READ_LIMIT_BYTES,
    **options: Any,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as ``asyncio.open_connection`` does, with faults on the way.

    Args:
        host, port, limit, options: As there; with ``ssl=``, TLS runs on top of the faults.
        upstream: What is wrong with bytes on their way to the server: a fault, or several.
        downstream: What is wrong with bytes on their way to the client.
        seed: The root of all randomness; by default drawn from entropy.

    Raises:
        OSError: As there; or ``SettingError``, if a direction is given something else than faults.
    """
    faults = _by_direction(upstream, downstream)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=limit, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    dice = Dice(secrets.randbits(64) if seed is None else seed).branch("connection 1")
    transport, _ = await connect_link(
        loop.create_connection, lambda: protocol, host, port, faults, dice, options
    )
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def connect_link(
    create_connection: Callable[..., Awaitable[tuple[asyncio.BaseTransport, FaultyConnection]]],
    factory: Callable[[], ProtocolT],
    host: str | None,
    port: int | None,
    faults: dict[Direction, Faults],
    dice: Dice,
    options: dict[str, Any],
    on_made: Callable[[FaultyConnection], None] | None = None,
    on_lost: Callable[[FaultyConnection], None] | None = None,
) -> tuple[asyncio.Transport, ProtocolT]:
    """Connect, with faults beneath the program's protocol, and TLS between the two if it is asked for.

    Args:
        create_connection: The loop's own.
        factory: Makes the program's protocol.
        host, port, options: For that.
        faults: What each direction starts with.
        dice: The connection's.
        on_made, on_lost: Told of the connection: before the program is, and when it is over.
    """
    user = factory()
    below: asyncio.BaseProtocol = user
    waiter: asyncio.Future[None] | None = None
    options = dict(options)
    context = options.pop("ssl", None)
    if context:  # without it, the loop refuses what goes with it
        hostname = options.pop("server_hostname", None)
        timeouts = _timeouts(options)
        below, waiter = tls_protocol(
            user,
            context=context,
            server_side=False,
            server_hostname=hostname if hostname is not None else host,
            handshake_timeout_s=timeouts[0],
            shutdown_timeout_s=timeouts[1],
        )

    def make() -> FaultyConnection:
        return FaultyConnection(
            below, sending=Direction.UPSTREAM, faults=faults, dice=dice, on_made=on_made, on_lost=on_lost
        )

    _, link = await create_connection(make, host, port, **options)
    if waiter is None:
        return link.above, user
    secure: Any = below
    above = secure._get_app_transport()  # now: when the connection is lost, it is forgotten
    try:
        await waiter
    except BaseException:
        link.abort(None)
        raise
    return above, user


async def start_server(
    client_connected_cb: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
    host: str | None = None,
    port: int | None = None,
    *,
    upstream: FaultsSpec = NO_FAULTS,
    downstream: FaultsSpec = NO_FAULTS,
    seed: int | None = None,
    limit: int = _READ_LIMIT_BYTES,
    **options: Any,
) -> asyncio.Server:
    """Serve as ``asyncio.start_server`` does, with faults on the way.

    Args:
        client_connected_cb, host, port, limit, options: As there.
        upstream: What is wrong with bytes on their way here: a fault, or several.
        downstream: What is wrong with bytes on their way to the clients.
        seed: The root of all randomness; connection n draws from its own branch.

    Raises:
        OSError: As there; or ``SettingError``, if a direction is given something else than faults.
    """
    loop = asyncio.get_running_loop()
    context = options.pop("ssl", None)
    timeouts = _timeouts(options) if context else (None, None)

    def factory() -> asyncio.BaseProtocol:
        reader = asyncio.StreamReader(limit=limit, loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, client_connected_cb, loop=loop)
        if not context:
            return protocol
        secure, waiter = tls_protocol(
            protocol,
            context=context,
            server_side=True,
            server_hostname=None,
            handshake_timeout_s=timeouts[0],
            shutdown_timeout_s=timeouts[1],
        )
        waiter.add_done_callback(_look_at)
        return secure

    wrapped = wrap_protocol_factory(
        factory, upstream=upstream, downstream=downstream, seed=seed, is_server=True
    )
    return await loop.create_server(wrapped, host, port, **options)


def _timeouts(options: dict[str, Any]) -> tuple[float | None, float | None]:
    """Take the times out of them that a handshake, and the end of TLS, may take."""
    return options.pop("ssl_handshake_timeout", None), options.pop("ssl_shutdown_timeout", None)


def _look_at(waiter: asyncio.Future[None]) -> None:
    """Take note of a handshake that failed: the connection is over, and nothing waits for it."""
    if not waiter.cancelled():
        waiter.exception()


def _by_direction(upstream: FaultsSpec, downstream: FaultsSpec) -> dict[Direction, Faults]:
    return {
        Direction.UPSTREAM: as_faults(upstream, Direction.UPSTREAM),
        Direction.DOWNSTREAM: as_faults(downstream, Direction.DOWNSTREAM),
    }
