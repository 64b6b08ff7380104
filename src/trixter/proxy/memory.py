"""Memory: a bound on what all directions hold together, and a pool for bytes in flight."""

from __future__ import annotations

from threading import Lock

from trixter.proxy.sockets import BUFFER_BYTES

TOTAL_BYTES = 1024 * 1024 * 1024

# What 100 ms of delay hold at 5 Gbit/s.
IN_FLIGHT_BYTES = 64 * 1024 * 1024

# What a direction that holds nothing may read at a time however little is left, so that none is starved, and
# none waits for memory that another one would have to give back: the total is exceeded by this at most, for
# each direction.
LEAST_READ_BYTES = 8192

# Reads become smaller when fewer than this many would fill what is left.
READS_LEFT = 8


class Memory:
    """Count what all directions of a process hold together; say how much each may hold.

    Each may hold as much as is free: so n of them that hold all they may settle at an (n + 1)th of the total
    each, and there is always some left for another one (Choudhury and Hahne, *Dynamic Queue Length Thresholds
    for Shared-Memory Packet Switches*, 1998). Threads may share it.

    Args:
        total_bytes: The bound.
    """

    def __init__(self, total_bytes: int = TOTAL_BYTES) -> None:
        self.total_bytes = total_bytes
        self.held_bytes = 0
        """How much is held now."""
        self.most_read_bytes = BUFFER_BYTES
        """The largest read now: full size, but for a memory that is nearly used up."""
        self._lock = Lock()
        self.count(0)

    @property
    def free_bytes(self) -> int:
        """How much is left; and so how much one direction may hold."""
        return max(self.total_bytes - self.held_bytes, 0)

    @property
    def is_short(self) -> bool:
        """Whether reads are smaller than usual."""
        return self.most_read_bytes < BUFFER_BYTES

    def count(self, more_bytes: int) -> None:
        """Count that so much more is held, or less."""
        with self._lock:
            self.held_bytes += more_bytes
            wanted_bytes = (self.total_bytes - self.held_bytes) // READS_LEFT
            self.most_read_bytes = min(max(wanted_bytes, LEAST_READ_BYTES), BUFFER_BYTES)


OF_THIS_PROCESS = Memory()
"""What proxies share that are given no other."""


class InFlightMemory:
    """Memory that all directions of a loop share, for bytes that latency holds.

    A long link has many bytes in flight, and that is no queue: the sender on a real one is not slowed down by
    them. So they may exceed a direction's own limit; but many directions must not take all memory there is.

    Args:
        total_bytes: How much can be lent at a time.
    """

    def __init__(self, total_bytes: int = IN_FLIGHT_BYTES) -> None:
        self.free_bytes = total_bytes


class InFlightShare:
    """One direction's loan from the in-flight memory."""

    __slots__ = ("_pool", "lent_bytes")

    def __init__(self, pool: InFlightMemory) -> None:
        self.lent_bytes = 0
        self._pool = pool

    def adjust(self, in_flight_bytes: int, held_bytes: int, free_bytes: int) -> int:
        """Borrow what is in flight, as far as there is some; give back what is not held. Return the loan.

        What was in flight and now waits for its sink is still in memory, and so it is still lent. Nothing is
        lent that memory does not have: ``free_bytes`` more at most.
        """
        total = self.lent_bytes + self._pool.free_bytes
        most = min(total, self.lent_bytes + free_bytes)
        lent_bytes = max(min(in_flight_bytes, most), min(self.lent_bytes, held_bytes))
        self._pool.free_bytes = total - lent_bytes
        self.lent_bytes = lent_bytes
        return lent_bytes
