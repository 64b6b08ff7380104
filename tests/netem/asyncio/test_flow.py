"""Flow control stays true: each pause of a writer or a reader is followed by a resume."""

from __future__ import annotations

import asyncio

import pytest

from tests.netem.asyncio.programs import EchoServer, Noting
from tests.netem.asyncio.test_link import DOWN, UP, connect
from tests.proxy.waiting import PATIENCE_S, turns, until
from trixter.faults import NO_FAULTS, Faults, Freeze, Latency, Slice, Throttle
from trixter.faults.fault import LEAST_QUEUE_BYTES
from trixter.netem.asyncio import delivery as deliveries
from trixter.netem.asyncio.receive import LIMIT_BYTES

SLOW = Faults(Throttle(rate_bytes_per_s=1.0))


@pytest.mark.slow
async def test_more_than_may_be_held_pauses_the_other_side_and_all_of_it_arrives(server: EchoServer) -> None:
    user, size = Noting(), 3 * LIMIT_BYTES
    await connect(server, user, downstream=Faults(Latency(delay_s=0.5)))
    await until(lambda: server.transports)
    server.transports[0].write(bytes(size))
    await until(lambda: len(user.received) == size)
    user.transport.abort()


async def test_what_is_held_while_nobody_reads_is_bounded(server: EchoServer) -> None:
    user, size = Noting(), 6 * LIMIT_BYTES
    link = await connect(server, user, downstream=Faults(Freeze(is_on=True)))
    await until(lambda: server.transports)
    server.transports[0].write(bytes(size))
    await until(lambda: link.receiving.delivery.held_bytes > LIMIT_BYTES)
    user.transport.pause_reading()
    link.set_faults(DOWN, NO_FAULTS)
    await turns(50)
    assert server.transports[0].get_write_buffer_size() > 0, "the other side was not stopped"
    assert user.received == b""
    user.transport.resume_reading()
    await until(lambda: len(user.received) == size)
    user.transport.abort()


async def test_a_throttle_of_what_arrives_soon_stops_the_other_side(server: EchoServer) -> None:
    user = Noting()
    link = await connect(server, user, downstream=Faults(Throttle(rate_bytes_per_s=1.0)))
    await until(lambda: server.transports)
    server.transports[0].write(bytes(6 * LIMIT_BYTES))
    await until(lambda: link.receiving.delivery.held_bytes > LEAST_QUEUE_BYTES)
    await turns(50)
    # One read may exceed the queue; the loops' are of 256 KiB.
    assert link.receiving.delivery.held_bytes < LEAST_QUEUE_BYTES + 300 * 1024
    assert server.transports[0].get_write_buffer_size() > 0, "the other side was not stopped"
    user.transport.abort()


async def clog(user: Noting, size: int) -> None:
    """Write until the kernel takes no more."""
    while not user.transport.get_write_buffer_size():
        user.transport.write(bytes(size))
        await asyncio.sleep(0)


async def test_small_marks_are_told_of_although_the_loops_own_are_larger(server: EchoServer) -> None:
    user, server.is_mute = Noting(), True
    await connect(server, user)
    await until(lambda: server.transports)
    server.transports[0].pause_reading()
    user.transport.set_write_buffer_limits(high=1000)
    await clog(user, 20_000)
    assert user.calls[-1] == "pause"
    server.transports[0].resume_reading()
    await until(lambda: user.calls[-1] == "resume")
    user.transport.abort()


async def test_what_a_queue_left_in_the_loops_buffer_is_told_of_when_it_is_gone(server: EchoServer) -> None:
    user, server.is_mute = Noting(), True
    link = await connect(server, user)
    await until(lambda: server.transports)
    server.transports[0].pause_reading()
    await clog(user, 10_000)
    link.set_faults(UP, SLOW)
    user.transport.write(bytes(70_000))
    link.set_faults(UP, NO_FAULTS)
    assert user.calls[-1] == "pause", "nothing was read, and it may go on"
    server.transports[0].resume_reading()
    await until(lambda: user.calls[-1] == "resume")
    user.transport.abort()


async def test_marks_that_are_reached_are_told_of_at_once(server: EchoServer) -> None:
    user = Noting()
    await connect(server, user, SLOW)
    user.transport.write(bytes(50_000))
    assert user.calls == ["made"]
    user.transport.set_write_buffer_limits(high=10_000)
    assert user.calls == ["made", "pause"]
    user.transport.abort()


@pytest.mark.parametrize("is_sending", [True, False])
async def test_many_small_slices_leave_the_loop_its_turns(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch, is_sending: bool
) -> None:
    """On a clock on which every look takes as long as a turn, all of it takes many turns of the loop."""
    user, size, tiny = Noting(), 4000, Faults(Slice(size_bytes=1))
    server.is_mute = True
    await connect(server, user, *((tiny, NO_FAULTS) if is_sending else (NO_FAULTS, tiny)))
    await until(lambda: server.transports)
    monkeypatch.setattr(deliveries, "TURN_S", -1.0)
    sender = user.transport if is_sending else server.transports[0]
    sender.write(bytes(size))

    def arrived() -> int:
        return len(server.received if is_sending else user.received)

    turns_taken = 0
    async with asyncio.timeout(PATIENCE_S):
        while arrived() < size:
            await asyncio.sleep(0)
            turns_taken += 1
    assert turns_taken >= size / deliveries.ACTIONS_BETWEEN_LOOKS / 2
    user.transport.abort()


async def test_what_waits_for_a_turn_makes_the_sender_wait_and_is_not_overtaken(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "TURN_S", -1.0)
    user = Noting()
    link = await connect(server, user, Faults(Slice(size_bytes=1)))
    user.transport.set_write_buffer_limits(high=1000)
    user.transport.write(b"a" * 5000)
    assert link.above.is_paused
    link.set_faults(UP, NO_FAULTS)
    user.transport.write(b"b" * 10)
    user.transport.write_eof()
    await until(lambda: server.endings)
    assert server.received == b"a" * 5000 + b"b" * 10
    assert "resume" in user.calls
    user.transport.abort()


async def test_small_writes_between_two_turns_make_the_sender_wait_too(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "TURN_S", -1.0)
    user = Noting()
    link = await connect(server, user, Faults(Slice(size_bytes=1)))
    user.transport.set_write_buffer_limits(high=1000)
    for _ in range(100):
        user.transport.write(b"a" * 50)
    assert link.above.is_paused
    user.transport.abort()


async def test_what_waits_for_a_turn_is_dropped_by_an_abort(
    server: EchoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "TURN_S", -1.0)
    user = Noting()
    await connect(server, user, Faults(Slice(size_bytes=1)))
    user.transport.write(b"a" * 5000)
    user.transport.abort()
    await until(lambda: "lost" in user.calls)
    await turns()
    assert len(server.received) < 1000
