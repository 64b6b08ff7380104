"""TLS on top of the faults is what it is on a transport: the same bytes, the same errors."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.netem.asyncio.programs import Noting
from tests.proxy.waiting import until
from trixter.faults import NO_FAULTS, Faults, Latency, Slice, Throttle
from trixter.netem import faulty_network, start_server

SLICED = Faults(Slice(size_bytes=7), Latency(delay_s=0.001))


@asynccontextmanager
async def reader_of_all(tls: ssl.SSLContext, received: bytearray) -> AsyncIterator[int]:
    """Serve TLS; keep what comes, and ``|`` for each end."""

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            received.extend(data)
        received.extend(b"|")
        writer.close()

    async with await asyncio.start_server(keep, "127.0.0.1", 0, ssl=tls) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.slow
async def test_a_throttle_that_ends_with_much_under_way_spoils_no_record(
    anyio_backend: object, its_side: ssl.SSLContext, our_side: ssl.SSLContext
) -> None:
    received, data = bytearray(), bytes(range(256)) * 8000
    async with reader_of_all(its_side, received) as port:
        async with faulty_network({"*:*": (Faults(Throttle(rate_bytes_per_s=4e6)), NO_FAULTS)}) as network:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=our_side, server_hostname="localhost"
            )
            started_at = time.monotonic()
            for start in range(0, len(data), 10_000):
                writer.write(data[start : start + 10_000])
                await writer.drain()
            assert time.monotonic() - started_at >= 0.2  # TLS and we keep half of it
            network["*:*"] = NO_FAULTS
            writer.close()
            await writer.wait_closed()
        await until(lambda: received.endswith(b"|"))
    assert received[:-1] == data


async def test_a_protocol_that_aborts_at_once_still_has_had_a_transport(
    anyio_backend: object, its_side: ssl.SSLContext, our_side: ssl.SSLContext, told: list[str]
) -> None:
    class Leaving(Noting):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            self.transport.abort()

    loop, user = asyncio.get_running_loop(), Leaving()
    async with reader_of_all(its_side, bytearray()) as port, faulty_network({"*:*": NO_FAULTS}):
        transport, _ = await loop.create_connection(
            lambda: user, "127.0.0.1", port, ssl=our_side, server_hostname="localhost"
        )
        assert transport is user.transport


async def test_a_handshake_that_fails_leaves_no_connection(
    anyio_backend: object, its_side: ssl.SSLContext, our_side: ssl.SSLContext, told: list[str]
) -> None:
    async with reader_of_all(its_side, bytearray()) as port, faulty_network({"*:*": NO_FAULTS}) as network:
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection("127.0.0.1", port, ssl=True, server_hostname="localhost")
        network["*:*"] = Faults(Latency(delay_s=30))
        with pytest.raises(ConnectionAbortedError):
            await asyncio.open_connection(
                "127.0.0.1",
                port,
                ssl=our_side,
                server_hostname="localhost",
                ssl_handshake_timeout=0.1,
            )
        await until(lambda: not network.connections)


async def test_a_server_speaks_tls_on_top_of_its_faults(
    anyio_backend: object, its_side: ssl.SSLContext, our_side: ssl.SSLContext
) -> None:
    served = asyncio.Event()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(600))
        await close(writer)
        served.set()

    server = await start_server(echo, "127.0.0.1", 0, upstream=SLICED, downstream=SLICED, ssl=its_side)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"no handshake at all\r\n")
    assert await reader.read() == b""
    await close(writer)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=our_side, server_hostname="localhost"
    )
    writer.write(b"secret" * 100)
    assert await reader.read() == b"secret" * 100
    await close(writer)
    await served.wait()
    server.close()


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait until all of it has ended: of TLS, both sides' alerts."""
    writer.close()
    await writer.wait_closed()
