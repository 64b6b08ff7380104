"""Delivery: one direction of a connection on an asyncio loop, through a chain and out of it, turn by turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from trixter.chain_driver import ChainDriver
from trixter.faults import EOF, RESET, Action, Dice, Faults
from trixter.faults.fault import OtherDirection
from trixter.monotonic import TURN_S, monotonic

WIRE_BYTES = 4 * 1024 * 1024
"""What latency may hold in one direction before it makes the sender wait."""

# How much is handed over between two looks at the time.
ACTIONS_BETWEEN_LOOKS = 16


class LoopClock:
    """The clock of an asyncio loop. Some loops call a little early."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    # Not the loop's own: uvloop's is that of its last turn, and bytes would count from before they came.
    time = staticmethod(monotonic)

    def call_at(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        return self._loop.call_later(max(when - monotonic(), 0.0), callback)


class Delivery:
    """Carry one direction through its faults; what leaves them is handed over, in order and never early.

    Args:
        faults: To start with.
        dice: This direction's.
        loop: Keeps the timer.
        act: Called with each action that leaves.
        on_settled: Called when all that was due has been handed over.
        on_failure: Called if ``act`` raises.
        other: The other direction.
    """

    def __init__(
        self,
        faults: Faults,
        dice: Dice,
        loop: asyncio.AbstractEventLoop,
        act: Callable[[Action], None],
        on_settled: Callable[[], None],
        on_failure: Callable[[Exception], None],
        other: OtherDirection,
    ) -> None:
        self._chain = ChainDriver(faults, dice, LoopClock(loop), self.release, other=other)
        self._loop = loop
        self._act = act
        self._on_settled = on_settled
        self._on_failure = on_failure
        self._leaving: deque[Action] = deque()
        self._leaving_bytes = 0
        self._turn: asyncio.Handle | None = None  # of the loop, for what the last had no time for
        self._is_acting = False
        self.is_over = False

    @property
    def faults(self) -> Faults:
        """The faults in force. Assign to change them: at once, also for what is held."""
        return self._chain.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        if not self.is_over:
            self._hand_over(self._chain.change(faults))

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
        """How much of it makes a sender wait: what is in flight on a long link does not."""
        return self.held_bytes - min(self._chain.in_flight_bytes, WIRE_BYTES)

    def open(self) -> None:
        """Note that the connection is open: a fault may end it at once."""
        self._hand_over(self._chain.open())

    def put(self, data: bytes) -> None:
        """Put bytes in; some may leave before this returns."""
        self._hand_over(self._chain.put(data))

    def release(self) -> None:
        """Let leave what may leave by now."""
        self._hand_over(self._chain.take())

    def put_eof(self) -> None:
        """Put the end in, behind the bytes."""
        self._hand_over(self._chain.put_end(EOF))

    def put_reset(self) -> None:
        """Put a reset by the peer in, behind the bytes."""
        self._hand_over(self._chain.put_end(RESET))

    def close(self) -> None:
        """Hand nothing over any more."""
        self.is_over = True
        self._leaving.clear()
        self._leaving_bytes = 0
        self._chain.close()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None

    def _hand_over(self, actions: list[Action]) -> None:
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
        if not self.is_over:
            self._chain.arm()
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
