"""The watchdog of a sweep: it ends a body that hangs."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import anyio

from trixter.testing.chaos_proxy import ChaosProxy
from trixter.testing.loop_thread import is_in_task, waker

# From the reset of its connections to the interrupt of a body that hangs, and from one interrupt to the next.
INTERRUPT_AFTER_S = 1.0


class RoundTimeout(BaseException):
    """The interrupt of a round that hangs. No ``Exception``: the body is not to catch it."""


class Watchdog:
    """The end of a body that hangs: its connections are reset, and then the test's thread is interrupted.

    An async body is cancelled instead. If its loop does not come to that, a task blocks it: that task is
    interrupted. A thread that is not the main one cannot be interrupted: it only meets the resets.

    Args:
        proxy: The proxy.
        timeout_s: The time after which it hangs; ``None``: never.
        on_hang: Called on the proxy's loop, again and again, in place of the interrupts.
    """

    def __init__(
        self, proxy: ChaosProxy, timeout_s: float | None, on_hang: Callable[[], None] | None = None
    ) -> None:
        self.is_over = False
        """Whether the time was over."""
        self._proxy = proxy
        self._timeout_s = timeout_s
        self._on_hang = on_hang
        self._timer: asyncio.TimerHandle | None = None
        self._former: Any = None
        self._is_watching = self._may_interrupt = False
        self._scope: anyio.CancelScope | None = None
        self._wake: Callable[[Callable[[], object]], Any] | None = None  # the loop of the test
        self._is_blocked = False  # that loop: it was to cancel the body, and has not come to it

    def start(self, scope: anyio.CancelScope | None = None) -> None:
        """Begin to watch the calling thread.

        Args:
            scope: The scope of an async body.
        """
        if self._timeout_s is None:
            return
        if scope is not None:
            self._scope, self._wake = scope, waker()
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and self._on_hang is None and hasattr(signal, "pthread_kill"):
            self._former = signal.signal(signal.SIGINT, self._on_signal)
            self._may_interrupt = True
        self._is_watching = True
        self._proxy.background.submit(lambda: self._call_later(self._timeout_s or 0.0, self._on_timeout))

    def begin_stop(self) -> None:
        """Watch no more, once the calls submitted to the proxy's loop until now are made."""
        self._is_watching = False
        self._proxy.background.submit(self._cancel)

    def restore(self) -> None:
        """Restore the handler of the signal, which comes no more. Idempotent."""
        if self._may_interrupt:
            self._may_interrupt = False
            signal.signal(signal.SIGINT, self._former)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        self.is_over = True
        reset_all(self._proxy, "the round hangs")
        self._call_later(INTERRUPT_AFTER_S, self._interrupt)

    def _interrupt(self) -> None:
        if not self._is_watching:
            return
        if self._on_hang is not None:
            self._on_hang()
        if self._may_interrupt and (self._wake is None or self._is_blocked):
            with suppress(ProcessLookupError):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if self._wake is not None:
            self._is_blocked = True
            with suppress(RuntimeError):  # that loop has ended
                self._wake(self._cancel_body)
        # A body may catch it, or begin to wait again in a `finally`.
        reset_all(self._proxy, "the round hangs")
        self._call_later(INTERRUPT_AFTER_S, self._interrupt)

    def _cancel_body(self) -> None:
        self._is_blocked = False
        if self._is_watching and self._scope is not None:
            self._scope.cancel()

    def _call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if not self.is_over:
            if callable(self._former):
                self._former(number, frame)
        elif self._is_watching and (self._wake is None or (self._is_blocked and is_in_task())):
            raise RoundTimeout("the round hangs")


def reset_all(proxy: ChaosProxy, reason: str) -> None:
    """Reset all connections of a proxy; to be called on its loop."""
    for connection in proxy.background.proxy.registry.all():
        connection.reset(reason)
