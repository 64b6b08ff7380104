"""Streams and a clock that the test moves."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from anyio import BrokenResourceError, ClosedResourceError, EndOfStream
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint


class SteppedClock:
    """A clock that stands still until the test moves it; a waiter sees exactly the time it waited for."""

    def __init__(self) -> None:
        self.now = 100.0
        self._waiting: list[tuple[float, anyio.Event]] = []

    def time(self) -> float:
        return self.now

    async def wait(self, until: float, changed: anyio.Event) -> None:
        entry = (until, changed)
        self._waiting.append(entry)
        try:
            await changed.wait()
        finally:
            self._waiting.remove(entry)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def advance(self, seconds: float) -> None:
        """Let that much time pass, and let each that waits go on at its time."""
        then = self.now + seconds
        await settled()
        while due := [entry for entry in self._waiting if entry[0] <= then]:
            self.now = max(self.now, min(due, key=lambda entry: entry[0])[0])
            for until, changed in due:
                if until <= self.now:
                    changed.set()
            await settled()
        self.now = then


async def settled() -> None:
    """Run all tasks until each of them waits; none in these tests needs more turns than that."""
    for _ in range(20):
        await checkpoint()


WIRE: Any = object()
"""The attribute that says which wire is inside."""


class Wire(ByteStream):
    """The stream inside: keep each send apart, and give what the test puts in."""

    def __init__(self, *arrived: bytes) -> None:
        self.sent: list[bytes] = []
        self.arrived = deque(arrived)
        self.has_ended = False
        """Whether the other side has."""
        self.eof_sent = self.is_closed = False
        self.is_full = self.is_broken = False
        self._changed = anyio.Event()

    @property
    def data(self) -> bytes:
        """Everything that was sent."""
        return b"".join(self.sent)

    def arrive(self, data: bytes) -> None:
        self.arrived.append(data)
        self.change()

    def end(self) -> None:
        self.has_ended = True
        self.change()

    def reset(self) -> None:
        """Be reset by the other side."""
        self.is_broken = True
        self.change()

    def change(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    async def receive(self, max_bytes: int = 65536) -> bytes:
        await checkpoint()
        while not self.arrived:
            if self.is_closed:
                raise ClosedResourceError
            if self.is_broken:
                raise BrokenResourceError("reset")
            if self.has_ended:
                raise EndOfStream
            await self._changed.wait()
        data = self.arrived.popleft()
        if data[max_bytes:]:
            self.arrived.appendleft(data[max_bytes:])
        return data[:max_bytes]

    async def send(self, item: bytes) -> None:
        await checkpoint()
        while self.is_full:
            await self._changed.wait()
        if self.is_closed:
            raise ClosedResourceError
        self.sent.append(item)

    async def send_eof(self) -> None:
        await checkpoint()
        self.eof_sent = True

    async def aclose(self) -> None:
        self.is_closed = True
        self.change()
        await checkpoint()

    @property
    def extra_attributes(self) -> Mapping[Any, Callable[[], Any]]:
        return {WIRE: lambda: id(self)}


class Outcome:
    """What became of a call that was started: nothing yet, a result, or an error."""

    def __init__(self) -> None:
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None
        self.scope = anyio.CancelScope()

    async def run(self, call: Callable[[], Any]) -> None:
        with self.scope:
            try:
                self.result = await call()
            except Exception as exc:
                self.error = exc
        self.is_done = True
