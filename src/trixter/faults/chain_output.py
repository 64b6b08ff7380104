"""The output of a chain: the actions that leave it, and the decisions of its stages.

A stage knows how many bytes it took in, not which byte of its source it has in hand: stages before it may
have inserted some or lost some. So, while there is a listener, a counter stands in front of each stage, and
keeps what the stage added and took away until no byte of it is under way any more.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypedDict, Unpack

from trixter.faults.actions import Abort, Action, Close, Decision, Effect, End, Moment, Place, Reset
from trixter.faults.fault import OtherDirection, Stage

OnDecision = Callable[[Decision], None]


class RecordKeywords(TypedDict, total=False):
    """The record that a chain keeps of what its faults do, and what it knows of the other direction."""

    strikes: Counter[str]
    """Counts decisions by the name of the fault."""
    operations: Counter[str]
    """Counts the operations that a fault might have struck, by its name, once its stage is gone."""
    on_decision: OnDecision | None
    """Called with each decision, before its effect leaves; without it, no offset is counted."""
    passed_bytes: int
    """The bytes that have passed this direction already."""
    other: OtherDirection
    """The other direction of the connection; without it, none ever speaks."""


class NoOther(NamedTuple):
    """The other direction of a chain that is alone."""

    forwarded_bytes: int = 0
    has_ended: bool = True


NO_OTHER = NoOther()
"""The one that is needed."""


# The place of what stands behind all stages.
_END = Place(0, 0)


class ChainOutput(Stage[Any]):
    """The end of a chain: it collects what leaves until the caller takes it.

    Args:
        record: As ``RecordKeywords``.
    """

    def __init__(self, **record: Unpack[RecordKeywords]) -> None:
        self.actions: list[Action] = []
        self.is_over = False
        self.is_closing = False
        """Whether a stage has closed the connection behind the bytes before: the chain takes no more in."""
        self.other = record.get("other", NO_OTHER)
        strikes, operations = record.get("strikes"), record.get("operations")
        self._strikes = Counter() if strikes is None else strikes
        self.gone_operations = Counter() if operations is None else operations
        self._on_decision = record.get("on_decision")
        self._joined = 0
        self._counters: list[InputCounter] = []  # by their places; also of stages that are gone
        if self._on_decision is not None:  # without a listener, no offset is counted
            self._end = InputCounter(_END, record.get("passed_bytes", 0))

    def link(self, stages: Sequence[Stage[Any]]) -> Stage[Any]:
        """Link stages one behind the other, and this behind them; return the first."""
        first: Stage[Any] = self
        if self._on_decision is None:
            for stage in reversed(stages):
                stage.next = first
                first = stage
            return first
        counters = {each.stage: each for each in self._counters if each.stage is not None}
        self._end.next = first
        first = self._end
        for stage in reversed(stages):
            stage.next = first
            first = counters[stage]
        return first

    def unlink(self) -> None:
        """Let go of the stages: with a listener, they and this hold one another."""
        if self._on_decision is not None:
            self._counters.clear()
            self._end = InputCounter(_END, 0)

    def join(self, stage: Stage[Any]) -> None:
        """Take in a new stage: it decides from now on."""
        stage.output = self
        self._joined += 1
        if self._on_decision is None:
            return
        place = Place(int(stage.fault.order), self._joined)
        behind = [each for each in self._counters if each.place > place] + [self._end]
        nth = next(nth for nth, each in enumerate(behind) if each.is_live)
        # All that those in between have added has left them, for they are gone.
        input_bytes = _input_through(behind[:nth], behind[nth].input_bytes)
        counter = InputCounter(place, input_bytes, stage)
        self._counters.insert(len(self._counters) + 1 - len(behind), counter)

    def leave(self, stage: Stage[Any]) -> None:
        """Let a stage go, once it has passed on everything."""
        if stage.operations:
            self.gone_operations[stage.kind_name] += stage.operations
        if self._on_decision is not None:
            self._counter_of(stage).stage = None
            for each in self._counters:
                if not each.is_live:
                    self._forget_passed(each)
            self._counters = _merged(self._counters)

    def passed_around(self, total_bytes: int) -> None:
        """Note the bytes that passed since the last stage was gone.

        Args:
            total_bytes: All bytes of this direction up to now, around the chain or out of it.
        """
        if self._on_decision is not None and not any(each.is_live for each in self._counters):
            self._end.input_bytes = max(self._end.input_bytes, total_bytes)

    def note_decision(
        self, stage: Stage[Any], effect: Effect, at_bytes: int, detail: Mapping[str, Any]
    ) -> None:
        """Count a decision, and tell the listener. See ``Stage.decide``."""
        if self.is_over or stage.has_ended:
            return
        stage.has_ended = effect is Effect.CLOSE or "behind" in detail
        self.is_closing |= stage.has_ended
        if effect is not Effect.DIVERGE:
            self._strikes[stage.kind_name] += 1
        if self._on_decision is None:
            return
        counter = self._counter_of(stage)
        input_bytes = counter.input_bytes + at_bytes
        before = self._counters[: self._counters.index(counter)]
        decision = Decision(
            kind=stage.kind_name,
            effect=effect,
            offset_bytes=_input_through(before, input_bytes),
            moment=counter.moment_at(at_bytes),
            detail=detail,
            place=counter.place,
            input_bytes=input_bytes,
        )
        if effect in (Effect.INSERT, Effect.LOSE) and not decision.loses_rest:
            self._forget_passed(counter)
            size_bytes: int = detail["size_bytes"]
            counter.note(input_bytes, size_bytes if effect is Effect.INSERT else -size_bytes)
        self._on_decision(decision)

    def open(self, now: float) -> None: ...

    def begin_read(self, now: float) -> None: ...

    def put(self, data: bytes, now: float) -> None:
        if not self.is_over:
            self.actions.append(data)

    def put_all(self, pieces: list[bytes], now: float) -> None:
        if not self.is_over:
            self.actions.extend(pieces)

    def put_end(self, end: End, now: float) -> None:
        if not self.is_over:
            self.actions.append(end)
            self.is_over = isinstance(end, Close | Reset)

    def count_bypassed(self, reads: int, size_bytes: int) -> None:
        if self._on_decision is None:
            return
        for each in [*self._counters, self._end]:
            if each.is_live:
                each.input_bytes += size_bytes

    def end_at_once(self, reason: str) -> None:
        """Reset the connection, past everything that is held on the way."""
        if not self.is_over:
            self.actions.append(Abort(reason))
            self.is_over = True

    def _counter_of(self, stage: Stage[Any]) -> InputCounter:
        return next(each for each in self._counters if each.stage is stage)

    def _forget_passed(self, counter: InputCounter) -> None:
        """Forget what a stage added and took away, as far as every stage behind it has it behind itself."""
        behind = [*self._counters[self._counters.index(counter) + 1 :], self._end]
        counter.forget(
            min(
                _input_through(behind[:nth], each.input_bytes)
                for nth, each in enumerate(behind)
                if each.is_live
            )
        )


class InputCounter(Stage[Any]):
    """Counts the bytes that a stage takes in, and knows where its output is longer or shorter than those.

    Args:
        place: The place of the stage.
        input_bytes: The bytes that it would have taken in until now.
        stage: The stage; ``None`` stands for the end of the chain, and for one that is gone.
    """

    def __init__(self, place: Place, input_bytes: int, stage: Stage[Any] | None = None) -> None:
        self.place = place
        self.input_bytes = input_bytes
        self.stage = stage
        if stage is not None:
            self.next = stage
        self._in_hand_bytes = 0
        self._has_end_in_hand = False
        self._grown_bytes = 0  # by what has been forgotten
        self._changes: deque[tuple[int, int]] = deque()  # (at which byte of the input, bytes more or less)

    @property
    def is_live(self) -> bool:
        """Whether bytes pass it: its stage is there, or it is the end."""
        return self.stage is not None or self.place.joined == 0

    def put(self, data: bytes, now: float) -> None:
        self._in_hand_bytes = len(data)
        self.next.put(data, now)  # meanwhile, the stage counts from the first of these bytes
        self.input_bytes += self._in_hand_bytes
        self._in_hand_bytes = 0

    def put_all(self, pieces: list[bytes], now: float) -> None:
        if type(self.next).put_all is Stage.put_all:  # then the stage has one after another in hand
            super().put_all(pieces, now)
            return
        self._in_hand_bytes = sum(map(len, pieces))
        self.next.put_all(pieces, now)
        self.input_bytes += self._in_hand_bytes
        self._in_hand_bytes = 0

    def put_end(self, end: End, now: float) -> None:
        self._has_end_in_hand = True
        self.next.put_end(end, now)
        self._has_end_in_hand = False

    def moment_at(self, at_bytes: int) -> Moment:
        """Return the event at a byte, counted from the first one in hand."""
        if self._has_end_in_hand:
            return Moment.END
        return Moment.BYTE if at_bytes < self._in_hand_bytes else Moment.REACHED

    def note(self, at_bytes: int, size_bytes: int) -> None:
        """Note that in front of this byte of the input bytes were added or, if negative, lost from it on."""
        self._changes.append((at_bytes, size_bytes))

    def input_of(self, output_bytes: int) -> int:
        """Return the byte of the input that a byte of the output is; noise belongs to the byte behind it."""
        grown_bytes = self._grown_bytes
        for at_bytes, size_bytes in self._changes:
            if output_bytes < at_bytes + grown_bytes:
                break
            if output_bytes < at_bytes + grown_bytes + size_bytes:
                return at_bytes
            grown_bytes += size_bytes
        return output_bytes - grown_bytes

    def forget(self, output_bytes: int) -> None:
        """Forget the changes before a byte of the output: no earlier one will be asked for."""
        while self._changes:
            at_bytes, size_bytes = self._changes[0]
            if at_bytes + self._grown_bytes + max(size_bytes, 0) > output_bytes:
                return
            self._grown_bytes += size_bytes
            self._changes.popleft()

    def can_absorb(self, other: InputCounter) -> bool:
        """Whether no stage will ever come between this one and the other in front, and no byte is there."""
        is_over = not (self.is_live or other.is_live or self._changes or other._changes)
        return is_over and self.place.order == other.place.order

    def absorb(self, other: InputCounter) -> None:
        """Stand for the other as well."""
        self._grown_bytes += other._grown_bytes


def _input_through(counters: Iterable[InputCounter], output_bytes: int) -> int:
    """Return the byte of the first one's input that a byte of the last one's output is."""
    for each in reversed([*counters]):
        output_bytes = each.input_of(output_bytes)
    return output_bytes


def _merged(counters: list[InputCounter]) -> list[InputCounter]:
    """Return the counters with one, at most, for neighbours of one order that are gone: no more can come
    between them, so a fault that is switched on and off for ever needs no more memory.
    """
    merged: list[InputCounter] = []
    for each in counters:
        if merged and each.can_absorb(merged[-1]):
            each.absorb(merged.pop())
        merged.append(each)
    return merged
