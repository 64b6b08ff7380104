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
        self.free_bytes = total_bytes
        """How much is left; and so how much one direction may hold."""
        self.most_read_bytes = BUFFER_BYTES
        """The largest read now: full size, but for a memory that is nearly used up."""
        self._lock = Lock()
        self.count(0)

    @property
    def is_short(self) -> bool:
        """Whether reads are smaller than usual."""
        return self.most_read_bytes < BUFFER_BYTES

    def count(self, more_bytes: int) -> None:
        """Count that so much more is held, or less."""
        with self._lock:
            self.held_bytes += more_bytes
            self.free_bytes = free_bytes = self.total_bytes - self.held_bytes
            if free_bytes >= READS_LEFT * BUFFER_BYTES:  # as nearly always
                self.most_read_bytes = BUFFER_BYTES
            else:
                self.free_bytes = max(free_bytes, 0)
                self.most_read_bytes = max(free_bytes // READS_LEFT, LEAST_READ_BYTES)


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
        # Without min() and max(), which take 1,000 instructions each: this is for each piece that is held.
        pool, lent_bytes = self._pool, self.lent_bytes
        most = lent_bytes + (free_bytes if free_bytes < pool.free_bytes else pool.free_bytes)
        wanted = in_flight_bytes if in_flight_bytes < most else most
        kept = lent_bytes if lent_bytes < held_bytes else held_bytes
        self.lent_bytes = wanted if wanted > kept else kept
        pool.free_bytes += lent_bytes - self.lent_bytes
        return self.lent_bytes
