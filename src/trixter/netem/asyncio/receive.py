"""The receive path of a program: through its faults and a buffer, at the pace at which it reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol, cast

from trixter.faults import Abort, Action, Close, Dice, Direction, Eof, Faults, Reset
from trixter.faults.fault import OtherDirection
from trixter.netem.asyncio.delivery import Delivery

LIMIT_BYTES = 4 * 1024 * 1024
"""Held of what arrives before reading pauses; it goes on at half of it."""

Item = bytes | memoryview | Eof | Reset


class ReceiveBuffer:
    """Hand over what arrives while the program wants to read; keep it meanwhile.

    Args:
        loop: Has a turn between reading again and getting.
        hand_over: Called with each piece, and with the end; returns the rest of a piece that was not taken.
        on_settled: Called when a program that reads again has caught up.
        on_failure: Called if ``hand_over`` raises.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        hand_over: Callable[[Item], Item | None],
        on_settled: Callable[[], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self.is_reading = True
        self.held_bytes = 0
        """What waits."""
        self._loop = loop
        self._hand_over = hand_over
        self._on_settled = on_settled
        self._on_failure = on_failure
        self._unread: deque[Item] = deque()
        self._is_handing = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, and nothing is being handed over."""
        return not (self._unread or self._is_handing)

    def put(self, item: bytes | Eof | Reset) -> None:
        """Hand it over, behind what waits."""
        self._unread.append(item)
        self.held_bytes += _size_of(item)
        self._hand_on()

    def set_reading(self, on: bool) -> None:
        """Keep what arrives, or hand it over again: soon, and never within the caller's own call."""
        self.is_reading = on
        if on and self._unread:
            self._loop.call_soon(self._catch_up)

    def clear(self) -> None:
        """Forget what waits."""
        self._unread.clear()
        self.held_bytes = 0

    def _catch_up(self) -> None:
        self._hand_on()
        self._on_settled()

    def _hand_on(self) -> None:
        if self._is_handing:  # called back from within hand_over
            return
        self._is_handing = True
        try:
            while self.is_reading and self._unread:
                item = self._unread.popleft()
                self.held_bytes -= _size_of(item)
                if rest := self._hand_over(item):
                    self._unread.appendleft(rest)
                    self.held_bytes += _size_of(rest)
        except Exception as exc:
            self._on_failure(exc)
        finally:
            self._is_handing = False


def deliver(user: asyncio.BaseProtocol, data: bytes | memoryview) -> memoryview | None:
    """Give bytes to a protocol of either kind; return what does not fit into its buffer."""
    if not isinstance(user, asyncio.BufferedProtocol):  # as loops tell them apart: none need be a subclass
        user.data_received(bytes(data))  # type: ignore[attr-defined]
        return None
    buffer = memoryview(user.get_buffer(len(data)))
    size = min(len(buffer), len(data))
    if not size:
        raise RuntimeError("get_buffer() returned an empty buffer")
    buffer[:size] = data[:size]
    user.buffer_updated(size)
    return memoryview(data)[size:]


def _size_of(item: Item) -> int:
    return 0 if isinstance(item, Eof | Reset) else len(item)


class Receiver(Protocol):
    """The connection that a receive path belongs to, as far as the path needs it."""

    user: asyncio.BaseProtocol
    is_closing: bool
    is_lost: bool
    forwarded_bytes: dict[Direction, int]

    @property
    def below(self) -> Any:
        """The transport below."""

    def fail(self, exc: Exception) -> None:
        """End it, for the program's protocol failed."""

    def reset(self, reason: str = ...) -> None:
        """Reset it."""

    def close(self) -> None:
        """Close it when everything that is held has been sent."""

    def end_if_lost(self) -> None:
        """Tell the program that it ended, if it did and everything has arrived."""


class ReceivePath:
    """Carry what the transport below reads to the program.

    Args:
        link: The connection.
        direction: In which that travels.
        faults: To start with.
        dice: This direction's.
        loop: The connection's.
        other: The other direction.
    """

    def __init__(
        self,
        link: Receiver,
        direction: Direction,
        faults: Faults,
        dice: Dice,
        loop: asyncio.AbstractEventLoop,
        other: OtherDirection,
    ) -> None:
        self._link = link
        self._direction = direction
        self.delivery = Delivery(faults, dice, loop, self._arrive, self._settle, link.fail, other)
        self._buffer = ReceiveBuffer(loop, self._hand_over, self._settle, link.fail)
        self._is_read_below = True
        self.has_ended = False
        """Whether the peer has sent its last."""

    @property
    def is_reading(self) -> bool:
        """Whether the program wants to read."""
        return self._buffer.is_reading

    @property
    def is_empty(self) -> bool:
        """Whether everything that came has been handed over."""
        return self.delivery.is_empty and self._buffer.is_empty

    def put(self, data: bytes) -> None:
        """Put in what was read."""
        if self.delivery.is_calm:
            self._buffer.put(data)
            if not self._buffer.is_reading:
                self._settle()
        else:
            self.delivery.put(data)

    def put_eof(self) -> None:
        """Put in the end."""
        self.has_ended = True
        self.delivery.put_eof()

    def put_reset(self) -> None:
        """Put in that the peer has reset it: the connection is over once that has come through."""
        self.has_ended = True
        self.delivery.put_reset()

    def set_reading(self, on: bool) -> None:
        """Deliver what arrives, or keep it."""
        self._buffer.set_reading(on)
        self._settle()

    def close(self) -> None:
        """Drop what is held, and hand nothing over any more."""
        self.delivery.close()
        self._buffer.clear()

    def _arrive(self, action: Action) -> None:
        if isinstance(action, Abort) or (isinstance(action, Close) and action.reset):
            self._link.reset(action.reason)
        elif isinstance(action, Close):
            self._link.below.close()
        else:
            self._buffer.put(action)

    def _hand_over(self, item: Item) -> Item | None:
        user = self._link.user
        if isinstance(item, Reset):
            return None  # the connection is over now that nothing is left to hand over
        if isinstance(item, Eof):
            if not self._link.is_closing and not cast(asyncio.Protocol, user).eof_received():
                self._link.close()
            return None
        # First: the program may answer before it returns, and then it has been sent something.
        self._link.forwarded_bytes[self._direction] += len(item)
        rest = deliver(user, item)
        self._link.forwarded_bytes[self._direction] -= len(rest or b"")
        return rest

    def _settle(self) -> None:
        """Read from below while the program wants to and not too much is held."""
        self._link.end_if_lost()
        if self._link.is_lost or self.has_ended:  # some loops call eof_received() again on resume
            return
        # Held to the limit, or to that of a queue that makes its sender wait, whichever is reached first.
        held_bytes, is_reading = self.delivery.held_bytes + self._buffer.held_bytes, self._buffer.is_reading
        fullness = max(held_bytes / LIMIT_BYTES, self.delivery.fullness)
        if self._is_read_below and (not is_reading or fullness > 1):
            self._is_read_below = False
            self._link.below.pause_reading()
        elif not self._is_read_below and is_reading and fullness <= 0.5:
            self._is_read_below = True
            self._link.below.resume_reading()
