"""A protocol may act within its callbacks, and may fail: order, and other connections, stay as they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.netem.asyncio.programs import EchoServer, Noting, NotingBuffered
from tests.netem.asyncio.test_link import DOWN, STALLED, UP, connect
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Faults, Latency, Slice, Throttle
from trixter.netem import faulty_network

LATE = Faults(Latency(delay_s=0.001))


class Eager(Noting):
    """Write as soon as it may write again."""

    def resume_writing(self) -> None:
        super().resume_writing()
        self.transport.write(b"last")


async def test_what_is_written_when_a_queue_is_let_go_comes_behind_it(server: EchoServer) -> None:
    """TLS on top does so: out of order, its records do not decrypt."""
    user, server.is_mute = Eager(), True
    link = await connect(server, user, Faults(Throttle(rate_bytes_per_s=1.0)))
    pieces = [b"%d" % (n % 10) * 5000 for n in range(30)]
    for piece in pieces:
        user.transport.write(piece)
    link.set_faults(UP, NO_FAULTS)
    await until(lambda: len(server.received) == 150_004)
    assert bytes(server.received) == b"".join(pieces) + b"last"
    user.transport.abort()


async def test_a_change_from_within_a_callback_lets_nothing_overtake(server: EchoServer) -> None:
    class Changing(Noting):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            link.set_faults(DOWN, Faults())

    user = Changing()
    link = await connect(server, user, downstream=Faults(Latency(delay_s="1h"), Slice(size_bytes=1)))
    for n in range(10):
        user.transport.write(b"%d" % n)
        await until(lambda: len(server.received) == n + 1)  # noqa: B023 - called here only
    await turns()
    link.set_faults(DOWN, Faults(Latency(delay_s=0.01)))
    await until(lambda: len(user.received) == 10)
    assert user.received == b"0123456789"
    user.transport.abort()


@pytest.mark.parametrize("ending", ["close", "abort"])
async def test_who_ends_it_from_within_a_callback_hears_of_nothing_more(
    server: EchoServer, ending: str
) -> None:
    class Leaving(Noting):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            getattr(self.transport, ending)()

    user = Leaving()
    await connect(server, user, downstream=Faults(Slice(size_bytes=1)))
    user.transport.write(b"0123")
    await until(lambda: "lost" in user.calls)
    await turns()
    assert user.calls == ["made", "data", "lost"]


async def test_a_buffered_protocol_that_pauses_gets_one_buffer(server: EchoServer) -> None:
    class Pausing(NotingBuffered):
        def buffer_updated(self, nbytes: int) -> None:
            super().buffer_updated(nbytes)
            self.transport.pause_reading()

    user = Pausing()
    await connect(server, user)
    user.transport.write(b"0123456789")
    await until(lambda: bool(user.received))
    for expected in (b"012", b"012345", b"012345678", b"0123456789"):
        await turns()
        assert user.received == expected
        user.transport.resume_reading()
    user.transport.abort()


async def test_a_protocol_need_not_be_a_subclass(server: EchoServer) -> None:
    class Unrelated:
        received = b""

        def connection_made(self, transport: Any) -> None:
            transport.write(b"ping")

        def data_received(self, data: bytes) -> None:
            self.received += data

        def connection_lost(self, exc: BaseException | None) -> None: ...

    user: Any = Unrelated()
    link = await connect(server, user)
    await until(lambda: user.received == b"ping")
    link.abort(None)


class Failing(Noting):
    def data_received(self, data: bytes) -> None:
        raise RuntimeError("on purpose")


class NoBuffer(NotingBuffered):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []
        self._buffer = bytearray()

    def connection_lost(self, exc: BaseException | None) -> None:
        self.calls.append("lost")


class Complaining(Noting):
    def pause_writing(self) -> None:
        raise RuntimeError("on purpose")


async def test_who_fails_when_it_catches_up_loses_its_connection(server: EchoServer, told: list[str]) -> None:
    user = Failing()
    link = await connect(server, user, downstream=STALLED)
    user.transport.write(b"ping")
    await until(lambda: server.received == b"ping")
    await turns()
    user.transport.pause_reading()
    link.set_faults(DOWN, NO_FAULTS)
    user.transport.resume_reading()
    await until(lambda: "lost" in user.calls)
    assert told == ["on purpose"]


async def test_who_has_no_buffer_loses_its_connection(server: EchoServer, told: list[str]) -> None:
    user = NoBuffer()
    await connect(server, user)
    user.transport.write(b"ping")
    await until(lambda: user.calls == ["lost"])
    assert told == ["get_buffer() returned an empty buffer"]


async def test_who_fails_when_it_is_asked_to_pause_goes_on(server: EchoServer, told: list[str]) -> None:
    user = Complaining()
    await connect(server, user, LATE)
    user.transport.set_write_buffer_limits(0)
    user.transport.write(bytes(5_000_000))
    await until(lambda: len(user.received) == 5_000_000)
    assert told == ["on purpose"]
    user.transport.abort()


async def test_one_that_fails_keeps_no_change_from_the_others(server: EchoServer, told: list[str]) -> None:
    users, loop = [Failing(), Noting()], asyncio.get_running_loop()
    async with faulty_network({"*:*": (NO_FAULTS, STALLED)}) as network:
        for user in users:
            await loop.create_connection(lambda: user, "127.0.0.1", server.port)  # noqa: B023 - as above
            user.transport.write(b"ping")
        await until(lambda: len(server.received) == 8)
        await turns()
        network["*:*"] = NO_FAULTS
        await until(lambda: users[1].received == b"ping" and "lost" in users[0].calls)
        users[1].transport.abort()
    assert told == ["on purpose"]
