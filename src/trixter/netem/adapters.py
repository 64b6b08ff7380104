"""Adapters: delayed, throttled, sliced, corrupted and terminated streams, and one that counts."""

from __future__ import annotations

import secrets

from anyio import BrokenResourceError

from trixter.errors import TrixterError
from trixter.faults import Abort, Corrupt, Latency, Slice, Terminate, Throttle
from trixter.faults.validators import LONGEST_BARE_S
from trixter.netem.adapter import READ_BYTES, Adapter, AnyByteStream
from trixter.netem.async_chain import AsyncChain, Clock, LoopClock
from trixter.netem.chained import ChainedAdapter
from trixter.netem.knob import Delay, RateLimit, Setting, delay_of, rate_limit_of, setting_of
from trixter.netem.shutdown import reset_on_close
from trixter.units import format_seconds


def _latency(delay_s: float) -> Latency:
    # With its unit: a knob may stand at more than a minute.
    return Latency(delay_s=format_seconds(delay_s) if delay_s > LONGEST_BARE_S else delay_s)


class DelayedReader(ChainedAdapter):
    """Delay the first byte of each burst that is read; what arrived with it follows at once.

    Args:
        inner: The stream.
        delay_s: Seconds, text such as ``"250ms"``, a knob of seconds, or a source of them, one for each call;
            0 is off.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the delay is not a finite number of seconds, 0 or more.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream, delay_s: Delay, *, clock: Clock | None = None) -> None:
        super().__init__(inner, reads=AsyncChain(_latency, delay_of(delay_s), clock=clock))


class DelayedWriter(ChainedAdapter):
    """Delay each send, the end, and the close; the sender waits.

    A send that is cancelled while it waits has sent nothing. A close that is cancelled closes at once.

    Args:
        inner: The stream.
        delay_s: Seconds, text such as ``"250ms"``, a knob of seconds, or a source of them, one for each call;
            0 is off.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the delay is not a finite number of seconds, 0 or more.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream, delay_s: Delay, *, clock: Clock | None = None) -> None:
        setting = delay_of(delay_s)  # one, so that a source goes on from the sends to the close
        self._close = AsyncChain(_latency, setting, clock=clock)
        super().__init__(inner, writes=AsyncChain(_latency, setting, clock=clock))

    async def aclose(self) -> None:
        """Close it, after the delay."""
        try:
            if not self._is_closed:
                self._is_closed = True
                self._close.begin_call()
                if not self._close.is_calm:
                    self._close.put_eof()
                    await self._close.next_actions()
        finally:
            await super().aclose()


def _throttle(rate_bytes_per_s: float) -> Throttle:
    return Throttle(rate_bytes_per_s=rate_bytes_per_s)


class ThrottledReader(ChainedAdapter):
    """Let what is read come at a steady rate, with no burst at the start.

    Args:
        inner: The stream.
        rate_bytes_per_s: Bytes per second, text such as ``"1mbit"``, a knob of bytes per second, or a source
            of them, one for each call; 0 is
            unlimited.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the rate is not a finite number, 0.001 or more, or 0.

    From tokio-netem's adapter of this name.
    """

    def __init__(
        self, inner: AnyByteStream, rate_bytes_per_s: RateLimit, *, clock: Clock | None = None
    ) -> None:
        super().__init__(inner, reads=AsyncChain(_throttle, rate_limit_of(rate_bytes_per_s), clock=clock))


class ThrottledWriter(ChainedAdapter):
    """Let what is sent leave at a steady rate, with no burst at the start; the sender waits.

    A send that is cancelled has sent what had left by then.

    Args:
        inner: The stream.
        rate_bytes_per_s: Bytes per second, text such as ``"1mbit"``, a knob of bytes per second, or a source
            of them, one for each call; 0 is
            unlimited.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the rate is not a finite number, 0.001 or more, or 0.

    From tokio-netem's adapter of this name.
    """

    def __init__(
        self, inner: AnyByteStream, rate_bytes_per_s: RateLimit, *, clock: Clock | None = None
    ) -> None:
        super().__init__(inner, writes=AsyncChain(_throttle, rate_limit_of(rate_bytes_per_s), clock=clock))


def _slice(size_bytes: float) -> Slice:
    # The fault refuses what is no whole number, and says so.
    return Slice(size_bytes=size_bytes)  # type: ignore[arg-type]


