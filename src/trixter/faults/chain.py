"""The chain: what a direction's faults do to its bytes.

A chain is to a direction what a qdisc is to a network card: bytes are put in, bytes are taken out when
their time has come, and it says when to ask again.

    source ──bytes──▶ pipe ──put(data, now)──▶ chain ──take(now)──▶ pipe ──bytes──▶ sink
                        ▲                        │
                        └──── one timer ◀── wake_at()
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from math import inf
from typing import Any, Unpack

from trixter.faults.actions import EOF, RESET, Action, End
from trixter.faults.chain_output import ChainOutput, RecordKeywords
from trixter.faults.dice import Dice
from trixter.faults.fault import NO_BYPASS, Stage, StageOrder
from trixter.faults.faults import NO_FAULTS, Faults, Key

# Looking one up in its enum takes as long as a call.
_SLICE = StageOrder.SLICE


class Chain:
    """The running faults of one direction of one connection.

    Pure: every method takes ``now``, in seconds, from one monotonic source; calls must not go back in
    time. Bytes come out in order and, unless a fault that alters data is on, are exactly those that went in.
    Whatever is put in or changed, ``take`` afterwards: something may be due at once. How often that is done
    does not change what leaves when.

    Args:
        faults: The settings to start with.
        dice: This direction's; each fault draws from a branch of its own.
        now: Time of creation.
        record: As ``RecordKeywords``: the listener to what the faults do.
    """

    def __init__(self, faults: Faults, dice: Dice, now: float, **record: Unpack[RecordKeywords]) -> None:
        self._dice = dice
        self._branches: dict[Key, Dice] = {}
        self._stages: dict[Key, Stage[Any]] = {}
        self._waiting: list[Stage[Any]] = []  # those of them that may wait for a time
        self._only_queues = True  # and do so only while they hold something
        self.is_idle = True
        """Whether, since the last ``take``, nothing is held and nothing to wait for."""
        self.has_latency = False
        """Whether bytes are under way for a while."""
        self.is_slicing = False
        """Whether bytes are cut into pieces."""
        self.most_read_bytes = inf
        """The largest read that is worth taking in at once."""
        self._bypass = Bypass()
        self.admits = self._bypass.admits
        """Return whether a read of that size may go around the chain; then it counts as having passed."""
        self._output = ChainOutput(**record)
        self._line: list[Stage[Any]] = [self._output]  # the stages, and the end
        self._first: Stage[Any] = self._output
        self.faults = NO_FAULTS
        """The settings in force."""
        self.change(faults, now)

    @property
    def is_calm(self) -> bool:
        """Whether bytes could as well go around the chain: no stage, nothing left to take, not over."""
        return not (self._stages or self._output.actions or self._output.is_over)

    @property
    def held_bytes(self) -> int:
        """Memory kept by the stages, bookkeeping included; drives backpressure."""
        return self.occupancy()[0]

    @property
    def in_flight_bytes(self) -> int:
        """How much of that is under way, as on a long wire: it need not drive backpressure."""
        return self.occupancy()[1]

    @property
    def fullness(self) -> float:
        """How full the fullest queue is that makes a sender wait: above 1, read no more, until 0.5."""
        return self.occupancy()[2]

    def occupancy(self) -> tuple[int, int, float]:
        """Return ``held_bytes``, ``in_flight_bytes`` and ``fullness``, all at once: for after each read."""
        held_bytes = in_flight_bytes = 0
        fullness = 0.0
        if not self.is_idle:
            for stage in self._waiting:
                if stage_bytes := stage.held_bytes:
                    held_bytes += stage_bytes
                    if stage.has_latency:
                        in_flight_bytes += stage_bytes
                    elif (stage_fullness := stage.fullness) > fullness:
                        fullness = stage_fullness
        return held_bytes, in_flight_bytes, fullness

    def open(self, now: float) -> None:
        """Note, before anything else, that the connection is open: an operation, and so it may be struck."""
        self.is_idle = not self._waiting
        self._first.open(now)

    def begin_read(self, now: float) -> None:
        """Note that the source is about to be read, for a caller that reads before there is something.

        The operation that a read is counts now, and not once more when the bytes are put in. Twice in a row
        is one read that was tried again.
        """
        self._settle(now)
        self._first.begin_read(now)

    def put(self, data: bytes, now: float) -> None:
        """Take in bytes that arrived; none at all is nothing."""
        if data and not self._output.is_closing:
            if self._bypass.is_open:
                self._bypass.flush(self._line)
            if not self.is_idle:
                self._release(now)
            self.is_idle = not self._waiting
            self._first.put(data, now)

    def put_eof(self, now: float) -> None:
        """Note that the source will send no more; EOF queues behind the bytes."""
        self._put_end(EOF, now)

    def put_reset(self, now: float) -> None:
        """Note that the source was reset by its peer; the reset queues behind the bytes, and behind EOF."""
        self._put_end(RESET, now)

    def take(self, now: float) -> list[Action]:
        """Return what leaves now, in order."""
        if not self.is_idle:
            self._release(now)
        output, actions = self._output, []
        if output.actions:
            actions, output.actions = output.actions, actions
        if output.is_over:
            self._let_go()
        elif self.is_idle and self._stages and not self._bypass.is_open:
            self._bypass.refill(self._stages.values(), now)
        return actions

    def wake_at(self) -> float | None:
        """Return when to ``take`` again if nothing else happens; never in the past after a ``take``."""
        if self.is_idle:
            return None
        first: float | None = None
        for stage in self._waiting:
            when = stage.wake_at()
            if when is not None and (first is None or when < first):
                first = when
        return first

    def change(self, faults: Faults, now: float, passed_bytes: int = 0) -> None:
        """Swap the settings: at once, also for what is held.

        A stage goes on under the new settings of its fault, a new fault starts a stage, and a stage whose
        fault is gone passes on all it held. Nothing is lost, repeated or reordered.

        Args:
            faults: The settings from now on.
            now: The time.
            passed_bytes: All bytes that have passed this direction; asked while the chain is calm.
        """
        # Few calls, and no object that is kept, unless they are needed: there may be 10,000 connections.
        self._output.passed_around(passed_bytes)
        if self._bypass.is_open:
            self._bypass.flush(self._line)
        if not self.is_idle:
            self._release(now)
        self.faults = faults
        if self._output.is_over:
            return
        wanted = dict(faults.keyed())
        stages: dict[Key, Stage[Any]] = {}
        gone = []
        for key, stage in self._stages.items():
            if key in wanted:
                stages[key] = stage
                stage.change(wanted[key], now)
                stage.decide_change()
            else:
                gone.append(stage)
        kept = len(stages)
        # Only settings differ: all stays linked. (A chain without stages is linked here when it is made.)
        if kept and not gone and kept == len(wanted):
            self.is_idle = not self._waiting
            self.most_read_bytes = min((stage.most_read_bytes for stage in stages.values()), default=inf)
            return
        # Still linked as they were: what a stage held goes through the stages that came behind it.
        for stage in gone:
            stage.decide_removal()
            stage.drain(now)
            self._output.leave(stage)
        for key, fault in wanted.items():
            if key not in stages:
                stages[key] = stage = fault.stage(self._dice_for(key), now)
                self._output.join(stage)
        # Stages that were there stay in the order they are in, because bytes between them are; a new one
        # is empty and may stand anywhere.
        if len(stages) > 1:
            stages = dict(sorted(stages.items(), key=lambda item: item[1].fault.order))
        self._stages = stages
        self._link()
        if not kept and self._only_queues:
            self.is_idle = True  # all are new, and hold nothing

    def close(self) -> None:
        """Be used no more; then all of it is freed with its last reference. Idempotent."""
        self._let_go()
        self._output.unlink()

    def operations(self) -> Counter[str]:
        """Return how many operations its faults might have struck until now, by the name of the fault."""
        self._bypass.flush(self._line)
        counts: Counter[str] = Counter()
        for stage in self._stages.values():
            counts[stage.kind_name] += stage.operations
        return counts

    def _put_end(self, end: End, now: float) -> None:
        self._settle(now)
        if not self._output.is_closing:
            self._first.put_end(end, now)

    def _let_go(self) -> None:
        """Have no stages any more: they are over, or no longer asked."""
        if self._stages:
            self._output.gone_operations.update(self.operations())
            self._stages.clear()
            self._link()

    def _settle(self, now: float) -> None:
        """Make ready for something to be put in: what is due by now comes before it."""
        self._bypass.flush(self._line)
        self._release(now)
        self.is_idle = not self._waiting

    def _release(self, now: float) -> None:
        """Let what is due by now leave, ahead of whatever happens now: a reset, for one, drops the rest."""
        self.is_idle = self._only_queues
        for stage in self._waiting:
            if stage.held_bytes or not self._only_queues:
                stage.release(now)
                if stage.held_bytes:
                    self.is_idle = False

    def _link(self) -> None:
        # One loop, for a change concerns every connection there is. And the lists stay: the garbage collector
        # does not count new ones that replace old ones, and would see those of all connections at once.
        stages = [*self._stages.values()]
        self._waiting.clear()
        self._only_queues, self.has_latency, self.is_slicing = True, False, False
        self.most_read_bytes = inf
        for stage in stages:
            if stage.may_wait:
                self._waiting.append(stage)
                self._only_queues &= stage.is_queue
                self.has_latency |= stage.has_latency
            if stage.fault.order is _SLICE:
                self.is_slicing = True
            if stage.most_read_bytes < self.most_read_bytes:
                self.most_read_bytes = stage.most_read_bytes
        self.is_idle = not self._waiting
        self._first = self._output.link(stages)
        self._line.clear()
        self._line += stages
        self._line.append(self._output)

    def _dice_for(self, key: Key) -> Dice:
        """Return that fault's dice: a fault that comes back draws on, and repeats no draw."""
        dice = self._branches.get(key)
        if dice is None:
            kind, name, nth = key
            dice = self._branches[key] = self._dice.branch(f"{kind.__name__} {nth} {name}")
        return dice


