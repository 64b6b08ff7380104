"""Rate: how fast a stream is read."""

from __future__ import annotations

from trixter.netem.adapter import READ_BYTES, Adapter, AnyByteStream
from trixter.netem.async_chain import Clock, LoopClock


class RateCountingReader(Adapter):
    """Count what is read, and how fast; it changes nothing.

    Args:
        inner: The stream.
        clock: Tells the time; by default the loop's.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream, *, clock: Clock | None = None) -> None:
        super().__init__(inner)
        self._clock = clock or LoopClock()
        self._first_at: float | None = None
        self._last_at = 0.0
        self.total_bytes = 0
        """How much has been read."""

    @property
    def started_at(self) -> float | None:
        """When reading began, by the clock: at the first receive; ``None`` before that."""
        return self._first_at

    def reset(self) -> None:
        """Count from nothing again, from the next receive on."""
        self._first_at = None
        self.total_bytes = 0

    @property
    def rate_bytes_per_s(self) -> float:
        """Bytes per second, from when reading began until the last of them came; 0 before that."""
        if self._first_at is None or self._last_at <= self._first_at:
            return 0.0
        return self.total_bytes / (self._last_at - self._first_at)

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        if self._first_at is None:
            self._first_at = self._clock.time()
        received = await super().receive(max_bytes)
        if self._first_at is None:  # reset while this waited
            self._first_at = self._clock.time()
        self.total_bytes += len(received)
        self._last_at = self._clock.time()
        return received
