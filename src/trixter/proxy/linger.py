"""Lingering: the wait until a peer has everything that was sent before a reset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

# The kernel tells of room in a send queue, but not of an empty one; so we ask. A peer on a quick network has
# acknowledged at once, or after the 40 ms of a delayed ACK.
SOONEST_S = 0.0005
LATEST_S = 0.05

# A peer that takes nothing for so long loses what it has not taken, as it would if the RST had come from a
# sender that does not wait. Its kernel acknowledges in steps: on loopback, with buffers of usual size, one
# that reads 5 KB/s seems to take nothing for 26 s.
GIVE_UP_S = 60.0


class Linger:
    """Call back once a reset is due and nothing before it is unsent, or once its peer takes nothing any more.

    Time counts only while the peer could take something, and not while faults hold it back. It goes by the
    loop's timers, and not by the clock of the faults: this is the kernel's time.

    Args:
        loop: Wakes it.
        unsent_bytes: Tells how much has left the faults that the peer does not have yet.
        passed_bytes: Tells how much has ever left for the peer's kernel.
        on_over: Called once; never if it is cancelled.
    """

    __slots__ = (
        "_delay_s",
        "_handle",
        "_is_due",
        "_loop",
        "_on_over",
        "_passed_bytes",
        "_quiet_s",
        "_seen",
        "_unsent_bytes",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        unsent_bytes: Callable[[], int],
        passed_bytes: Callable[[], int],
        on_over: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._unsent_bytes = unsent_bytes
        self._passed_bytes = passed_bytes
        self._on_over = on_over
        self._is_due = False
        self._delay_s = SOONEST_S
        self._quiet_s = 0.0  # since something was taken, or since there was nothing to take
        self._seen = (0, 0)  # unsent and passed, when last asked
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to watch whether the peer takes anything."""
        self._seen = self._unsent_bytes(), self._passed_bytes()
        self._handle = self._loop.call_later(self._delay_s, self._ask)

    def reset_is_due(self) -> None:
        """Note that the reset comes next; where nothing is unsent, this calls back before it returns."""
        self._is_due = True
        self.cancel()
        self._delay_s = SOONEST_S
        self._wait_or_end()

    def cancel(self) -> None:
        """Ask no more. Idempotent."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _ask(self) -> None:
        self._handle = None
        seen = self._unsent_bytes(), self._passed_bytes()
        # What passes on goes from one queue into the next: both stand still only if the peer takes nothing.
        if seen[0] and seen == self._seen:
            self._quiet_s += self._delay_s
        else:
            self._quiet_s = 0.0
        self._seen = seen
        self._delay_s = min(2 * self._delay_s, LATEST_S)
        self._wait_or_end()

    def _wait_or_end(self) -> None:
        if self._quiet_s >= GIVE_UP_S or (self._is_due and not self._unsent_bytes()):
            self._on_over()
        else:
            self._handle = self._loop.call_later(self._delay_s, self._ask)
