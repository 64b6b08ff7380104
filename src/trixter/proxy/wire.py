"""Memory for what is under way on slow wires."""

from __future__ import annotations

# What 100 ms of delay hold at 5 Gbit/s.
WIRE_BYTES = 64 * 1024 * 1024


class Wire:
    """Memory that all directions of a loop share, for bytes that latency holds.

    A long wire has much under way, and that is no queue: the sender of a real one is not slowed down by it.
    So it may exceed a direction's own limit; but many of them must not take all memory there is.

    Args:
        total_bytes: How much can be lent at a time.
    """

    def __init__(self, total_bytes: int = WIRE_BYTES) -> None:
        self.free_bytes = total_bytes


class Loan:
    """What one direction has borrowed of the wire."""

    __slots__ = ("_wire", "lent_bytes")

    def __init__(self, wire: Wire) -> None:
        self.lent_bytes = 0
        self._wire = wire

    def adjust(self, under_way_bytes: int, held_bytes: int, free_bytes: int) -> int:
        """Borrow what is under way, as far as there is some; give back what is not held. Return the loan.

        What was under way and now waits for its sink is still in memory, and so it is still lent. Nothing is
        lent that memory does not have: ``free_bytes`` more at most.
        """
        total = self.lent_bytes + self._wire.free_bytes
        most = min(total, self.lent_bytes + free_bytes)
        lent_bytes = max(min(under_way_bytes, most), min(self.lent_bytes, held_bytes))
        self._wire.free_bytes = total - lent_bytes
        self.lent_bytes = lent_bytes
        return lent_bytes
