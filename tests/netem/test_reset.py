"""Over a real socket, an end can be a reset."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketStream

from tests.proxy.waiting import PATIENCE_S
from trixter.netem import Shutdowner, TerminatedError, Terminator
from trixter.netem.reset import reset_on_close


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[SocketStream, socket.socket]]:
    """Connect over loopback; yield the stream, and the socket at the other end."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stream = await anyio.connect_tcp(*server.getsockname())
        peer, _ = server.accept()
        peer.settimeout(PATIENCE_S)
        with peer:
            yield stream, peer


async def test_a_terminator_resets(anyio_backend: object) -> None:
    async with connected() as (stream, peer):
        terminator = Terminator(stream, 1.0, reset=True)
        with pytest.raises(TerminatedError):
            await terminator.send(b"ping")
        await terminator.aclose()
        with pytest.raises(ConnectionResetError):
            await anyio.to_thread.run_sync(peer.recv, 1)


async def test_a_shutdown_resets() -> None:
    async with connected() as (stream, peer):
        shutdowner = Shutdowner(stream)
        shutdowner.shutdown(reset=True)
        await shutdowner.aclose()
        with pytest.raises(ConnectionResetError):
            await anyio.to_thread.run_sync(peer.recv, 1)


async def test_otherwise_it_ends_in_order() -> None:
    async with connected() as (stream, peer):
        shutdowner = Shutdowner(stream)
        shutdowner.shutdown()
        await shutdowner.aclose()
        assert await anyio.to_thread.run_sync(peer.recv, 1) == b""


async def test_a_socket_that_is_closed_already_is_no_error() -> None:
    async with connected() as (stream, _):
        shutdowner = Shutdowner(stream)
        await shutdowner.aclose()
        reset_on_close(shutdowner)
