"""Adapters one after another, as one expression."""

from __future__ import annotations

from trixter.netem.adapter import Adapter, AnyByteStream
from trixter.netem.adapters import (
    Corrupter,
    DelayedReader,
    DelayedWriter,
    SlicedWriter,
    Terminator,
    ThrottledReader,
    ThrottledWriter,
)
from trixter.netem.inject import Injector, ReadInjector, WriteInjector
from trixter.netem.knob import Delay, RateLimit, Setting


class NetEm(Adapter):
    """A stream with a method for each fault, which returns the stream with that fault around it."""

    def delay_reads(self, delay_s: Delay) -> NetEm:
        """See ``DelayedReader``."""
        return NetEm(DelayedReader(self._inner, delay_s))

    def delay_writes(self, delay_s: Delay) -> NetEm:
        """See ``DelayedWriter``."""
        return NetEm(DelayedWriter(self._inner, delay_s))

    def throttle_reads(self, rate_bytes_per_s: RateLimit) -> NetEm:
        """See ``ThrottledReader``."""
        return NetEm(ThrottledReader(self._inner, rate_bytes_per_s))

    def throttle_writes(self, rate_bytes_per_s: RateLimit) -> NetEm:
        """See ``ThrottledWriter``."""
        return NetEm(ThrottledWriter(self._inner, rate_bytes_per_s))

    def slice_writes(self, size_bytes: Setting) -> NetEm:
        """See ``SlicedWriter``."""
        return NetEm(SlicedWriter(self._inner, size_bytes))

    def corrupt(
        self,
        probability: Setting = 0,
        *,
        reads: Setting | None = None,
        writes: Setting | None = None,
        seed: int | None = None,
    ) -> NetEm:
        """See ``Corrupter``."""
        return NetEm(Corrupter(self._inner, probability, reads=reads, writes=writes, seed=seed))

    def terminate(
        self,
        probability: Setting = 0,
        *,
        reads: Setting | None = None,
        writes: Setting | None = None,
        seed: int | None = None,
        reset: bool = False,
    ) -> NetEm:
        """See ``Terminator``."""
        return NetEm(Terminator(self._inner, probability, reads=reads, writes=writes, seed=seed, reset=reset))

    def inject_reads(self, injector: Injector) -> NetEm:
        """See ``ReadInjector``."""
        return NetEm(ReadInjector(self._inner, injector))

    def inject_writes(self, injector: Injector) -> NetEm:
        """See ``WriteInjector``."""
        return NetEm(WriteInjector(self._inner, injector))


def netem(stream: AnyByteStream) -> NetEm:
    """Return the stream with a method for each fault.

    Example:
        ``netem(stream).throttle_writes(32 * 1024).slice_writes(16).delay_reads(0.010)``: a send goes through
        the last one that was named first.

    From tokio-netem's extension traits.
    """
    return NetEm(stream)
