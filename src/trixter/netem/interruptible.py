"""An adapter whose waiting can be ended from outside."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anyio import CancelScope

from trixter.netem.adapter import Adapter, AnyByteStream


class InterruptibleAdapter(Adapter):
    """Keep the scopes of those who wait for the stream inside."""

    def __init__(self, inner: AnyByteStream) -> None:
        super().__init__(inner)
        self._scopes: set[CancelScope] = set()

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """End what is awaited inside when somebody interrupts; that it was is no error here."""
        with CancelScope() as scope:
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)

    def _interrupt(self) -> None:
        for scope in list(self._scopes):
            scope.cancel()
