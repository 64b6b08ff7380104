"""Latency on a stream."""

from __future__ import annotations

from trixter.faults import Latency
from trixter.netem.adapter import AnyByteStream
from trixter.netem.awaited_chain import AwaitedChain
from trixter.netem.chained import ChainedAdapter
from trixter.netem.clock import Clock
from trixter.netem.source import Setting, setting_of


def _latency(delay_s: float) -> Latency:
    return Latency(delay_s=delay_s)


class DelayedReader(ChainedAdapter):
    """Delay the first byte of each burst that is read; what arrived with it follows at once.

    Args:
        inner: The stream.
        delay_s: Seconds, a knob of them, or a source of them, one for each call; 0 is off.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the delay is not a finite number of seconds, 0 or more.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream, delay_s: Setting, *, clock: Clock | None = None) -> None:
        super().__init__(inner, reads=AwaitedChain(_latency, delay_s, clock=clock))


class DelayedWriter(ChainedAdapter):
    """Delay each send, the end, and the close; whoever sends waits.

    A send that is cancelled while it waits has sent nothing. A close that is cancelled closes at once.

    Args:
        inner: The stream.
        delay_s: Seconds, a knob of them, or a source of them, one for each call; 0 is off.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the delay is not a finite number of seconds, 0 or more.

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream, delay_s: Setting, *, clock: Clock | None = None) -> None:
        setting = setting_of(delay_s)  # one, so that a source goes on from the sends to the close
        self._close = AwaitedChain(_latency, setting, clock=clock)
        super().__init__(inner, writes=AwaitedChain(_latency, setting, clock=clock))

    async def aclose(self) -> None:
        """Close it, after the delay."""
        try:
            if not self._is_closed:
                self._is_closed = True
                self._close.begin_call()
                if not self._close.is_calm:
                    self._close.put_eof()
                    await self._close.leaving()
        finally:
            await super().aclose()
