"""For each kind of end, the program gets one callback, after all that came before."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest

from tests.netem.asyncio.programs import EchoServer, Noting
from tests.netem.asyncio.test_link import DOWN, STALLED, connect
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Direction, Faults, Freeze, Latency, Slice, Terminate
from trixter.netem import FaultyConnection, open_connection, reset_on_close, wrap_protocol_factory

LATE = Faults(Latency(delay_s=0.01))


async def reset_from_there(server: EchoServer) -> None:
    """Let the server reset its connection."""
    await until(lambda: server.transports)
    reset_on_close(server.transports[0])
    server.transports[0].abort()


async def test_a_reset_from_there_arrives_behind_what_is_under_way_and_is_told_once(
    server: EchoServer,
) -> None:
    user, server.is_mute = Noting(), True
    link = await connect(server, user, STALLED, STALLED)
    user.transport.write(b"held")
    await until(lambda: server.transports)
    server.transports[0].write(b"last words")
    await until(lambda: link.receiving.delivery.held_bytes)
    await reset_from_there(server)
    await until(lambda: link.is_lost)
    await turns()
    assert user.calls == ["made"]
    link.set_faults(DOWN, NO_FAULTS)
    await until(lambda: "lost" in user.calls)
    assert user.received == b"last words"
    user.transport.write(b"after the end")
    user.transport.close()
    user.transport.abort()
    link.reset()
    link.set_faults(DOWN, STALLED)
    await turns()
    assert isinstance(user.lost, ConnectionResetError)
    assert user.calls == ["made", "data", "lost"]


@pytest.mark.parametrize("downstream", [LATE, Faults(Slice(size_bytes=1, gap_s=0.001))])
async def test_an_answer_arrives_though_the_server_resets_right_behind_it(
    server: EchoServer, downstream: Faults
) -> None:
    user, server.is_mute = Noting(), True
    link = await connect(server, user, downstream=downstream)
    await until(lambda: server.transports)
    server.transports[0].write(b"413 too large")
    await until(lambda: link.receiving.delivery.held_bytes or user.received)
    await reset_from_there(server)
    await until(lambda: "lost" in user.calls)
    assert user.received == b"413 too large"
    assert isinstance(user.lost, ConnectionResetError)


async def test_who_closes_does_not_wait_for_a_reset_that_is_under_way(server: EchoServer) -> None:
    user, server.is_mute = Noting(), True
    link = await connect(server, user, STALLED, STALLED)
    await reset_from_there(server)
    await until(lambda: link.is_lost)
    user.transport.close()
    await until(lambda: "lost" in user.calls)


async def test_who_waits_to_write_and_reads_no_more_is_told_of_a_reset_at_once(server: EchoServer) -> None:
    user, server.is_mute = Noting(), True
    link = await connect(server, user, Faults(Freeze(is_on=True)), STALLED)
    user.transport.pause_reading()
    user.transport.write(bytes(1 << 20))
    assert link.above.is_paused
    user.transport.resume_reading()
    await reset_from_there(server)
    await until(lambda: link.is_lost)
    assert "lost" not in user.calls
    user.transport.pause_reading()
    await until(lambda: "lost" in user.calls)


@pytest.mark.parametrize("is_sending", [True, False])
async def test_with_certainty_a_silent_connection_is_reset_as_soon_as_it_is_made(
    server: EchoServer, is_sending: bool
) -> None:
    user, certain = Noting(), Faults(Terminate(probability=1.0))
    await connect(server, user, *((certain, NO_FAULTS) if is_sending else (NO_FAULTS, certain)))
    await until(lambda: server.endings)
    assert server.endings == ["ConnectionResetError"]
    assert isinstance(user.lost, ConnectionResetError)
    assert user.calls == ["made", "lost"]


async def test_an_end_can_be_struck(server: EchoServer) -> None:
    user = Noting()
    link = await connect(server, user)
    link.set_faults(Direction.UPSTREAM, Faults(Terminate(probability=1.0)))
    user.transport.write_eof()
    await until(lambda: server.endings)
    assert server.endings == ["ConnectionResetError"]
    assert user.calls == ["made", "lost"]


async def test_resetting_one_that_is_over_touches_no_other_socket(server: EchoServer) -> None:
    """The number of its descriptor may be another's by now; uvloop still tells it."""
    user = Noting()
    link = await connect(server, user)
    user.transport.abort()
    await until(lambda: "lost" in user.calls)
    await turns()
    others = [socket.socket() for _ in range(8)]
    link.reset()
    lingers = {other.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) for other in others}
    for other in others:
        other.close()
    assert lingers == {bytes(8)}


