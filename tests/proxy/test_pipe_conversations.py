"""Whatever two peers and the settings do, on the fast path, the slow path and from one to the other."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.connection_harness import ConnectionHarness, pipes_of
from tests.proxy.odd_faults import Idle
from tests.proxy.waiting import PATIENCE_S, turns, until
from trixter.faults import NO_FAULTS, Direction, Fault, Faults, Freeze, Latency, Slice, Terminate, Throttle
from trixter.proxy import EndReason, Pipe

pytestmark = pytest.mark.slow

harmless: st.SearchStrategy[Fault] = st.one_of(
    st.just(Idle()),
    st.just(Terminate(probability=1e-12)),
    st.builds(Latency, delay_s=st.floats(0, 3), jitter_s=st.floats(0, 3)),
    st.builds(Throttle, rate_bytes_per_s=st.sampled_from([1e4, 1e6, 1e9])),
    st.builds(Slice, size_bytes=st.integers(5000, 100_000)),
    st.integers(1000, 5000).map(lambda size: Slice(size_bytes=size, variation_bytes=size - 1)),
    st.integers(1000, 5000).map(lambda size: Slice(size_bytes=size, gap_s=0.01)),
    st.just(Freeze(is_on=True)),
)
MIXTURES = st.one_of(
    st.just(NO_FAULTS),
    st.just(Faults(Idle())),
    st.lists(harmless, max_size=3).map(lambda faults: Faults(*faults)),
)
SIZES = st.one_of(st.integers(1, 5000), st.sampled_from([4096, 8192, 16_384]), st.integers(1, 300_000))
DIRECTIONS = st.sampled_from(Direction)
STEPS = st.one_of(
    st.tuples(st.just("change"), DIRECTIONS, MIXTURES),
    st.tuples(st.just("send"), DIRECTIONS, SIZES),
    st.tuples(st.just("go on sending"), DIRECTIONS, SIZES),
    st.tuples(st.just("receive"), DIRECTIONS, SIZES),
    st.tuples(st.just("finish"), DIRECTIONS, st.integers(0, 4)),
    st.tuples(st.just("advance"), DIRECTIONS, st.floats(0, 2)),
    st.tuples(st.just("turn"), DIRECTIONS, st.integers(1, 3)),
)

# Every place looks different, so nothing that is lost, repeated or swapped goes unseen.
STREAM = b"".join(number.to_bytes(4, "big") for number in range(2_500_000))


class Conversation:
    """Two peers, and what each has sent and received."""

    def __init__(self, harness: ConnectionHarness, *, buffer_bytes: int) -> None:
        self.harness = harness
        client, server, self.connection = harness.connect(buffer_bytes=buffer_bytes)
        self.sources = {Direction.UPSTREAM: client, Direction.DOWNSTREAM: server}
        self.sinks = {Direction.UPSTREAM: server, Direction.DOWNSTREAM: client}
        self.sent = dict.fromkeys(Direction, 0)
        self.received = {direction: bytearray() for direction in Direction}
        self.finished: set[Direction] = set()

    async def take(self, step: str, direction: Direction, value: object) -> None:
        match step, value:
            case "change", Faults() as faults:
                self.connection.pipe(direction).faults = faults
            case "send", int(size):
                self.send(direction, size)
            case "go on sending", int(size):  # also while the sink is full
                for _ in range(20):
                    self.send(direction, size)
                    await turns(2)
            case "receive", int(size):
                self.received[direction] += self.sinks[direction].received(size)
            case "finish", 0:
                self.finish(direction)
            case "advance", float(seconds):
                self.harness.clock.advance(seconds)
            case "turn", int(count):
                await turns(count)

    def send(self, direction: Direction, size: int) -> None:
        if direction not in self.finished:
            sent = self.sent[direction]
            self.sent[direction] += self.sources[direction].send_what_fits(
                memoryview(STREAM)[sent : sent + size]
            )

    def finish(self, direction: Direction) -> None:
        if direction not in self.finished:
            self.finished.add(direction)
            self.sources[direction].finish()

    @property
    def pipes(self) -> tuple[Pipe, Pipe]:
        return pipes_of(self.connection)

    def check_bytes(self) -> None:
        assert all(STREAM.startswith(received) for received in self.received.values())

    def check_that_nothing_is_left(self) -> None:
        context = self.harness.context
        assert [pipe.held_bytes for pipe in self.pipes] == [0, 0]
        assert (context.memory.held_bytes, context.in_flight.free_bytes, context.backlogs.count) == (0, 0, 0)
        assert self.harness.clock.next_at is None


@given(first=MIXTURES, schedule=st.lists(STEPS, min_size=10, max_size=30), is_small=st.booleans())
async def test_bytes_arrive_exact_and_in_order_with_one_end_and_nothing_left(
    anyio_backend: object, first: Faults, schedule: list[tuple[str, Direction, object]], is_small: bool
) -> None:
    with ExitStack() as exits:
        harness = ConnectionHarness(exits)
        harness.set_defaults(downstream=first)
        # With small buffers, the sink is full now and then.
        talk = Conversation(harness, buffer_bytes=16_384 if is_small else 0)
        for step in schedule:
            await talk.take(*step)
            talk.check_bytes()
            assert harness.end_reason is None or len(talk.finished) == 2
        for pipe in talk.pipes:
            pipe.faults = NO_FAULTS
        for direction in Direction:
            talk.finish(direction)
            talk.received[direction] += await harness.receive_all_in_time(talk.sinks[direction])
        talk.check_bytes()
        await until(lambda: harness.end_reason)
        assert harness.end_reason == EndReason("closed")
        assert {direction: len(received) for direction, received in talk.received.items()} == talk.sent
        assert [pipe.forwarded_bytes for pipe in talk.pipes] == list(talk.sent.values())
        talk.check_that_nothing_is_left()


@given(
    first=MIXTURES,
    schedule=st.lists(STEPS, max_size=20),
    source=DIRECTIONS,
    is_small=st.booleans(),
)
async def test_a_reset_at_any_time_is_one_end_and_leaves_nothing(
    anyio_backend: object,
    first: Faults,
    schedule: list[tuple[str, Direction, object]],
    source: Direction,
    is_small: bool,
) -> None:
    with ExitStack() as exits:
        harness = ConnectionHarness(exits)
        harness.set_defaults(downstream=first)
        talk = Conversation(harness, buffer_bytes=16_384 if is_small else 0)
        for step in schedule:
            await talk.take(*step)
        talk.sources[source].reset()
        for pipe in talk.pipes:
            pipe.faults = NO_FAULTS
        async with asyncio.timeout(PATIENCE_S):
            while harness.end_reason is None:
                talk.received[source] += talk.sinks[source].received()
                harness.clock.advance(1.0)
                await turns(1)
        talk.check_bytes()
        peer = "client" if source is Direction.UPSTREAM else "upstream"
        ends = [EndReason(f"reset by {peer}", reset=True)]
        assert harness.end_reason in (ends if len(talk.finished) < 2 else [*ends, EndReason("closed")])
        talk.check_that_nothing_is_left()
