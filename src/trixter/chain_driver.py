"""Driving a chain: a clock tells it the time, and one timer when it wants to be asked again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Protocol, Unpack

from trixter.faults import EOF, Action, Chain, Dice, End, Faults
from trixter.faults.chain_output import RecordKeywords


class Timer(Protocol):
    """A call that a clock will make."""

    def cancel(self) -> None:
        """Do not make it. Idempotent."""


class Clock(Protocol):
    """Tell the time, and call back; the proxy's clocks are some, and so is a loop with its timers."""

    def time(self) -> float:
        """Return the time, in seconds of one monotonic source."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at that time, or soon after. A clock that calls early is asked again for the rest."""


class ChainDriver:
    """Drive a chain by a clock, with exactly one timer, or none.

    Every call that may let something leave returns it; ``arm()`` comes after each.

    Args:
        faults: To start with; ``take`` what they let leave at once.
        dice: The direction's.
        clock: Tells the time, and keeps the timer.
        on_due: Called when something may leave: then ``take``.
        record: As the chain's keywords: ``strikes``, ``on_decision``, ``passed_bytes``.
    """

    __slots__ = ("_asked_at", "_clock", "_due_at", "_on_due", "_timer", "admits", "chain", "occupancy")

    def __init__(
        self,
        faults: Faults,
        dice: Dice,
        clock: Clock,
        on_due: Callable[[], None],
        **record: Unpack[RecordKeywords],
    ) -> None:
        self._clock = clock
        self._asked_at = clock.time()  # last; a chain's time never goes back
        self.chain = Chain(faults, dice, self._asked_at, **record)
        """The chain, to read what it says of itself; only the driver drives it."""
        self.admits = self.chain.admits
        """As the chain's; no time is told, so no clock is asked."""
        self.occupancy = self.chain.occupancy
        """As the chain's."""
        self._on_due = on_due
        self._timer: Timer | None = None
        self._due_at: float | None = None

    @property
    def faults(self) -> Faults:
        """The faults in force."""
        return self.chain.faults

    @property
    def is_calm(self) -> bool:
        """Whether bytes may go around it: no faults, and nothing held."""
        return self.chain.is_calm

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held, and no timer runs."""
        return self.chain.is_idle and self._timer is None

    @property
    def fullness(self) -> float:
        """How full the fullest queue is that makes a sender wait; see ``Chain.fullness``."""
        return self.chain.fullness

    @property
    def held_bytes(self) -> int:
        """Memory kept."""
        return self.chain.held_bytes

    @property
    def in_flight_bytes(self) -> int:
        """How much of it latency holds; see ``Chain.in_flight_bytes``."""
        return self.chain.in_flight_bytes

    def operations(self) -> Counter[str]:
        """Return how many operations its faults might have struck; see ``Chain.operations``."""
        return self.chain.operations()

    def change(self, faults: Faults, passed_bytes: int = 0) -> list[Action]:
        """Swap the faults; return what that lets leave now. As ``Chain.change``."""
        self._asked_at = now = self._clock.time()
        self.chain.change(faults, now, passed_bytes)
        return self.chain.take(now)

    def open(self) -> list[Action]:
        """Note that the connection is open; return what leaves now."""
        self.chain.open(self._asked_at)
        return self.chain.take(self._asked_at)

    def put(self, data: bytes, age_s: float = 0.0) -> list[Action]:
        """Put in what was read; return what leaves now.

        Args:
            data: What was read.
            age_s: How long ago it arrived, before it was read.
        """
        now = arrived_at = self._clock.time()
        if age_s:
            arrived_at -= age_s
            if arrived_at < self._asked_at:
                arrived_at = self._asked_at
        self.chain.put(data, arrived_at)
        self._asked_at = now
        return self.chain.take(now)

    def put_end(self, end: End) -> list[Action]:
        """Put in the end of the source, EOF or a reset; return what leaves now."""
        self._asked_at = now = self._clock.time()
        if end is EOF:
            self.chain.put_eof(now)
        else:
            self.chain.put_reset(now)
        return self.chain.take(now)

    def take(self) -> list[Action]:
        """Return what leaves now."""
        self._asked_at = now = self._clock.time()
        return self.chain.take(now)

    def arm(self) -> None:
        """Set the timer to when the chain wants to be asked again; call it whenever that may have changed."""
        when = self.chain.wake_at()
        if self._timer is not None:
            if self._due_at == when:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._due_at = when
            self._timer = self._clock.call_at(when, self._fire)

    def close(self) -> None:
        """Call back no more, and be used no more. Idempotent."""
        self.chain.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fire(self) -> None:
        self._timer = None
        self._on_due()
