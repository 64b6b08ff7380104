"""A stream that fails by chance."""

from __future__ import annotations

import secrets

from anyio import BrokenResourceError

from trixter.errors import TrixterError
from trixter.faults import Abort, Terminate
from trixter.netem.adapter import READ_BYTES, AnyByteStream
from trixter.netem.awaited_chain import AwaitedChain
from trixter.netem.chained import ChainedAdapter
from trixter.netem.reset import reset_on_close
from trixter.netem.source import Setting, setting_of


class TerminatedError(TrixterError, BrokenResourceError):
    """Say that a terminator ended the stream."""

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
            reads=AwaitedChain(_terminate, both if reads is None else reads, seed=seed, branch="reads"),
            writes=AwaitedChain(_terminate, both if writes is None else writes, seed=seed, branch="writes"),
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

    def _send_nothing(self, writes: AwaitedChain) -> None:
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
