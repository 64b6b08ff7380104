"""A chain on a clock keeps exactly one appointment, or none."""

from __future__ import annotations

import asyncio

import pytest

from trixter.faults import CALM, EOF, RESET, Dice, End, Faults, Latency
from trixter.proxy.loop import LoopContext
from trixter.proxy.memory import InFlightMemory
from trixter.proxy.timed_chain import TimedChain
from trixter.testing import ManualClock


class Chain:
    """One on a manual clock, and how often it was called."""

    def __init__(self, *faults: Latency) -> None:
        self.clock = ManualClock(starts_at=10.0)
        self.calls = 0
        self.pool = InFlightMemory(1000)
        context = LoopContext(asyncio.get_running_loop(), self.clock, in_flight=self.pool)
        context.close()  # its sockets and its buffer are not needed
        self.chain = TimedChain(Faults(*faults), Dice(1), context, self._on_time)

    def _on_time(self) -> None:
        self.calls += 1


async def test_it_calls_when_the_first_piece_is_due_and_not_before() -> None:
    it = Chain(Latency(delay_s=1.0))
    assert it.chain.put(b"x") == []
    it.chain.make_appointment()
    it.clock.advance(0.999)
    assert it.calls == 0
    it.clock.advance(0.001)
    assert it.calls == 1
    assert it.chain.take() == [b"x"]
    assert it.chain.is_idle


@pytest.mark.parametrize("end", [EOF, RESET], ids=repr)
async def test_an_end_that_is_put_in_comes_out_in_its_time(end: End) -> None:
    it = Chain(Latency(delay_s=1.0))
    it.chain.put_end(end)
    it.clock.advance(0.999)
    assert it.chain.take() == []
    it.clock.advance(0.001)
    assert it.chain.take() == [end]


async def test_an_appointment_moves_when_a_change_makes_it_earlier() -> None:
    it = Chain(Latency(delay_s=5.0))
    it.chain.put(b"x")
    it.chain.make_appointment()
    assert it.chain.change(Faults(Latency(delay_s=1.0))) == []
    it.chain.make_appointment()
    it.clock.advance(1.0)
    assert it.calls == 1
    it.clock.advance(10.0)
    assert it.calls == 1, "the first appointment was kept, too"


async def test_a_change_to_nothing_lets_all_go_and_leaves_no_appointment() -> None:
    it = Chain(Latency(delay_s=5.0))
    it.chain.put(b"x")
    it.chain.make_appointment()
    assert not it.chain.is_idle
    assert it.chain.change(CALM) == [b"x"]
    it.chain.make_appointment()
    assert (it.chain.is_calm, it.chain.is_idle, it.chain.held_bytes) == (True, True, 0)
    it.clock.advance(10.0)
    assert it.calls == 0


async def test_one_that_is_closed_calls_nobody() -> None:
    it = Chain(Latency(delay_s=5.0))
    it.chain.put(b"x")
    it.chain.make_appointment()
    it.chain.close()
    it.clock.advance(10.0)
    assert it.calls == 0


async def test_one_that_is_closed_gives_back_what_was_lent() -> None:
    it = Chain(Latency(delay_s=5.0))
    it.chain.put(b"x" * 300)
    assert it.chain.borrow(it.chain.held_bytes, 1000) == it.chain.held_bytes
    assert it.pool.free_bytes == 1000 - it.chain.held_bytes
    it.chain.close()
    assert it.pool.free_bytes == 1000


async def test_latency_counts_from_the_arrival() -> None:
    it = Chain(Latency(delay_s=1.0))
    it.clock.advance(5.0)
    it.chain.put(b"old", age_s=0.25)
    it.chain.make_appointment()
    it.clock.advance(0.75)
    assert it.chain.take() == [b"old"]


async def test_nothing_arrived_before_the_chain_was_last_asked() -> None:
    it = Chain(Latency(delay_s=1.0))
    it.chain.put(b"first")
    it.chain.put(b"second", age_s=0.25)  # or it would overtake
    it.clock.advance(0.999)
    assert it.chain.take() == []
    it.clock.advance(0.001)
    assert it.chain.take() == [b"first", b"second"]
