"""Seeded dice: the only source of random numbers."""

from __future__ import annotations

from functools import cached_property
from math import log, log1p
from random import Random

# Stands for "never" in a counter of operations: at a million operations a second
# it lasts for a quarter of a million years.
NEVER = 2**63


class Dice:
    """A tree of named random streams, grown from one seed.

    Each fault draws from a stream of its own, named after its use, so switching one
    fault on does not change what another draws, and two connections do not fail at the same byte.

    Args:
        seed: The root of the tree. The same seed gives the same streams in every process.
        path: The branch this is; callers use ``branch()`` instead, unless they repeat one.
    """

    def __init__(self, seed: int, path: str = "") -> None:
        self._seed = seed
        self.path = path
        """The branch this is: with the seed, it names the stream in every process."""

    @cached_property
    def _rng(self) -> Random:
        # A generator is 2.5 KB, so it is made at the first draw. A str seed is hashed with SHA-512
        # by the standard library: the same stream in every process (hash() would not be).
        return Random(f"{self._seed}{self.path}")

    def branch(self, name: str) -> Dice:
        """Return the stream of that name below this one; the same name is the same stream."""
        return Dice(self._seed, f"{self.path}/{name}")

    def gap(self, probability: float) -> int:
        """Draw which of the coming operations is the next to be struck; 1 is the very next.

        The geometric distribution by inversion (Devroye, *Non-Uniform Random Variate Generation*,
        X.2): one draw for each strike, where tossing for each operation would cost a draw every time.
        """
        if probability >= 1:
            return 1
        if probability <= 0:
            return NEVER
        tosses = log(1.0 - self._rng.random()) / log1p(-probability)
        return 1 + int(tosses) if tosses < NEVER else NEVER

    def centred(self) -> float:
        """Draw uniformly from -1 to 1."""
        return 2.0 * self._rng.random() - 1.0

    def between(self, low: int, high: int) -> int:
        """Draw a whole number, uniformly, both ends included."""
        return self._rng.randint(low, high)

    def noise(self, size_bytes: int) -> bytes:
        """Draw that many random bytes."""
        return self._rng.randbytes(size_bytes)

    def positions(self, count: int, size_bytes: int) -> list[int]:
        """Draw that many different positions in a piece of that size."""
        return self._rng.sample(range(size_bytes), count)
