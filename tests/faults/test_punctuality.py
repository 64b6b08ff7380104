"""The times at which the caller takes do not change what leaves when, nor in which pieces."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from tests.faults.flows import Flow
from tests.faults.mixtures import any_faults, harmless_faults, payloads, spans
from tests.faults.toxics import any_toxics
from trixter.faults import (
    EOF,
    Abort,
    Action,
    Corrupt,
    Eof,
    Faults,
    Freeze,
    Latency,
    Slice,
    Terminate,
    Throttle,
)

Event = bytes | Faults | Eof
"""What happens to a chain from outside: a read, new settings, or the end."""

Story = list[tuple[float, Event]]
"""Events, each with the seconds since the one before."""


def stories(faults: st.SearchStrategy[Faults]) -> st.SearchStrategy[Story]:
    """Make conversations in which settings change between reads, and that may end."""
    events = st.lists(st.tuples(spans, payloads | faults), max_size=10)
    ends = st.lists(st.tuples(spans, st.just(EOF)), max_size=1)
    return st.builds(lambda story, end: [*story, *end], events, ends)


def tell(flow: Flow, event: Event) -> None:
    """Let an event happen to the chain, and do not ask what came of it."""
    if isinstance(event, Faults):
        flow.chain.change(event, flow.now)
    elif isinstance(event, Eof):
        flow.chain.put_eof(flow.now)
    else:
        flow.chain.put(event, flow.now)


def left_by(then: float, flow: Flow, looks: Sequence[float] = ()) -> list[Action]:
    """Keep all appointments until then, look at other times, too, and return all that has left."""
    for look in [*sorted(look for look in looks if flow.now < look < then), then]:
        flow.wait_until(look)
        flow.take()
    return [departure.action for departure in flow.departures]


def awake(story: Story, faults: Faults, looks: Sequence[float] = ()) -> Flow:
    """Ask after every event and at every appointment, as one should; and when looking."""
    flow = Flow.under(*faults)
    for gap_s, event in story:
        left_by(flow.now + gap_s, flow, looks)
        tell(flow, event)
        flow.take()
    return flow


def asleep(story: Story, faults: Faults) -> Flow:
    """Ask for nothing at all, for as long as things happen."""
    flow = Flow.under(*faults)
    for gap_s, event in story:
        flow.now += gap_s
        tell(flow, event)
    return flow


@given(any_faults, stories(any_faults), st.lists(st.floats(0, 30), max_size=20), st.floats(0, 30))
def test_extra_questions_change_nothing(
    faults: Faults, story: Story, looks: list[float], later_s: float
) -> None:
    as_promised, asked = awake(story, faults), awake(story, faults, looks)
    then = as_promised.now + later_s
    assert left_by(then, asked, looks) == left_by(then, as_promised)


@given(any_faults | any_toxics, stories(any_faults | any_toxics), st.floats(0, 30))
@example(Faults(Slice(size_bytes=1, gap_s=1)), [(0.0, b"ab"), (9.0, b"cd")], 0.5)
@example(Faults(Slice(size_bytes=1, gap_s=1), Latency(delay_s=1)), [(0.0, b"ab"), (9.0, EOF)], 0.5)
@example(Faults(Throttle(rate_bytes_per_s=10)), [(0.0, b"a"), (9.0, b"bcdef")], 0.0)
@example(Faults(Throttle(rate_bytes_per_s=10), Latency(delay_s=1)), [(0.0, b"a"), (9.0, EOF)], 0.5)
def test_who_comes_late_finds_exactly_what_was_due(faults: Faults, story: Story, later_s: float) -> None:
    as_promised, late = awake(story, faults), asleep(story, faults)
    then = late.now = as_promised.now + later_s
    late.take()
    assert [departure.action for departure in late.departures] == left_by(then, as_promised)


def test_what_was_due_before_a_reset_leaves_before_it() -> None:
    slow, deadly = Latency(delay_s=1), Terminate(probability=1.0)
    story: Story = [(0.0, b"due"), (0.5, b"not due"), (0.4, Faults(slow, deadly)), (0.2, b"struck")]
    assert asleep(story, Faults(slow)).take() == [b"due", Abort("terminated")]


@given(any_faults | any_toxics, stories(any_faults | any_toxics))
def test_after_a_take_the_next_appointment_is_always_in_the_future(faults: Faults, story: Story) -> None:
    flow = Flow.under(*faults)
    for gap_s, event in [*story, (100.0, Faults())]:
        then = flow.now + gap_s
        while (when := flow.chain.wake_at()) is not None and when <= then:
            flow.now = when
            flow.take()
            again = flow.chain.wake_at()
            assert again is None or again > when
        flow.now = then
        tell(flow, event)
        flow.take()


@given(harmless_faults, st.lists(payloads, min_size=1, max_size=5))
def test_it_wakes_at_most_once_for_each_byte_and_fault(faults: Faults, reads: list[bytes]) -> None:
    flow = Flow.under(*faults)
    for data in reads:
        flow.put(data)
    flow.put_eof()
    wakes = 0
    while (when := flow.chain.wake_at()) is not None:
        flow.now = when
        flow.take()
        wakes += 1
    flow.change(*faults.without(Freeze))
    assert flow.ended == EOF
    assert wakes <= (sum(map(len, reads)) + 1) * len(faults)


def test_noise_is_kept_to_its_appointments_like_any_bytes() -> None:
    faults = Faults(
        Corrupt(probability=1.0), Slice(size_bytes=1000, gap_s=0.01), Throttle(rate_bytes_per_s=1e5)
    )
    story: Story = [(0.1, b"x" * 100) for _ in range(20)]
    late = asleep(story, faults)
    late.now += 0.5
    late.take()
    assert [departure.action for departure in late.departures] == left_by(late.now, awake(story, faults))
