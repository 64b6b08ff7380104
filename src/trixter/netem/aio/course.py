"""One direction of a connection on an asyncio loop: a chain, and a timer for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from trixter.faults import Action, Chain, Dice, Faults
from trixter.monotonic import monotonic

WIRE_BYTES = 4 * 1024 * 1024
"""What latency may hold in one direction before it makes the sender wait."""

# How long to hand over without a turn for the rest of the program; how much between two looks at the time.
TURN_S = 0.001
ACTIONS_BETWEEN_LOOKS = 16


class Course:
    """Drive a chain by the loop's clock; what leaves is handed over, in order and never early.

    Args:
        faults: To start with.
        luck: This direction's.
        loop: Keeps the appointment.
        act: Called with each action that leaves.
        on_settled: Called when all that was due has been handed over.
        on_failure: Called if ``act`` raises.
    """

    def __init__(
        self,
        faults: Faults,
        luck: Dice,
        loop: asyncio.AbstractEventLoop,
        act: Callable[[Action], None],
        on_settled: Callable[[], None],
        on_failure: Callable[[Exception], None],
    ) -> None:
        self._chain = Chain(faults, luck, monotonic())
        self._loop = loop
        self._act = act
        self._on_settled = on_settled
        self._on_failure = on_failure
        self._leaving: deque[Action] = deque()
        self._leaving_bytes = 0
        self._turn: asyncio.Handle | None = None  # of the loop, for what the last had no time for
        self._is_acting = False
        self._timer: asyncio.TimerHandle | None = None
        self.is_over = False

    @property
    def faults(self) -> Faults:
        """The faults in force. Assign to change them: at once, also for what is held."""
        return self._chain.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        if not self.is_over:
            self._chain.change(faults, monotonic())
            self._take()

    @property
    def is_calm(self) -> bool:
        """Whether bytes may go around it: no faults, and nothing before them."""
        return self._chain.is_calm and not self._leaving

    @property
    def held_bytes(self) -> int:
        """Memory kept."""
        return self._chain.held_bytes + self._leaving_bytes

    @property
    def fullness(self) -> float:
        """How full the fullest queue is that makes a sender wait; see ``Chain.fullness``."""
        return self._chain.fullness

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held, not even an end, and nothing on its way out."""
        return not (self._chain.held_bytes or self._leaving or self._is_acting)  # not bytes: an end has none

    @property
    def queued_bytes(self) -> int:
        """How much of it makes a sender wait: what is under way on a long wire does not."""
        return self.held_bytes - min(self._chain.under_way_bytes, WIRE_BYTES)

    def open(self) -> None:
        """Note that the connection is open: a fault may end it at once."""
        self._chain.open(monotonic())
        self._take()

    def put(self, data: bytes) -> None:
        """Put bytes in; some may leave before this returns."""
        self._chain.put(data, monotonic())
        self._take()

    def put_eof(self) -> None:
        """Put the end in, behind the bytes."""
        self._chain.put_eof(monotonic())
        self._take()

    def put_reset(self) -> None:
        """Put a reset by the peer in, behind the bytes."""
        self._chain.put_reset(monotonic())
        self._take()

    def close(self) -> None:
        """Hand nothing over any more."""
        self.is_over = True
        self._leaving.clear()
        self._leaving_bytes = 0
        self._disarm()

    def _on_time(self) -> None:
        self._timer = None
        self._take()

    def _take(self) -> None:
        # uvloop's own time is that of its last turn: bytes would count from before they came.
        actions = self._chain.take(monotonic())
        self._leaving.extend(actions)
        self._leaving_bytes += sum(len(action) for action in actions if isinstance(action, bytes))
        if self._is_acting:  # called back by what is just handed over: what is left comes before this
            return
        if self._turn is None:  # otherwise this is for a later turn, behind what is left
            self._act_on_all()
        self._settle()

    def _go_on(self) -> None:
        self._turn = None
        self._act_on_all()
        self._settle()

    def _settle(self) -> None:
        self._disarm()
        if self.is_over:
            return
        when = self._chain.wake_at()
        if when is not None:
            # A loop may ring a little early; then nothing leaves, and the rest is waited for.
            self._timer = self._loop.call_later(max(when - monotonic(), 0.0), self._on_time)
        self._on_settled()

    def _act_on_all(self) -> None:
        """Hand over what leaves; what takes longer than a turn goes on in the next one."""
        self._is_acting = True
        give_way_at, handed = monotonic() + TURN_S, 0
        try:
            while self._leaving and not self.is_over:
                handed += 1
                if handed % ACTIONS_BETWEEN_LOOKS == 0 and monotonic() > give_way_at:
                    self._turn = self._loop.call_soon(self._go_on)
                    return
                action = self._leaving.popleft()
                if isinstance(action, bytes):
                    self._leaving_bytes -= len(action)
                self._act(action)
        except Exception as exc:
            self._on_failure(exc)
        finally:
            self._is_acting = False

    def _disarm(self) -> None:
        if self.is_over and self._turn is not None:
            self._turn.cancel()
            self._turn = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
