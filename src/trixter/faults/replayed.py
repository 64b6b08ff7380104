"""Replayed: recorded decisions, applied again at their bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby
from math import inf
from operator import attrgetter
from typing import Any

from trixter.errors import SettingError
from trixter.faults.actions import EOF, Close, Decision, Effect, End, Eof, Moment
from trixter.faults.catalogue import CATALOGUE
from trixter.faults.chain_output import ChainOutput
from trixter.faults.dice import Dice
from trixter.faults.fault import NO_BYPASS, BypassLimit, Fault, HoldingStage, Stage, StageOrder
from trixter.faults.faults import Faults
from trixter.faults.message_loss import SilenceStage

KINDS = {entry.name: entry.kind for entry in CATALOGUE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed(Fault):
    """Do what one stage of a recorded direction did, at the same bytes, however they arrive.

    Args:
        decisions: The stage's, in their order.
        seed: The seed of the record, from which noise is drawn again.
        length_bytes: The bytes that the stage took in until the end of its source; ``None``: not known.
        order: The place of the stage.

    Raises:
        SettingError: If a decision cannot be repeated: it is of an unknown fault.
    """

    decisions: tuple[Decision, ...] = ()
    seed: int = 0
    length_bytes: int | None = None
    order: StageOrder = StageOrder.ALTER  # type: ignore[misc]

    def _check(self) -> None:
        for each in self.decisions:
            if (each.effect is Effect.SET and each.detail) or each.loses_rest:
                _fault_of(each)

    @property
    def is_off(self) -> bool:
        return not self.decisions and self.length_bytes is None

    def stage(self, dice: Dice, now: float) -> ReplayedStage:
        holds = any(each.effect is Effect.HOLD for each in self.decisions)
        return (ReplayedLatencyStage if holds else ReplayedStage)(self, dice)


def replayed(decisions: Iterable[Decision], seed: int, length_bytes: int | None = None) -> Faults:
    """Return the faults that repeat the decisions of one direction.

    Args:
        decisions: In the order in which they were made.
        seed: The seed of the record.
        length_bytes: The bytes that the source sent until it ended; ``None``: it did not, or it is not known.

    Raises:
        SettingError: If a decision cannot be repeated.
    """
    by_place = groupby(sorted(decisions, key=attrgetter("place")), key=attrgetter("place"))
    stages = [
        Replayed(decisions=tuple(made), seed=seed, name=str(place.joined), order=StageOrder(place.order))
        for place, made in by_place
    ] or [Replayed()]
    return Faults(replace(stages[0], length_bytes=length_bytes), *stages[1:])


class ReplayedStage(Stage[Replayed]):
    """Counts bytes, and applies each decision at its own.

    Settings that were followed are followed by a stage of the fault itself, from their byte on.
    """

    is_queue = True

    def __init__(self, fault: Replayed, dice: Dice) -> None:
        super().__init__(fault, dice)
        self._coming = deque(fault.decisions)
        self._position = self._first_in_hand = 0
        self._flips: deque[tuple[int, int, int]] = deque()  # (position, former value, new value)
        self._lost_until = 0  # position
        self._inner: Stage[Any] | None = None
        self._is_over = self._has_diverged = False

    @property
    def kind_name(self) -> str:
        return self.fault.decisions[0].kind if self.fault.decisions else "replay"

    def open(self, now: float) -> None:
        if self._apply(Moment.REACHED, now):
            self.next.open(now)

    def begin_read(self, now: float) -> None:
        if self._apply(Moment.REACHED, now):
            self.next.begin_read(now)

    def put(self, data: bytes, now: float) -> None:
        self._first_in_hand = start = self._position
        length_bytes = self.fault.length_bytes
        if length_bytes is not None and start + len(data) > length_bytes:
            self._diverge(max(length_bytes - start, 0))
        while self._position < start + len(data) and self._apply(Moment.BYTE, now):
            size_bytes = int(min(len(data), self._until_change()))
            piece = data[self._position - start :][:size_bytes]
            if self._position >= self._lost_until:
                self._behind().put(self._flipped(piece), now)
            self._position += len(piece)
        self._apply(Moment.REACHED, now)
        self._first_in_hand = self._position

    def put_end(self, end: End, now: float) -> None:
        if isinstance(end, Eof) and not self._is_expected_end():
            self._diverge(0)
        if self._apply(Moment.END, now):
            self._behind().put_end(end, now)
        self._count_held()

    def release(self, now: float) -> None:
        self._behind().release(now)
        self._count_held()

    def wake_at(self) -> float | None:
        return self._inner.wake_at() if self._inner else None

    @property
    def fullness(self) -> float:
        return self._inner.fullness if self._inner else 0.0

    @property
    def most_read_bytes(self) -> float:
        return min(
            (
                _fault_of(each).stage(self._dice, 0.0).most_read_bytes
                for each in self.fault.decisions
                if each.effect is Effect.SET and each.detail
            ),
            default=inf,
        )

    def bypass_limit(self, now: float) -> BypassLimit:
        if self._position < self._lost_until:
            return NO_BYPASS
        limit = self._inner.bypass_limit(now) if self._inner else BypassLimit()
        length_bytes = inf if self.fault.length_bytes is None else self.fault.length_bytes
        # One byte less: what is decided as soon as bytes have passed is decided when they are put in.
        most_bytes = min(self._until_change() - 1, length_bytes - self._position)
        return limit._replace(total_bytes=min(limit.total_bytes, most_bytes))

    def count_bypassed(self, reads: int, size_bytes: int) -> None:
        self._position += size_bytes
        self._first_in_hand = self._position
        if self._inner is not None:
            self._inner.count_bypassed(reads, size_bytes)

    def drain(self, now: float) -> None:
        if self._inner is not None:
            self._behind().drain(now)
        self._count_held()

    def _is_expected_end(self) -> bool:
        here = self._position
        is_decided = all(each.input_bytes == here and each.moment is not Moment.BYTE for each in self._coming)
        return is_decided and self.fault.length_bytes in (None, here)

    def _until_change(self) -> float:
        """Return how many bytes have one fate, from the next one on."""
        if self._flips and self._flips[0][0] == self._position:
            return 1
        changes = [self._flips[0][0]] if self._flips else []
        if self._coming and self._coming[0].moment is not Moment.END:
            changes.append(self._coming[0].input_bytes)
        if self._position < self._lost_until:
            changes.append(self._lost_until)
        return max(min(changes, default=inf) - self._position, 1)

    def _apply(self, moment: Moment, now: float) -> bool:
        """Apply what was decided at this byte; return whether the connection goes on."""
        while not self._is_over and self._is_due(moment):
            decision = self._coming.popleft()
            at_bytes = self._position - self._first_in_hand
            self.decide(decision.effect, at_bytes, **decision.detail)
            self._do(decision, now)
        self._count_held()
        return not self._is_over

    def _is_due(self, moment: Moment) -> bool:
        if not self._coming:
            return False
        first = self._coming[0]
        if first.moment is Moment.END:
            return moment is Moment.END
        if first.input_bytes > self._position:
            return False
        return moment is Moment.BYTE or first.moment is Moment.REACHED

    def _do(self, decision: Decision, now: float) -> None:
        detail = decision.detail
        match decision.effect:
            case Effect.RESET if not detail.get("behind"):
                self._is_over = True
                self.output.end_at_once(detail["reason"])
            case Effect.RESET | Effect.CLOSE:
                self._is_over = True
                self._behind().put_end(Close(detail["reason"], decision.effect is Effect.RESET), now)
            case Effect.HALF_CLOSE:
                self._is_over = True
                self._behind().put_end(EOF, now)
            case Effect.INSERT:
                noise = Dice(self.fault.seed, detail["dice"]).noise(detail["size_bytes"])
                self._behind().put(noise, now)
            case Effect.FLIP:
                first = self._position
                flips = [(first + at, former, new) for at, former, new in detail["bytes"]]
                self._flips = deque(sorted([*self._flips, *flips]))
            case Effect.LOSE if decision.loses_rest:
                self._follow(SilenceStage(_fault_of(decision), self._dice), now)
            case Effect.LOSE:
                self._lost_until = self._position + detail["size_bytes"]
            case Effect.HOLD:
                if not isinstance(self._inner, DelayStage):
                    self._follow(DelayStage(self.fault, self._dice), now)
                assert isinstance(self._inner, DelayStage)
                self._inner.delay_s = detail["delay_s"]
            case Effect.SET if not detail:
                self._follow(None, now)
            case _:  # other settings
                fault = _fault_of(decision)
                if self._inner is None or type(self._inner.fault) is not type(fault):
                    self._follow(fault.stage(self._dice, now), now)
                else:
                    self._behind().change(fault, now)

    def _follow(self, inner: Stage[Any] | None, now: float) -> None:
        if self._inner is not None:
            self._behind().drain(now)
        self._inner = inner
        if inner is not None:
            # What it decides has been recorded, too.
            inner.output = ChainOutput(other=self.output.other)

    def _behind(self) -> Stage[Any]:
        """Return the stage that gets the next byte of the output."""
        if self._inner is None:
            return self.next
        self._inner.next = self.next
        return self._inner

    def _flipped(self, piece: bytes) -> bytes:
        if not self._flips or self._flips[0][0] > self._position:
            return piece
        _, former, new = self._flips.popleft()
        if piece[0] != former:
            self._diverge(self._position - self._first_in_hand)
        return bytes([piece[0] ^ former ^ new])  # another byte than arrived, whatever that was

    def _diverge(self, at_bytes: int) -> None:
        if not self._has_diverged:
            self._has_diverged = True
            self.decide(Effect.DIVERGE, at_bytes)

    def _count_held(self) -> None:
        self.held_bytes = self._inner.held_bytes if self._inner else 0


class ReplayedLatencyStage(ReplayedStage):
    """What it holds is under way."""

    has_latency = True

    def bypass_limit(self, now: float) -> BypassLimit:
        return NO_BYPASS if self._inner else super().bypass_limit(now)


class DelayStage(HoldingStage[Any]):
    """Holds each byte for the delay that is set when it arrives; none overtakes another."""

    def __init__(self, fault: Fault, dice: Dice) -> None:
        super().__init__(fault, dice)
        self.delay_s = 0.0
        self._times: deque[float] = deque()  # when each item leaves

    def put(self, data: bytes, now: float) -> None:
        self._arrive(data, now)

    def put_end(self, end: End, now: float) -> None:
        self._arrive(end, now)

    def release(self, now: float) -> None:
        while self._times and self._times[0] <= now:
            self._pass_on(self._times.popleft())

    def wake_at(self) -> float | None:
        return self._times[0] if self._times else None

    def drain(self, now: float) -> None:
        self._times.clear()
        super().drain(now)

    def _arrive(self, item: bytes | End, now: float) -> None:
        self.release(now)
        due = now + self.delay_s
        self._times.append(max(due, self._times[-1]) if self._times else due)
        self._hold(item)
        self.release(now)


def _fault_of(decision: Decision) -> Fault:
    """Return the fault with recorded settings.

    Raises:
        SettingError: If there is no such fault, or a setting is outside its range.
    """
    kind = KINDS.get(decision.kind)
    if kind is None:
        raise SettingError("kind", decision.kind, f"one of {', '.join(KINDS)}")
    try:
        return kind(**{name: _typed(kind, name, value) for name, value in decision.detail.items()})
    except (KeyError, TypeError, ValueError) as exc:
        raise SettingError("detail", dict(decision.detail), f"settings of {decision.kind}") from exc


def _typed(kind: type[Fault], name: str, value: Any) -> Any:
    default = kind.__dataclass_fields__[name].default
    return type(default)(value) if isinstance(default, Enum) else value