class SlicedWriter(ChainedAdapter):
    """Send in pieces, one after another, each a send of its own to the stream inside.

    Args:
        inner: The stream.
        size_bytes: The largest piece, a knob of that, or a source of it, one for each call; 0 is off.

    Raises:
        SettingError: If the size is not a whole number, 0 or more.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream, size_bytes: Setting) -> None:
        super().__init__(inner, writes=AsyncChain(_slice, size_bytes))


def _corrupt(probability: float) -> Corrupt:
    return Corrupt(probability=probability)


class Corrupter(ChainedAdapter):
    """Put 1 to 16,384 random bytes in front of an operation, with the probability; both ways.

    An operation is the taking, or the passing on, of at most 8 KiB of one send, or of what arrived at once.
    For what is received, the taking is drawn before there is something: noise may come though nothing does.

    Args:
        inner: The stream.
        probability: From 0 to 1, a knob of that, or a source of it, one for each call in either direction; 0
            is off.
        reads, writes: The same for one direction, in place of that.
        seed: The same seed and the same calls give the same bytes; by default drawn from entropy.

    Raises:
        SettingError: If the probability is outside its range.

    From tokio-netem's adapter of this name.
    """

    def __init__(
        self,
        inner: AnyByteStream,
        probability: Setting = 0,
        *,
        reads: Setting | None = None,
        writes: Setting | None = None,
        seed: int | None = None,
    ) -> None:
        seed = secrets.randbits(64) if seed is None else seed
        both = setting_of(probability)  # one, also if it is an iterator
        super().__init__(
            inner,
            reads=AsyncChain(_corrupt, both if reads is None else reads, seed=seed, branch="reads"),
            writes=AsyncChain(_corrupt, both if writes is None else writes, seed=seed, branch="writes"),
        )


class TerminatedError(TrixterError, BrokenResourceError):
    """A terminator ended the stream."""

    def __init__(self) -> None:
        super().__init__("terminated")


def _terminate(probability: float) -> Terminate:
    return Terminate(probability=probability)


class Terminator(ChainedAdapter):
    """Fail at an operation, with the probability; and from then on always, with the same error.

    An operation is the taking, or the passing on, of at most 8 KiB of one send, or of what arrived at once,
    or an end. For what is received, the taking is drawn before there is something to take; a send of no bytes
    takes, too.

    Args:
        inner: The stream.
        probability: From 0 to 1, a knob of that, or a source of it, one for each call in either direction; 0
            is off.
        reads, writes: The same for one direction, in place of that.
        seed: The same seed and the same calls fail at the same one; by default drawn from entropy.
        reset: Whether the socket below, if there is one, sends RST when it is closed.

    Raises:
        SettingError: If the probability is outside its range.

    From tokio-netem's adapter of this name.
    """

    def __init__(
        self,
        inner: AnyByteStream,
        probability: Setting = 0,
        *,
        reads: Setting | None = None,
        writes: Setting | None = None,
        seed: int | None = None,
        reset: bool = False,
    ) -> None:
        seed = secrets.randbits(64) if seed is None else seed
        both = setting_of(probability)  # one, also if it is an iterator
        super().__init__(
            inner,
            reads=AsyncChain(_terminate, both if reads is None else reads, seed=seed, branch="reads"),
            writes=AsyncChain(_terminate, both if writes is None else writes, seed=seed, branch="writes"),
        )
        self._reset = reset
        self._error: TerminatedError | None = None

    @property
    def is_terminated(self) -> bool:
        """Whether it has failed."""
        return self._error is not None

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        self._check()
        received = await super().receive(max_bytes)
        self._check()  # a send may have tripped it meanwhile
        return received

    async def send(self, item: bytes) -> None:
        self._check()
        await super().send(item)

    async def send_eof(self) -> None:
        self._check()
        await super().send_eof()

    def _send_nothing(self, writes: AsyncChain) -> None:
        for action in writes.begin_read():
            if isinstance(action, Abort):
                self._abort(action)

    def _abort(self, abort: Abort) -> None:
        self._error = TerminatedError()
        if self._reset:
            reset_on_close(self)
        raise self._error

    def _check(self) -> None:
        if self._error is not None:
            raise self._error.with_traceback(None)


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
