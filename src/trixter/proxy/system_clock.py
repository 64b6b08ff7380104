"""The system's clock: how long ago a reading of it was, although it may be set at any time."""

from __future__ import annotations

# What differences of such readings are off by as floats, many times over. A smaller step is not noticed.
ROUNDING_S = 1e-5


class SystemClock:
    """Turn the kernel's stamps, which are readings of the system's clock, into ages.

    The system's clock (``time.time()``) may be set: by hand, by NTP, by a leap second, by the sleep of a
    laptop. How far it is ahead of the monotonic clock changes then, and only then, for both are slewed
    alike. So a stamp is believed if the distance of the two clocks is the same now as it was before the
    stamp: a wait of minutes counts, and a clock that is set makes no bytes older than they are.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # How far it is ahead of the monotonic clock, at least and at most, and since when on that clock. One
        # tuple, replaced whole: the loops of several threads share it.
        self._known: tuple[float, float, float] | None = None

    def compare(self, before: float, wall: float, after: float) -> None:
        """Read both clocks, so that stamps from now on can be believed; arguments as of ``age_s``."""
        least, most = wall - after, wall - before
        if (known := self._known) is not None:
            # Each reading narrows the distance down, however long this thread was stopped between the clocks.
            low, high = max(least, known[0]), min(most, known[1])
            if low <= high:
                if high - low < known[1] - known[0]:
                    self._known = low, high, known[2]
                return
            if low <= high + ROUNDING_S:
                return
        self._known = least, most, after

    def age_s(self, stamp: float, *, before: float, wall: float, after: float) -> float:
        """Return how many seconds ago a stamp was made; 0.0 if that cannot be known.

        Args:
            stamp: A reading of the system's clock.
            before: The monotonic clock now, read before the system's.
            wall: The system's clock now.
            after: The monotonic clock, read after it.
        """
        self.compare(before, wall, after)
        age = wall - stamp
        # A clock that was set since the last reading is known since `after` only.
        return age if self._known and age > 0.0 and self._known[2] <= after - age else 0.0
