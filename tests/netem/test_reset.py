"""Over a real socket, an end can be a reset."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio.abc import SocketStream

from tests.netem.streams import Wire
from tests.proxy.waiting import PATIENCE_S
from trixter.netem import Shutdowner, TerminatedError, Terminator, netem, reset_on_close


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
        assert not reset_on_close(shutdowner)


async def test_any_stack_can_be_told_to_reset_at_any_time(anyio_backend: object) -> None:
    async with connected() as (stream, peer):
        stack = netem(stream).throttle_writes(1e9).slice_writes(2).delay_reads(0.001)
        await stack.send(b"ping")
        assert await anyio.to_thread.run_sync(peer.recv, 4, socket.MSG_WAITALL) == b"ping"
        assert reset_on_close(stack)
        await stack.aclose()
        with pytest.raises(ConnectionResetError):
            await anyio.to_thread.run_sync(peer.recv, 1)


async def test_and_to_end_in_order_after_all() -> None:
    async with connected() as (stream, peer):
        assert reset_on_close(stream)
        assert reset_on_close(stream, enabled=False)
        await stream.aclose()
        assert await anyio.to_thread.run_sync(peer.recv, 1) == b""


async def test_a_plain_socket_too() -> None:
    async with connected() as (stream, peer):
        assert reset_on_close(peer)
        peer.close()
        assert not reset_on_close(peer)
        with pytest.raises(anyio.BrokenResourceError):
            await stream.receive()
        await stream.aclose()


@pytest.mark.parametrize("stream", [None, 5, netem(Wire())])
def test_where_there_is_no_socket_nothing_happens(stream: Any) -> None:
    assert not reset_on_close(stream)
