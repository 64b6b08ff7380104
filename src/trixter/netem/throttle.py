"""A steady rate on a stream."""

from __future__ import annotations

from trixter.faults import Throttle
from trixter.netem.adapter import AnyByteStream
from trixter.netem.awaited_chain import AwaitedChain
from trixter.netem.chained import ChainedAdapter
from trixter.netem.clock import Clock
from trixter.netem.source import Setting


def _throttle(rate_bytes_per_s: float) -> Throttle:
    return Throttle(rate_bytes_per_s=rate_bytes_per_s)


class ThrottledReader(ChainedAdapter):
    """Let what is read come at a steady rate, with no burst at the start.

    Args:
        inner: The stream.
        rate_bytes_per_s: Bytes per second, a knob of them, or a source of them, one for each call; 0 is
            unlimited.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the rate is not a finite number, 0.001 or more, or 0.

    From tokio-netem's adapter of this name.
    """

    def __init__(
        self, inner: AnyByteStream, rate_bytes_per_s: Setting, *, clock: Clock | None = None
    ) -> None:
        super().__init__(inner, reads=AwaitedChain(_throttle, rate_bytes_per_s, clock=clock))


class ThrottledWriter(ChainedAdapter):
    """Let what is sent leave at a steady rate, with no burst at the start; whoever sends waits.

    A send that is cancelled has sent what had left by then.

    Args:
        inner: The stream.
        rate_bytes_per_s: Bytes per second, a knob of them, or a source of them, one for each call; 0 is
            unlimited.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the rate is not a finite number, 0.001 or more, or 0.

    From tokio-netem's adapter of this name.
    """

    def __init__(
        self, inner: AnyByteStream, rate_bytes_per_s: Setting, *, clock: Clock | None = None
    ) -> None:
        super().__init__(inner, writes=AwaitedChain(_throttle, rate_bytes_per_s, clock=clock))
