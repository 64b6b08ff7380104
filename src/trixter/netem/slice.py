"""Small writes on a stream."""

from __future__ import annotations

from trixter.faults import Slice
from trixter.netem.adapter import AnyByteStream
from trixter.netem.awaited_chain import AwaitedChain
from trixter.netem.chained import ChainedAdapter
from trixter.netem.source import Setting


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
        super().__init__(inner, writes=AwaitedChain(_slice, size_bytes))