class Bypass:
    """The bypass: reads that no stage would touch skip the stages, up to the limits that the stages give.

    Most faults do nothing most of the time: between two strikes a read is one to count, and a read that is
    smaller than a slice is no slice. So reads are counted here, for all stages at once, and the stages are
    told when something else happens. Every fault set and none felt, 64 B, 50 connections: see the
    benchmark's line of that name.
    """

    __slots__ = ("_bytes", "_most_bytes", "_most_reads", "_most_total_bytes", "_reads", "is_open")

    def __init__(self) -> None:
        self._most_bytes, self._most_reads, self._most_total_bytes = NO_BYPASS
        self.is_open = False
        """Whether the stages have been asked."""
        self._reads = 0  # passed since the stages were told
        self._bytes = 0

    def admits(self, size_bytes: int) -> bool:
        """Return whether a read of that size leaves now, unchanged; then it counts as having passed."""
        if size_bytes > self._most_bytes:
            return False
        reads = self._reads + 1
        total_bytes = self._bytes + size_bytes
        if reads > self._most_reads or total_bytes > self._most_total_bytes:
            return False
        self._reads = reads
        self._bytes = total_bytes
        return True

    def refill(self, stages: Collection[Stage[Any]], now: float) -> None:
        """Ask the stages what they allow from now on; none of them may hold anything."""
        self.is_open = bool(stages)
        limit: Iterable[float] = NO_BYPASS
        if len(stages) == 1:
            (stage,) = stages
            limit = stage.bypass_limit(now)
        elif stages:
            limit = map(min, zip(*[stage.bypass_limit(now) for stage in stages], strict=True))
        self._most_bytes, self._most_reads, self._most_total_bytes = limit

    def flush(self, stages: Collection[Stage[Any]]) -> None:
        """Tell the stages what has passed, and allow nothing until they are asked again."""
        if self._reads:
            for stage in stages:
                stage.count_bypassed(self._reads, self._bytes)
            self._reads = self._bytes = 0
        self._most_bytes, self._most_reads, self._most_total_bytes = NO_BYPASS
        self.is_open = False
