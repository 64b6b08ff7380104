"""What comes in at a program: through its faults, into its inbox, at the pace at which it reads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from trixter.faults import Abort, Action, Close, Dice, Direction, Eof, Faults, Reset
from trixter.netem.aio.delivery import Delivery
from trixter.netem.aio.inbox import Inbox, Item, deliver

if TYPE_CHECKING:
    from trixter.netem.aio.link import Link

LIMIT_BYTES = 4 * 1024 * 1024
"""Held of what arrives before reading pauses; it goes on at half of it."""


class Arrivals:
    """Carry what the transport below reads to the program.

    Args:
        link: The connection.
        direction: In which that travels.
        faults: To start with.
        dice: This direction's.
        loop: The connection's.
    """

    def __init__(
        self, link: Link, direction: Direction, faults: Faults, dice: Dice, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._link = link
        self._direction = direction
        self.delivery = Delivery(faults, dice, loop, self._arrive, self._settle, link.fail)
        self._inbox = Inbox(loop, self._hand_over, self._settle, link.fail)
        self._is_reading = True
        self._has_ended = False

    @property
    def is_wanted(self) -> bool:
        """Whether the program wants to read."""
        return self._inbox.is_wanted

    @property
    def is_empty(self) -> bool:
        """Whether everything that came has been handed over."""
        return self.delivery.is_empty and self._inbox.is_empty

    def put(self, data: bytes) -> None:
        """Put in what was read."""
        if self.delivery.is_calm:
            self._inbox.put(data)
            if not self._inbox.is_wanted:
                self._settle()
        else:
            self.delivery.put(data)

    def put_eof(self) -> None:
        """Put in the end."""
        self._has_ended = True
        self.delivery.put_eof()

    def put_reset(self) -> None:
        """Put in that the peer has reset it: the connection is over once that has come through."""
        self._has_ended = True
        self.delivery.put_reset()

    def want(self, wanted: bool) -> None:
        """Deliver what arrives, or keep it."""
        self._inbox.want(wanted)
        self._settle()

    def close(self) -> None:
        """Drop what is held, and hand nothing over any more."""
        self.delivery.close()
        self._inbox.clear()

    def _arrive(self, action: Action) -> None:
        if isinstance(action, Abort):
            self._link.reset(action.reason)
        elif isinstance(action, Close):
            self._link.below.close()
        else:
            self._inbox.put(action)

    def _hand_over(self, item: Item) -> Item | None:
        user = self._link.user
        if isinstance(item, Reset):
            return None  # the connection is over now that nothing is left to hand over
        if isinstance(item, Eof):
            if not self._link.is_closing and not cast(asyncio.Protocol, user).eof_received():
                self._link.close()
            return None
        rest = deliver(user, item)
        self._link.passed_bytes[self._direction] += len(item) - len(rest or b"")
        return rest

    def _settle(self) -> None:
        """Read from below while the program wants to and not too much is held."""
        self._link.end_if_lost()
        if self._link.is_lost or self._has_ended:  # some loops tell of the end again to who reads on
            return
        # Held to the limit, or to that of a queue that makes its sender wait, whichever is reached first.
        held_bytes, is_wanted = self.delivery.held_bytes + self._inbox.held_bytes, self._inbox.is_wanted
        fullness = max(held_bytes / LIMIT_BYTES, self.delivery.fullness)
        if self._is_reading and (not is_wanted or fullness > 1):
            self._is_reading = False
            self._link.below.pause_reading()
        elif not self._is_reading and is_wanted and fullness <= 0.5:
            self._is_reading = True
            self._link.below.resume_reading()
