"""One fault alone is taken wherever several are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.netem.asyncio.programs import EchoServer, Noting
from trixter.errors import SettingError
from trixter.faults import NO_FAULTS, Direction, Faults, Latency, LoseAnswer, Slice
from trixter.faults.faults import as_faults
from trixter.netem import faulty_network, open_connection, start_server, wrap_protocol_factory

ONE = Slice(size_bytes=3)
OTHER = Latency(delay_s=0.001)
LOST = LoseAnswer(probability=1e-12)


def test_one_alone_makes_a_set() -> None:
    assert as_faults(ONE) == Faults(ONE)
    assert as_faults(Faults(ONE, OTHER)) == Faults(ONE, OTHER)
    assert as_faults(Slice(size_bytes=0)) == NO_FAULTS


@pytest.mark.parametrize("given", [None, 1, "x", (ONE,), [ONE]])
def test_what_is_none_is_refused(given: Any) -> None:
    with pytest.raises(
        SettingError, match=r"upstream must be a fault, such as Latency\(delay_s=0.25\), or Faults"
    ):
        as_faults(given, Direction.UPSTREAM)


@pytest.mark.parametrize(
    ("way", "pair"),
    [
        (ONE, (Faults(ONE), Faults(ONE))),
        ((ONE, OTHER), (Faults(ONE), Faults(OTHER))),
        ((ONE, NO_FAULTS), (Faults(ONE), NO_FAULTS)),
        ((Faults(ONE, OTHER), OTHER), (Faults(ONE, OTHER), Faults(OTHER))),
        (LOST, (NO_FAULTS, Faults(LOST))),
    ],
)
async def test_by_a_faulty_network(server: EchoServer, way: Any, pair: tuple[Faults, Faults]) -> None:
    key = f"127.0.0.1:{server.port}"
    async with faulty_network({key: way}) as network:
        assert network[key] == pair
        network[key] = NO_FAULTS
        network[key] = way
        assert network[key] == pair
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        (link,) = network.connections
        assert (link.faults(Direction.UPSTREAM), link.faults(Direction.DOWNSTREAM)) == pair
        writer.transport.abort()


async def test_by_a_connection_and_a_server(anyio_backend: object) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    server = await start_server(answer, "127.0.0.1", 0, upstream=ONE, downstream=OTHER)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await open_connection("127.0.0.1", port, upstream=OTHER, downstream=ONE)
    writer.write(b"0123456789")
    writer.write_eof()
    assert await reader.read() == b"0123456789"
    writer.close()
    await writer.wait_closed()
    server.close()


async def test_by_a_protocol_and_its_link(server: EchoServer) -> None:
    factory = wrap_protocol_factory(Noting, upstream=ONE, downstream=OTHER)
    _, link = await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", server.port)
    assert (link.faults(Direction.UPSTREAM), link.faults(Direction.DOWNSTREAM)) == (
        Faults(ONE),
        Faults(OTHER),
    )
    link.set_faults(Direction.UPSTREAM, OTHER)
    assert link.faults(Direction.UPSTREAM) == Faults(OTHER)
    with pytest.raises(SettingError, match="upstream must be a fault"):
        link.set_faults(Direction.UPSTREAM, None)  # type: ignore[arg-type]
    link.abort(None)


async def test_what_is_none_is_refused_before_anything_is_opened(anyio_backend: object) -> None:
    for call in (
        lambda: open_connection("127.0.0.1", 9, upstream=1),  # type: ignore[arg-type]
        lambda: start_server(print, "127.0.0.1", 0, downstream=1),  # type: ignore[arg-type]
    ):
        with pytest.raises(SettingError, match="stream must be a fault"):
            await call()
    with pytest.raises(SettingError, match="downstream must be a fault"):
        wrap_protocol_factory(Noting, downstream=())  # type: ignore[arg-type]