@pytest.mark.parametrize("downstream", [NO_FAULTS, LATE, Faults(Slice(size_bytes=1))])
async def test_the_end_waits_for_who_pauses(server: EchoServer, downstream: Faults) -> None:
    user, server.is_mute = Noting(), True
    await connect(server, user, downstream=downstream)
    user.transport.pause_reading()
    await until(lambda: server.transports)
    server.transports[0].write(b"data")
    server.transports[0].close()
    await turns(30)
    assert user.calls == ["made"]
    user.transport.resume_reading()
    await until(lambda: "lost" in user.calls)
    assert (user.received, user.calls[-2:]) == (b"data", ["eof", "lost"])


async def test_closing_does_not_wait_for_what_arrives(server: EchoServer) -> None:
    user = Noting()
    await connect(server, user, LATE, STALLED)
    user.transport.write(b"ping")
    await until(lambda: server.received == b"ping")
    user.transport.close()
    await until(lambda: "lost" in user.calls)
    assert user.calls == ["made", "lost"]


class Certified:
    """A server that answers over TLS, and ends; and the faults above that TLS at a client."""

    def __init__(self, certificate: tuple[str, str]) -> None:
        self._its_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._its_side.load_cert_chain(*certificate)
        self._our_side = ssl.create_default_context(cafile=certificate[0])

    async def connect(self, user: asyncio.BaseProtocol, downstream: Faults) -> FaultyConnection:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"answer")
            writer.close()

        loop = asyncio.get_running_loop()
        async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=self._its_side) as server:
            port = server.sockets[0].getsockname()[1]
            factory = wrap_protocol_factory(lambda: user, downstream=downstream)
            _, link = await loop.create_connection(
                factory, "127.0.0.1", port, ssl=self._our_side, server_hostname="localhost"
            )
            await until(lambda: link.is_lost)
        return link


async def test_above_tls_what_is_under_way_arrives_before_the_end_is_told(
    anyio_backend: object, certificate: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """TLS closes both ways at once: the connection is gone while its last bytes are still held."""
    user = Noting()
    link = await Certified(certificate).connect(user, STALLED)
    assert user.calls == ["made"]
    assert user.transport.is_closing()
    user.transport.write(b"to nobody")
    user.transport.write_eof()
    link.set_faults(DOWN, NO_FAULTS)
    await until(lambda: "lost" in user.calls)
    assert (user.calls, user.received, user.lost) == (["made", "data", "eof", "lost"], b"answer", None)
    assert "no effect when using ssl" not in caplog.text


@pytest.mark.parametrize("ending", ["close", "abort"])
async def test_above_tls_who_ends_it_meanwhile_is_not_kept_waiting(
    anyio_backend: object, certificate: tuple[str, str], ending: str
) -> None:
    user = Noting()
    await Certified(certificate).connect(user, STALLED)
    getattr(user.transport, ending)()
    assert user.calls == ["made"], "called back while it called"
    await until(lambda: "lost" in user.calls)
    assert user.calls == ["made", "lost"]


async def test_above_tls_who_pauses_is_waited_for(
    anyio_backend: object, certificate: tuple[str, str]
) -> None:
    class Pausing(Noting):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self.transport.pause_reading()

    user = Pausing()
    await Certified(certificate).connect(user, Faults(Slice(size_bytes=3)))
    for calls in (["made", "data"], ["made", "data", "data"]):
        assert user.calls == calls
        user.transport.resume_reading()
        await turns()
    await until(lambda: "lost" in user.calls)
    assert (user.received, user.calls[-2:]) == (b"answer", ["eof", "lost"])


@pytest.mark.parametrize("faults", [NO_FAULTS, Slice(size_bytes=1)])
async def test_a_writer_can_be_told_to_reset_when_it_closes(
    server: EchoServer, faults: Faults | Slice
) -> None:
    for enabled, ending in ((True, "ConnectionResetError"), (False, "end")):
        server.endings.clear()
        _, writer = await open_connection("127.0.0.1", server.port, upstream=faults)
        assert reset_on_close(writer)
        assert reset_on_close(writer.transport, enabled)
        writer.close()
        await until(lambda: server.endings)
        assert server.endings == [ending]
