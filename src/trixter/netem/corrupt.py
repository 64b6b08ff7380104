"""Wrong bytes on a stream."""

from __future__ import annotations

import secrets

from trixter.faults import Corrupt
from trixter.netem.adapter import AnyByteStream
from trixter.netem.awaited_chain import AwaitedChain
from trixter.netem.chained import ChainedAdapter
from trixter.netem.source import Setting, setting_of


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
            reads=AwaitedChain(_corrupt, both if reads is None else reads, seed=seed, branch="reads"),
            writes=AwaitedChain(_corrupt, both if writes is None else writes, seed=seed, branch="writes"),
        )
