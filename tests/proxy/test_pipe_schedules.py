"""Changes at any time leave the bytes the same: calm, through a chain, and from one to the other."""

from __future__ import annotations

from array import array
from contextlib import ExitStack

from hypothesis import given
from hypothesis import strategies as st

from tests.proxy.connection_harness import ConnectionHarness
from tests.proxy.odd_faults import Idle
from tests.proxy.waiting import turns
from trixter.faults import NO_FAULTS, Direction, Fault, Faults, Latency, Slice, Terminate, Throttle

PATHS = st.sampled_from([NO_FAULTS, Faults(Idle())])

harmless: st.SearchStrategy[Fault] = st.one_of(
    st.just(Idle()),
    st.just(Terminate(probability=1e-12)),
    st.integers(1000, 60_000).map(lambda size: Slice(size_bytes=size)),
    st.builds(Latency, delay_s=st.floats(0, 3), jitter_s=st.floats(0, 3)),
    st.builds(Throttle, rate_bytes_per_s=st.sampled_from([1e4, 1e6, 1e9])),
    st.integers(1000, 5000).map(lambda size: Slice(size_bytes=size, variation_bytes=size - 1)),
    st.integers(1000, 5000).map(lambda size: Slice(size_bytes=size, gap_s=0.01)),
)
MIXTURES = st.one_of(PATHS, st.lists(harmless, max_size=3).map(lambda faults: Faults(*faults)))

steps = st.one_of(
    st.tuples(st.just("change"), MIXTURES),
    st.tuples(st.just("send"), st.integers(1, 50_000)),
    st.tuples(st.just("receive"), st.integers(1, 50_000)),
    st.tuples(st.just("advance"), st.floats(0, 2)),
    st.tuples(st.just("turn"), st.integers(1, 3)),
)


# Every place looks different, so nothing that is lost, repeated or swapped goes unseen.
STREAM = array("I", range(700_000)).tobytes()


@given(first=MIXTURES, schedule=st.lists(steps, max_size=20))
async def test_bytes_are_neither_lost_nor_reordered(
    anyio_backend: object, first: Faults, schedule: list[tuple[str, object]]
) -> None:
    with ExitStack() as exits:
        harness = ConnectionHarness(exits)
        harness.set_defaults(downstream=first)
        # Small buffers, so that the sink is full now and then.
        client, server, connection = harness.connect(buffer_bytes=16384)
        pipe = connection.pipe(Direction.DOWNSTREAM)
        sent, received = 0, b""
        for step, value in schedule:
            match step, value:
                case "change", Faults() as faults:
                    pipe.faults = faults
                case "send", int(size):
                    sent += server.send_what_fits(STREAM[sent : sent + size])
                case "receive", int(size):
                    received += client.received(size)
                case "advance", float(seconds):
                    harness.clock.advance(seconds)
                case "turn", int(count):
                    await turns(count)
            assert STREAM.startswith(received)
        server.finish()
        received += await harness.receive_all_in_time(client)
        assert received == STREAM[:sent]
        assert (pipe.forwarded_bytes, pipe.held_bytes) == (sent, 0)
        assert harness.end_reason is None
