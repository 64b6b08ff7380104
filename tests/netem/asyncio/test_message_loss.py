"""A lost request, and a lost answer, of an asyncio program."""

from __future__ import annotations

import asyncio

import pytest

from tests.netem.asyncio.programs import EchoServer, Noting
from tests.proxy.waiting import until
from trixter.faults import Direction, LoseAnswer, LoseRequest
from trixter.netem import FaultyConnection, open_connection, wrap_protocol_factory


class Again(Noting):
    """Sends once more as soon as it has received something, on a network that is bad from then on."""

    link: FaultyConnection

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.link.set_faults(Direction.UPSTREAM, LoseRequest(probability=1))
        self.transport.write(b"again")


async def test_what_a_program_sends_while_it_is_given_an_answer_is_a_message_of_its_own(
    server: EchoServer,
) -> None:
    program = Again()
    factory = wrap_protocol_factory(lambda: program, upstream=LoseRequest(probability=1e-12))
    _, link = await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", server.port)
    program.link = link
    link.above.write(b"ping")
    await until(lambda: "lost" in program.calls)
    assert (program.received, bytes(server.received)) == (b"ping", b"ping")


async def test_a_lost_answer_is_a_reset_behind_its_first_bytes(server: EchoServer) -> None:
    program = Noting()
    factory = wrap_protocol_factory(lambda: program, downstream=LoseAnswer(probability=1, answer_bytes=2))
    _, link = await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", server.port)
    link.above.write(b"ping")
    await until(lambda: "lost" in program.calls)
    assert (program.received, bytes(server.received)) == (b"pi", b"ping")
    assert isinstance(program.lost, ConnectionResetError)


async def test_a_lost_request_is_a_reset(server: EchoServer) -> None:
    reader, writer = await open_connection("127.0.0.1", server.port, upstream=LoseRequest(probability=1))
    writer.write(b"ping")
    with pytest.raises(ConnectionResetError, match="request lost"):
        await reader.read()
    assert server.received == b""
    writer.close()


async def test_in_silence_the_end_of_the_server_passes_once_the_program_has_ended(server: EchoServer) -> None:
    program = Noting(keeps_open=True)
    factory = wrap_protocol_factory(lambda: program, downstream=LoseAnswer(probability=1, silence=True))
    _, link = await asyncio.get_running_loop().create_connection(factory, "127.0.0.1", server.port)
    link.above.write(b"ping")
    await until(lambda: server.received == b"ping")
    for transport in server.transports:
        transport.close()
    await until(lambda: link.receiving.has_ended)
    assert program.calls == ["made"]
    link.above.write_eof()
    assert program.calls == ["made", "eof"]
    link.abort(None)
