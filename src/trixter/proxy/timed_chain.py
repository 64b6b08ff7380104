"""A chain on a clock."""

from __future__ import annotations

from collections.abc import Callable

from trixter.faults import EOF, Action, Chain, Dice, End, Faults
from trixter.proxy.clock import Timer
from trixter.proxy.loop import LoopContext
from trixter.proxy.memory import InFlightShare


class TimedChain:
    """Drive a chain by the clock, with exactly one appointment, or none.

    Args:
        faults: To start with; ``take`` what they let leave at once.
        luck: The direction's.
        context: Its clock tells the time and keeps the appointment; its in-flight memory lends some.
        on_time: Called when something may leave: then ``take``.
    """

    __slots__ = ("_asked_at", "_chain", "_clock", "_loan", "_on_time", "_timer", "lets_pass")

    def __init__(self, faults: Faults, luck: Dice, context: LoopContext, on_time: Callable[[], None]) -> None:
        self._clock = clock = context.clock
        self._loan = InFlightShare(context.in_flight)
        self._asked_at = clock.time()  # last; a chain's time never goes back
        self._chain = Chain(faults, luck, self._asked_at)
        self.lets_pass = self._chain.lets_pass
        """As the chain's; no time is told, so no clock is asked."""
        self._on_time = on_time
        self._timer: Timer | None = None

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        return self._chain.faults

    @property
    def is_calm(self) -> bool:
        """Whether bytes may go around it: no faults, and nothing held."""
        return self._chain.is_calm

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held, and nobody need be called."""
        return self._chain.is_idle and self._timer is None

    @property
    def is_wire(self) -> bool:
        """Whether bytes take their time: it counts from when they arrived."""
        return self._chain.is_wire

    @property
    def is_slicing(self) -> bool:
        """Whether bytes are cut into pieces."""
        return self._chain.is_slicing

    @property
    def fullness(self) -> float:
        """How full the fullest queue is that makes a sender wait; see ``Chain.fullness``."""
        return self._chain.fullness

    @property
    def most_read_bytes(self) -> float:
        """The largest read that is worth taking in at once."""
        return self._chain.most_read_bytes

    @property
    def held_bytes(self) -> int:
        """Memory kept."""
        return self._chain.held_bytes

    def borrow(self, held_bytes: int, free_bytes: int) -> int:
        """Return how much of what the direction holds need not count against its limit.

        Args:
            held_bytes: What it holds.
            free_bytes: What is left of the memory of all directions: no more than that is lent in addition.
        """
        return self._loan.adjust(self._chain.under_way_bytes, held_bytes, free_bytes)

    def change(self, faults: Faults) -> list[Action]:
        """Swap the faults; return what that lets leave now."""
        self._asked_at = now = self._clock.time()
        self._chain.change(faults, now)
        return self._chain.take(now)

    def open(self) -> list[Action]:
        """Note that the connection is open; return what leaves now."""
        self._chain.open(self._asked_at)
        return self._chain.take(self._asked_at)

    def put(self, data: bytes, age_s: float = 0.0) -> list[Action]:
        """Put in what was read; return what leaves now.

        Args:
            data: What was read.
            age_s: How long ago it arrived, before it was read.
        """
        now = self._clock.time()
        self._chain.put(data, max(now - age_s, self._asked_at) if age_s else now)
        self._asked_at = now
        return self._chain.take(now)

    def put_end(self, end: End) -> list[Action]:
        """Put in the end of the source, EOF or a reset; return what leaves now."""
        self._asked_at = now = self._clock.time()
        if end is EOF:
            self._chain.put_eof(now)
        else:
            self._chain.put_reset(now)
        return self._chain.take(now)

    def take(self) -> list[Action]:
        """Return what leaves now."""
        self._asked_at = now = self._clock.time()
        return self._chain.take(now)

    def make_appointment(self) -> None:
        """Be called when the chain wants to be asked again: after each time something may have changed."""
        when = self._chain.wake_at()
        if self._timer is not None:
            if self._timer.when == when:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer = self._clock.call_at(when, self._ring)

    def close(self) -> None:
        """Call nobody any more, and give back what was lent."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loan.adjust(0, 0, 0)

    def _ring(self) -> None:
        self._timer = None
        self._on_time()
