"""Faults and their stages: the contract of settings, and of the running state under them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import Enum, IntEnum
from functools import cache
from math import inf
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from trixter.errors import SettingError
from trixter.faults.actions import Close, Effect, End
from trixter.faults.dice import Dice

# What keeping one piece costs beside its bytes: the bytes object's header, its place in a deque and the
# tuple around it, measured with sys.getsizeof and rounded up. Without it a peer that sends single bytes
# would hold 200 times the limit.
PIECE_OVERHEAD_BYTES = 200


# How much the queue in front of a rate takes in, as time. A sender that is faster than its network fills a
# short queue and is then slowed down: its writes block and time out, as on a real link. With the 4 MiB that a
# direction may hold, an upload of 8 MB at 500 KB/s seemed to be done at once.
QUEUE_S = 0.1

# At a slow rate, 100 ms are less than a read or two.
LEAST_QUEUE_BYTES = 64 * 1024


class Direction(Enum):
    """The direction in which bytes travel: *to* the upstream, or *from* it."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"

    @property
    def opposite(self) -> Direction:
        """The other one."""
        return Direction.DOWNSTREAM if self is Direction.UPSTREAM else Direction.UPSTREAM


class StageOrder(IntEnum):
    """The canonical order of stages. Bytes pass the lowest first."""

    LOSE = 0
    ALTER = 1
    TERMINATE = 2
    SLICE = 3
    RATE = 4
    DELAY = 5
    CLOSE = 6
    FREEZE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(ABC):
    """One thing wrong with one direction: settings, checked when made, and never changed.

    Args:
        name: Tells several of one kind apart when they are stacked; state follows the name when settings
            change. One of a kind needs none.
    """

    name: str = field(default="", kw_only=True)

    order: ClassVar[StageOrder]

    direction: ClassVar[Direction | None] = None
    """The only direction in which it can be set; ``None``: in either."""

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise SettingError("name", self.name, "text")
        self._check()

    @abstractmethod
    def _check(self) -> None:
        """Raise ``SettingError`` if a setting is outside its range."""

    @property
    @abstractmethod
    def is_off(self) -> bool:
        """Whether these settings do nothing at all."""

    @abstractmethod
    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        """Start the running state of this fault for one direction of one connection."""

    @classmethod
    def fits(cls, direction: Direction) -> bool:
        """Return whether it can be set in that direction."""
        return cls.direction in (None, direction)


