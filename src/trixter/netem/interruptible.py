"""An adapter whose waiting can be ended from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from anyio import BusyResourceError, CancelScope

from trixter.netem.adapter import Adapter, AnyByteStream
from trixter.netem.waker import Waker


class InterruptibleAdapter(Adapter):
    """Keep the scopes of the tasks that wait for the stream inside."""

    def __init__(self, inner: AnyByteStream) -> None:
        super().__init__(inner)
        self._waiting: dict[CancelScope, Waker] = {}

    def _take_unread(self) -> bytes:
        if self._waiting:
            raise BusyResourceError("using")
        return b""

    @property
    def _is_interrupted(self) -> bool:
        """Whether there is a reason not to wait."""
        raise NotImplementedError

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """End what is awaited inside at an interruption; that it was ended is no error here."""
        with CancelScope() as scope:
            self._waiting[scope] = Waker()
            if self._is_interrupted:  # by another thread, which could not see yet that this waits
                scope.cancel()
            try:
                yield
            finally:
                del self._waiting[scope]

    def _interrupt(self) -> None:
        """End what is awaited, from any thread."""
        for scope, waker in list(self._waiting.items()):
            waker.call(partial(self._cancel, scope))

    def _cancel(self, scope: CancelScope) -> None:
        if scope in self._waiting:  # it may have got what it waited for meanwhile
            scope.cancel()
