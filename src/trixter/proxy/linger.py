"""Lingering: the wait until everything that was sent has been acknowledged, before a socket is reset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# The kernel tells of room in a send queue, but not of an empty one; so we ask. A peer on a quick network has
# acknowledged at once, or after the 40 ms of a delayed ACK.
SOONEST_S = 0.0005
LATEST_S = 0.05

# A peer that takes nothing for so long loses what it has not taken, as it would if the RST had come from a
# sender that does not wait.
GIVE_UP_S = 5.0


class Linger:
    """Call back once nothing is unsent any more, or nothing has been taken for ``GIVE_UP_S``.

    It goes by the loop's timers, and not by the clock of the faults: this is the kernel's time.

    Args:
        loop: Wakes it.
        unsent_bytes: Tells how much is still to be taken.
        on_over: Called once; never if it is cancelled.
    """

    __slots__ = ("_delay_s", "_handle", "_left_bytes", "_loop", "_on_over", "_quiet_s", "_unsent_bytes")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, unsent_bytes: Callable[[], int], on_over: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._unsent_bytes = unsent_bytes
        self._on_over = on_over
        self._delay_s = SOONEST_S
        self._quiet_s = 0.0  # since something was taken
        self._left_bytes = 0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Ask; where nothing is unsent, it calls back before this returns."""
        self._left_bytes = self._unsent_bytes()
        self._wait_or_end()

    def cancel(self) -> None:
        """Ask no more. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ask(self) -> None:
        self._handle = None
        left_bytes = self._unsent_bytes()
        if left_bytes < self._left_bytes:
            self._quiet_s = 0.0
        else:
            self._quiet_s += self._delay_s
        self._left_bytes = left_bytes
        self._delay_s = min(2 * self._delay_s, LATEST_S)
        self._wait_or_end()

    def _wait_or_end(self) -> None:
        if self._left_bytes and self._quiet_s < GIVE_UP_S:
            self._handle = self._loop.call_later(self._delay_s, self._ask)
        else:
            self._on_over()