@cache
def kind_name(kind: type[Fault]) -> str:
    """Return the name of a kind of fault: that of its class, as Python writes functions."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower()


def settings_of(fault: Fault) -> dict[str, Any]:
    """Return the settings of a fault as plain values, by their names in Python."""
    values = {each.name: getattr(fault, each.name) for each in fields(fault) if each.name != "name"}
    return {name: value.value if isinstance(value, Enum) else value for name, value in values.items()}


# As good as no limit: a read that reaches it is put in, and the stages are asked again. CPython compares
# whole numbers of less than 30 bits in one step.
UNLIMITED = 2**30 - 1


class BypassLimit(NamedTuple):
    """Limits of the reads that a stage would pass on at once and unchanged, whenever they come."""

    read_bytes: float = UNLIMITED
    """The largest read."""

    reads: float = UNLIMITED
    """How many of them."""

    total_bytes: float = UNLIMITED
    """All of them together."""


NO_BYPASS = BypassLimit(0, 0, 0)
"""No read skips the stage."""

FaultT = TypeVar("FaultT", bound=Fault)


class OtherDirection(Protocol):
    """The other direction of a connection, as far as stages of this one know it."""

    @property
    def forwarded_bytes(self) -> int:
        """The bytes that the sender of this direction was sent: if they grow, the other side has spoken."""

    @property
    def has_ended(self) -> bool:
        """Whether the other side will send no more."""


class Output(Protocol):
    """The end of a chain, as its stages see it."""

    other: OtherDirection
    """The other direction of the connection."""

    is_closing: bool
    """Whether a stage has closed the connection behind the bytes before."""

    def note_decision(
        self, stage: Stage[Any], effect: Effect, at_bytes: int, detail: Mapping[str, Any]
    ) -> None:
        """Take in a decision. See ``Stage.decide``."""

    def end_at_once(self, reason: str) -> None:
        """Reset the connection, past everything that is held on the way."""


class Stage(ABC, Generic[FaultT]):
    """The running state of one fault in one direction of one connection.

    Pure: it never reads a clock. Times are seconds of one monotonic source and never go back. What leaves
    goes into ``self.next``, stamped with the time it was *due*, not with the time when the caller asked:
    so what leaves when does not depend on how punctual the caller is. For the same reason a stage that
    waits for a time releases what was due by then before it takes in more: the caller may not have asked yet.

    It does nothing to a stream without saying so: ``abort``, ``close`` and ``follow_settings`` do, and before
    any other effect comes ``decide``. The journal and its replay are made of nothing else.
    """

    next: Stage[Any]
    """The stage behind this one, which gets its output; the chain links it."""

    output: Output
    """The end of the chain, which takes decisions; the chain links it."""

    has_ended: bool = False
    """Whether it has closed the connection: it decides no more."""

    followed: Fault | None = None
    """The settings that it has said it follows."""

    may_wait: ClassVar[bool] = True
    """Whether it ever waits for a time; the chain does not ask the others."""

    is_queue: ClassVar[bool] = False
    """Whether it waits for a time only while it holds something; the chain asks no empty queue."""

    has_latency: ClassVar[bool] = False
    """Whether what it holds is under way, as on a long wire, and not a queue."""

    held_bytes: int = 0
    """Memory kept: the bytes, and ``PIECE_OVERHEAD_BYTES`` for each piece of them."""

    def __init__(self, fault: FaultT, dice: Dice) -> None:
        self.fault = fault
        self._dice = dice

    def open(self, now: float) -> None:
        """Note that the connection is open."""
        self.next.open(now)

    def begin_read(self, now: float) -> None:
        """Note that the source is about to be read, by a caller that does so before there is something."""
        self.next.begin_read(now)

    @property
    def operations(self) -> int:
        """How many operations it might have struck until now; 0 if its fault has no probability."""
        return 0

    @property
    def fullness(self) -> float:
        """How full the queue of a stage is that makes its sender wait; above 1, read no more."""
        return 0.0

    @property
    def most_read_bytes(self) -> float:
        """The largest read that is worth taking in at once."""
        return inf

    @abstractmethod
    def put(self, data: bytes, now: float) -> None:
        """Take bytes in, at least one; pass on, now, whatever need not wait."""

    def put_all(self, pieces: list[bytes], now: float) -> None:
        """Take pieces in, one after another."""
        for piece in pieces:
            self.put(piece, now)

    def put_end(self, end: End, now: float) -> None:
        """Take the end in; it must leave behind every byte."""
        self.next.put_end(end, now)

    def release(self, now: float) -> None:
        """Pass on what is due by now. Only a stage that holds things has something to do."""

    def wake_at(self) -> float | None:
        """Return when to call ``release`` next if nothing else happens."""
        return None

    def bypass_limit(self, now: float) -> BypassLimit:
        """Return how much may skip this stage, for it would pass on at once; asked while nothing is held."""
        return NO_BYPASS

    def count_bypassed(self, reads: int, size_bytes: int) -> None:
        """Count so many reads, of so many bytes together, that skipped this stage."""

    def change(self, fault: FaultT, now: float) -> None:
        """Run under other settings from now on, also for what is held."""
        self.fault = fault

    def drain(self, now: float) -> None:
        """Pass on everything held: the fault is gone."""

    @property
    def kind_name(self) -> str:
        """The name of the fault, for its decisions."""
        return kind_name(type(self.fault))

    def decide(self, effect: Effect, at_bytes: int = 0, **detail: Any) -> None:
        """Say what this stage is about to do, before it passes on the bytes that this is about.

        Args:
            effect: The effect.
            at_bytes: Its byte, counted from the first one in hand; if there are none, from the next to come.
            detail: As ``Effect`` describes it.
        """
        self.output.note_decision(self, effect, at_bytes, detail)

    def follow_settings(self) -> None:
        """Say, once for each, that this stage does something by its settings alone, from this byte on."""
        if self.followed is not self.fault:
            if self.followed != self.fault:
                self.decide(Effect.SET, **settings_of(self.fault))
            self.followed = self.fault

    def decide_change(self) -> None:
        """Say that the settings have changed, if it was said what they do."""
        if self.followed is not None:
            self.follow_settings()

    def decide_removal(self) -> None:
        """Say that what was said about the settings is over."""
        if self.followed is not None:
            self.decide(Effect.SET)

    def abort(self, reason: str, at_bytes: int = 0) -> None:
        """Reset the connection at a byte (as for ``decide``), past everything that is held on the way."""
        self.decide(Effect.RESET, at_bytes, reason=reason)
        self.output.end_at_once(reason)

    def close(self, reason: str, now: float, at_bytes: int = 0, *, reset: bool = False) -> None:
        """Close the connection, or reset it, at a byte (as for ``decide``), behind all that was passed on."""
        if reset:
            self.decide(Effect.RESET, at_bytes, reason=reason, behind=True)
        else:
            self.decide(Effect.CLOSE, at_bytes, reason=reason)
        self.next.put_end(Close(reason, reset), now)


class HoldingStage(Stage[FaultT]):
    """A stage that keeps pieces in a queue until they may leave, whole or in parts.

    It waits for nothing else: while it holds nothing, it is not asked.
    """

    is_queue = True

    def __init__(self, fault: FaultT, dice: Dice) -> None:
        super().__init__(fault, dice)
        self._queue: deque[bytes | list[bytes] | End] = deque()
        # How much of the oldest piece has left. Cutting it off the piece itself would copy the rest
        # each time: quadratic in a large read that leaves byte by byte.
        self._cut_bytes = 0

    def put_end(self, end: End, now: float) -> None:
        self.release(now)
        if self._queue:
            self._hold(end)
        else:
            self.next.put_end(end, now)

    def drain(self, now: float) -> None:
        while self._queue:
            self._pass_on(now)

    @property
    def _queued_bytes(self) -> int:
        """How much waits, without the bookkeeping; asked where all pieces are held one by one."""
        return self.held_bytes - PIECE_OVERHEAD_BYTES * len(self._queue)

    def _hold(self, item: bytes | End) -> None:
        self._queue.append(item)
        self.held_bytes += PIECE_OVERHEAD_BYTES + (len(item) if isinstance(item, bytes) else 0)

    def _hold_all(self, pieces: list[bytes]) -> None:
        """Hold pieces that will leave together, at the cost of one in time, though not in memory."""
        self._queue.append(pieces)
        self.held_bytes += _memory_of(pieces)

    def _head_bytes(self) -> int:
        """Return what is left of the oldest piece."""
        item = self._queue[0]
        assert not isinstance(item, list), "pieces that leave together are not cut"
        return size_of(item) - self._cut_bytes

    def _pass_on(self, now: float) -> None:
        """Hand (the rest of) the oldest piece to the next stage."""
        item = self._queue[0]
        if isinstance(item, bytes):
            self._pass_on_part(len(item) - self._cut_bytes, now)
        elif isinstance(item, list):
            self._queue.popleft()
            self.held_bytes -= _memory_of(item)
            self.next.put_all(item, now)
        else:
            self._queue.popleft()
            self.held_bytes -= PIECE_OVERHEAD_BYTES
            self.next.put_end(item, now)

    def _pass_on_part(self, size_bytes: int, now: float) -> None:
        """Hand the first bytes of what is left of the oldest piece to the next stage."""
        piece = self._queue[0]
        assert isinstance(piece, bytes), "an end has no parts"
        start = self._cut_bytes
        stop = start + size_bytes
        if stop < len(piece):
            self._cut_bytes = stop
            self.held_bytes -= size_bytes
            self.next.put(piece[start:stop], now)
            return
        self._queue.popleft()
        self._cut_bytes = 0
        self.held_bytes -= PIECE_OVERHEAD_BYTES + len(piece) - start
        self.next.put(piece[start:] if start else piece, now)


def most_queued_bytes(rate_bytes_per_s: float) -> float:
    """Return how much may wait in front of a rate before its source is read no more."""
    return max(rate_bytes_per_s * QUEUE_S, LEAST_QUEUE_BYTES)


def _memory_of(pieces: list[bytes]) -> int:
    return sum(map(len, pieces)) + PIECE_OVERHEAD_BYTES * len(pieces)


def size_of(item: bytes | End) -> int:
    """Return how many bytes a piece has; the end has none."""
    return len(item) if isinstance(item, bytes) else 0
