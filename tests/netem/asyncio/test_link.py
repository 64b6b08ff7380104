"""Between a transport and its protocol, faults change when and what, and nothing of the contract."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.netem.asyncio.programs import EchoServer, Noting, NotingBuffered
from tests.proxy.waiting import turns, until
from trixter.faults import NO_FAULTS, Direction, Fault, Faults, Latency, Slice, Terminate, Throttle
from trixter.netem import FaultyConnection, wrap_protocol_factory

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
STALLED = Faults(Latency(delay_s="1h"))
SLOW = Faults(Throttle(rate_bytes_per_s=1.0))


async def connect(
    server: EchoServer,
    user: asyncio.BaseProtocol,
    upstream: Faults = NO_FAULTS,
    downstream: Faults = NO_FAULTS,
) -> FaultyConnection:
    """Connect a protocol to the server with faults in between."""
    factory = wrap_protocol_factory(lambda: user, upstream=upstream, downstream=downstream, seed=1)
    loop: Any = asyncio.get_running_loop()
    _, link = await loop.create_connection(factory, "127.0.0.1", server.port)
    assert isinstance(link, FaultyConnection)
    return link


@pytest.mark.parametrize("faults", [NO_FAULTS, Faults(Slice(size_bytes=2)), Faults(Latency(delay_s=0.001))])
async def test_bytes_go_there_and_back_and_the_end_too(server: EchoServer, faults: Faults) -> None:
    user = Noting()
    link = await connect(server, user, faults, faults)
    user.transport.write(b"ping")
    user.transport.writelines([b"po", b"ng"])
    user.transport.write_eof()
    await until(lambda: "lost" in user.calls)
    assert (user.received, bytes(server.received)) == (b"pingpong", b"pingpong")
    assert (user.calls[0], user.calls[-2:], user.lost) == ("made", ["eof", "lost"], None)
    assert link.forwarded_bytes == {UP: 8, DOWN: 8}


async def test_a_buffered_protocol_gets_all_of_it(server: EchoServer) -> None:
    user = NotingBuffered()
    await connect(server, user, downstream=Faults(Slice(size_bytes=5)))
    user.transport.write(b"0123456789")
    await until(lambda: len(user.received) == 10)
    assert user.received == b"0123456789"
    user.transport.abort()


async def test_what_is_sent_is_held_and_a_change_lets_it_go_at_once(server: EchoServer) -> None:
    user = Noting()
    link = await connect(server, user, STALLED)
    user.transport.write(b"ping")
    await turns()
    assert server.received == b""
    link.set_faults(UP, NO_FAULTS)
    await until(lambda: user.received == b"ping")
    assert (link.faults(UP), link.faults(DOWN)) == (NO_FAULTS, NO_FAULTS)
    user.transport.abort()


async def test_what_arrives_is_held_and_a_change_lets_it_go_at_once(server: EchoServer) -> None:
    user = Noting()
    link = await connect(server, user, downstream=STALLED)
    user.transport.write(b"ping")
    await until(lambda: server.received == b"ping")
    await turns()
    assert user.received == b""
    link.set_faults(DOWN, NO_FAULTS)
    assert user.received == b"ping"
    user.transport.abort()


async def test_closing_sends_what_is_held_first(server: EchoServer) -> None:
    server.is_mute = True  # an unread answer would make the end a reset
    user = Noting()
    link = await connect(server, user, STALLED)
    user.transport.write(b"last words")
    user.transport.close()
    user.transport.write(b"too late")
    assert user.transport.is_closing()
    await turns()
    assert "lost" not in user.calls
    link.set_faults(UP, NO_FAULTS)
    await until(lambda: "lost" in user.calls)
    await until(lambda: server.endings)
    assert (bytes(server.received), server.endings, user.lost) == (b"last words", ["end"], None)


async def test_aborting_drops_what_is_held(server: EchoServer) -> None:
    user = Noting()
    await connect(server, user, STALLED)
    user.transport.write(b"never")
    user.transport.abort()
    await until(lambda: "lost" in user.calls)
    assert (bytes(server.received), user.lost) == (b"", None)


async def test_a_fault_that_ends_it_resets_it(server: EchoServer) -> None:
    user = Noting()
    await connect(server, user, Faults(Terminate(probability=1.0)))
    user.transport.write(b"fatal")
    await until(lambda: "lost" in user.calls)
    await until(lambda: server.endings)
    assert isinstance(user.lost, ConnectionResetError)
    assert server.endings == ["ConnectionResetError"]
    assert user.calls == ["made", "lost"]


async def test_a_reset_from_there_is_told_as_one(server: EchoServer) -> None:
    user = Noting()
    link = await connect(server, user, downstream=STALLED)
    link.reset("by hand")
    await until(lambda: "lost" in user.calls)
    assert isinstance(user.lost, ConnectionResetError)


async def test_a_queue_asks_to_pause_and_its_end_to_go_on(server: EchoServer) -> None:
    user = Noting()
    link = await connect(server, user, SLOW)
    user.transport.set_write_buffer_limits(high=10_000, low=1_000)
    assert user.transport.get_write_buffer_limits() == (1_000, 10_000)
    user.transport.write(bytes(5_000))
    assert user.calls == ["made"]
    user.transport.write(bytes(6_000))
    assert user.calls == ["made", "pause"]
    assert user.transport.get_write_buffer_size() >= 10_999
    link.set_faults(UP, NO_FAULTS)
    await until(lambda: len(user.received) == 11_000)
    assert user.calls[:3] == ["made", "pause", "resume"]
    user.transport.abort()


async def test_what_is_under_way_makes_nobody_wait(server: EchoServer) -> None:
    """Otherwise AnyIO, which allows no buffer, would wait for the delay after each send."""
    user = Noting()
    await connect(server, user, STALLED)
    user.transport.set_write_buffer_limits(0)
    user.transport.write(bytes(1000))
    assert user.calls == ["made"]
    user.transport.abort()


async def test_whoever_pauses_reading_gets_nothing_and_later_all(server: EchoServer) -> None:
    user = Noting()
    link = await connect(server, user, downstream=STALLED)
    user.transport.write(b"ping")
    await until(lambda: server.received == b"ping")
    await turns()
    user.transport.pause_reading()
    assert not user.transport.is_reading()
    link.set_faults(DOWN, NO_FAULTS)
    await turns()
    assert user.received == b""
    user.transport.resume_reading()
    assert user.received == b"", "called back while it called"
    await until(lambda: user.received == b"ping")
    user.transport.abort()


async def test_a_protocol_may_keep_it_open_after_the_end(server: EchoServer) -> None:
    user, server.is_mute = Noting(keeps_open=True), True
    await connect(server, user, downstream=Faults(Latency(delay_s=0.001)))
    await until(lambda: server.transports)
    server.transports[0].write_eof()
    await until(lambda: "eof" in user.calls)
    user.transport.write(b"still here")
    await until(lambda: server.received == b"still here")
    assert user.calls == ["made", "eof"]
    user.transport.abort()


async def test_the_transport_is_what_it_was(server: EchoServer) -> None:
    user, another = Noting(), Noting()
    await connect(server, user)
    transport = user.transport
    assert transport.get_extra_info("peername") == ("127.0.0.1", server.port)
    assert transport.get_extra_info("nothing", 7) == 7
    assert transport.can_write_eof()
    assert transport.get_protocol() is user
    transport.set_protocol(another)
    transport.write(b"ping")
    await until(lambda: another.received == b"ping")
    with pytest.raises(ValueError, match="high"):
        transport.set_write_buffer_limits(high=1, low=2)
    transport.abort()


harmless: st.SearchStrategy[Fault] = st.one_of(
    st.builds(Latency, delay_s=st.floats(0, 0.002), jitter_s=st.floats(0, 0.002)),
    st.builds(Throttle, rate_bytes_per_s=st.sampled_from([1e7, 1e9])),
    st.builds(Slice, size_bytes=st.integers(100, 5000)),
)
mixtures = st.lists(harmless, max_size=2).map(lambda faults: Faults(*faults))


@given(first=mixtures, sends=st.lists(st.tuples(st.binary(max_size=2000), mixtures, mixtures), max_size=8))
async def test_whatever_changes_when_the_bytes_are_the_same(
    anyio_backend: object, first: Faults, sends: list[tuple[bytes, Faults, Faults]]
) -> None:
    server, user = EchoServer(), Noting()
    await server.start()
    link = await connect(server, user, first, first)
    for data, upstream, downstream in sends:
        user.transport.write(data)
        link.set_faults(UP, upstream)
        await turns(2)
        link.set_faults(DOWN, downstream)
    user.transport.write_eof()
    await until(lambda: "lost" in user.calls)
    await server.stop()
    assert user.received == b"".join(data for data, _, _ in sends)
    assert user.lost is None


class Failing(Noting):
    """Fail when bytes come."""

    def data_received(self, data: bytes) -> None:
        raise RuntimeError("on purpose")


@pytest.mark.parametrize("downstream", [NO_FAULTS, Faults(Latency(delay_s=0.001))], ids=["calm", "late"])
async def test_a_protocol_that_fails_loses_its_connection_and_the_loop_is_told(
    server: EchoServer, downstream: Faults, told: list[str]
) -> None:
    user = Failing()
    await connect(server, user, downstream=downstream)
    user.transport.write(b"ping")
    await until(lambda: "lost" in user.calls)
    assert told == ["on purpose"]


@pytest.mark.parametrize("upstream", [NO_FAULTS, STALLED], ids=["calm", "frozen"])
async def test_nothing_is_sent_behind_the_end(server: EchoServer, upstream: Faults) -> None:
    user = Noting()
    await connect(server, user, upstream)
    user.transport.write_eof()
    user.transport.write_eof()
    with pytest.raises(RuntimeError, match="after write_eof"):
        user.transport.write(b"too late")
    user.transport.abort()


async def test_closing_after_the_end_was_sent_closes(server: EchoServer) -> None:
    user, server.is_mute = Noting(keeps_open=True), True
    link = await connect(server, user, STALLED)
    user.transport.write(b"last words")
    user.transport.write_eof()
    user.transport.close()
    link.set_faults(UP, NO_FAULTS)
    await until(lambda: "lost" in user.calls)
    await until(lambda: server.received == b"last words")
    user = Noting(keeps_open=True)
    await connect(server, user)
    user.transport.write_eof()
    user.transport.close()
    await until(lambda: "lost" in user.calls)


@pytest.mark.parametrize("data", ["text", 5, None])
async def test_what_are_no_bytes_is_refused(server: EchoServer, data: Any) -> None:
    user = Noting()
    await connect(server, user, STALLED)
    with pytest.raises(TypeError, match="bytes-like"):
        user.transport.write(data)
    user.transport.abort()
