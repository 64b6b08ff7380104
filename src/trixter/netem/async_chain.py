"""A chain driven with ``await``: one fault of a stream, by a clock that can be waited on.

It waits within a call of the stream, and so it has no timer: a ``ChainDriver`` would be of no use to it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

import anyio

from trixter.faults import NO_FAULTS, Action, Chain, Dice, Fault, Faults
from trixter.monotonic import monotonic
from trixter.netem.adapter import Waker
from trixter.netem.knob import Knob, Setting, setting_of


class Clock(Protocol):
    """Tell the time, and wait; tests of programs that wait may bring their own."""

    def time(self) -> float:
        """Return the time, in seconds of one monotonic source."""

    async def wait(self, until: float, changed: anyio.Event) -> None:
        """Return at that time, never before it, or as soon as something has changed."""


class LoopClock:
    """The clock of the event loop that runs: asyncio's, uvloop's, or Trio's, which may be a mock."""

    def time(self) -> float:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # Trio's
            return anyio.current_time()
        # uvloop tells the time of its last turn: what arrived since would be due too early.
        return monotonic() if type(loop).__module__.startswith("uvloop") else loop.time()

    async def wait(self, until: float, changed: anyio.Event) -> None:
        # Loops may ring a little early.
        while (left_s := until - self.time()) > 0 and not changed.is_set():
            with anyio.move_on_after(left_s):
                await changed.wait()


class AsyncChain:
    """One fault whose setting may change, in one direction of a stream. All deciding is the chain's.

    Args:
        make: The fault for a value of the setting; raises ``SettingError`` for one that it cannot take.
        setting: The knob, a number that stays, or a source of numbers, one for each call.
        seed: The root of its randomness; by default drawn from entropy.
        branch: Which branch of it.
        clock: Tells the time; by default the loop's.

    Raises:
        SettingError: If the fault cannot take the value.
    """

    def __init__(
        self,
        make: Callable[[float], Fault],
        setting: Setting,
        *,
        seed: int | None = None,
        branch: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._make = make
        self._changed: tuple[anyio.Event, Waker] | None = None  # while something waits
        self._faults = NO_FAULTS
        self._setting = setting_of(setting)
        if isinstance(self._setting, Knob):
            self._setting.subscribe(self)
        self._dice = Dice(secrets.randbits(64) if seed is None else seed).branch(branch)
        self._clock = clock or LoopClock()
        self._was_put = False
        self._chain: Chain | None = None  # made when it is first needed: before, no loop need be running

    @property
    def is_calm(self) -> bool:
        """Whether bytes may go around it: it is off, and holds nothing."""
        return not self._faults and (self._chain is None or self._chain.is_calm)

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing, and nothing is to be taken from it."""
        return self._chain is None or not (self._was_put or self._chain.held_bytes)

    def begin_call(self) -> None:
        """Note that the stream is called: a source is asked for the value of this call.

        Raises:
            SettingError: If the fault cannot take that value.
        """
        if not isinstance(self._setting, Knob):
            self._faults = Faults(self._make(self._setting.next()))

    def begin_read(self) -> list[Action]:
        """Note that the stream is about to be read; return what leaves of that alone."""
        chain, now = self._now()
        chain.begin_read(now)
        return chain.take(now)

    def put(self, data: bytes) -> None:
        """Put in what arrived."""
        chain, now = self._now()
        chain.put(data, now)
        self._was_put = True

    def put_eof(self) -> None:
        """Put in the end."""
        chain, now = self._now()
        chain.put_eof(now)
        self._was_put = True

    def put_reset(self) -> None:
        """Put in that the other side has reset it."""
        chain, now = self._now()
        chain.put_reset(now)
        self._was_put = True

    async def next_actions(self) -> list[Action]:
        """Wait until something leaves, and return it; nothing if nothing is held."""
        while True:
            chain, now = self._now()
            self._was_put = False
            if actions := chain.take(now):
                return actions
            when = chain.wake_at()
            if when is None:
                return []
            changed = anyio.Event()
            self._changed = changed, Waker()
            try:
                # Another thread may have turned the knob before it could see that this waits.
                if self._faults == chain.faults:
                    await self._clock.wait(when, changed)
            finally:
                self._changed = None

    def release(self) -> bytes:
        """Give up what is held, without its end."""
        chain, now = self._now()
        chain.change(NO_FAULTS, now)
        self._was_put = False
        return b"".join(action for action in chain.take(now) if isinstance(action, bytes))

    def discard(self) -> None:
        """Forget what is held; the dice go on where they were."""
        chain, now = self._now()
        chain.change(NO_FAULTS, now)
        chain.take(now)
        self._was_put = False

    def check(self, value: float) -> None:
        self._make(value)

    def on_turned(self) -> None:
        if isinstance(self._setting, Knob):
            self._faults = Faults(self._make(self._setting.value))
        if (waiting := self._changed) is not None:
            changed, waker = waiting
            waker.call(changed.set)

    def _now(self) -> tuple[Chain, float]:
        """Return the chain as the knob has it, and the time."""
        now = self._clock.time()
        faults = self._faults  # read once: another thread may turn the knob
        if self._chain is None:
            self._chain = Chain(faults, self._dice, now)
        elif self._chain.faults != faults:
            self._chain.change(faults, now)
        return self._chain, now
