"""Toxiproxy's remaining faults, as a user would write them: only public names of ``trixter.faults``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis import strategies as st

from trixter.faults import Dice, Effect, End, Eof, Fault, Faults, Latency, Stage, StageOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Toxic(Fault):
    """What the faults below share: nothing to check, and always on."""

    order: ClassVar[StageOrder] = StageOrder.CLOSE

    def _check(self) -> None: ...

    @property
    def is_off(self) -> bool:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowClose(Toxic):
    """Hold EOF back; bytes flow."""

    delay_s: float

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return SlowCloseStage(self, dice)


class SlowCloseStage(Stage[SlowClose]):
    _end: tuple[float, End] | None = None

    def put(self, data: bytes, now: float) -> None:
        self.next.put(data, now)

    def put_end(self, end: End, now: float) -> None:
        if self._end is None:
            self.follow_settings()
            self._end = (now, end)
            self.held_bytes = 1

    def release(self, now: float) -> None:
        when = self.wake_at()
        if when is not None and when <= now:
            self.drain(when)

    def wake_at(self) -> float | None:
        return self._end[0] + self.fault.delay_s if self._end else None

    def drain(self, now: float) -> None:
        if self._end:
            self.next.put_end(self._end[1], now)
            self._end, self.held_bytes = None, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeout(Toxic):
    """Drop every byte; close after the time, or when it is removed. 0 is never."""

    timeout_s: float

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return TimeoutStage(self, dice, now)


class TimeoutStage(Stage[Timeout]):
    def __init__(self, fault: Timeout, dice: Dice, now: float) -> None:
        super().__init__(fault, dice)
        self._since = now
        self._has_closed = False

    def put(self, data: bytes, now: float) -> None:
        self.decide(Effect.LOSE, size_bytes=len(data))

    def put_end(self, end: End, now: float) -> None:
        if not isinstance(end, Eof):  # a peer or the proxy closes the connection
            self.next.put_end(end, now)

    def release(self, now: float) -> None:
        when = self.wake_at()
        if when is not None and when <= now:
            self.drain(when)

    def wake_at(self) -> float | None:
        if self._has_closed or not self.fault.timeout_s:
            return None
        return self._since + self.fault.timeout_s

    def drain(self, now: float) -> None:
        if not self._has_closed:
            self._has_closed = True
            self.close("timeout", now)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPeer(Toxic):
    """Reset, a while after the first data or EOF."""

    timeout_s: float

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return ResetPeerStage(self, dice)


class ResetPeerStage(Stage[ResetPeer]):
    _since: float | None = None

    def put(self, data: bytes, now: float) -> None:
        self.decide(Effect.LOSE, size_bytes=len(data))
        self._begin(now)

    def put_end(self, end: End, now: float) -> None:
        self._begin(now)

    def _begin(self, now: float) -> None:
        self._since = self._since if self._since is not None else now

    def release(self, now: float) -> None:
        when = self.wake_at()
        if when is not None and when <= now:
            self.abort("reset peer")

    def wake_at(self) -> float | None:
        return self._since + self.fault.timeout_s if self._since is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitData(Toxic):
    """Close after exactly so many bytes; the count survives updates."""

    size_bytes: int

    def stage(self, dice: Dice, now: float) -> Stage[Any]:
        return LimitDataStage(self, dice)


class LimitDataStage(Stage[LimitData]):
    _passed_bytes = 0

    def put(self, data: bytes, now: float) -> None:
        passing = data[: max(self.fault.size_bytes - self._passed_bytes, 0)]
        self._passed_bytes += len(passing)
        if passing:
            self.next.put(passing, now)
        if self._passed_bytes >= self.fault.size_bytes:
            self.close("data limit", now, len(passing))


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicLatency(Latency):
    """Be slow on some connections only: toxicity is the probability, drawn once for each."""

    toxicity: float

    def stage(self, dice: Dice, now: float) -> Any:
        applies = dice.gap(self.toxicity) == 1
        return Latency.stage(self, dice, now) if applies else PassStage(self, dice)


class PassStage(Stage[ToxicLatency]):
    def put(self, data: bytes, now: float) -> None:
        self.next.put(data, now)


closing = st.one_of(
    st.builds(SlowClose, delay_s=st.floats(0, 3)),
    st.builds(Timeout, timeout_s=st.floats(0, 30)),
    st.builds(LimitData, size_bytes=st.integers(1, 500)),
    st.builds(ToxicLatency, delay_s=st.floats(0, 3), toxicity=st.sampled_from([0.5, 1.0])),
)
resetting = st.builds(ResetPeer, timeout_s=st.floats(0, 30))
# A reset that comes by time has nothing behind it that waits: what was due there would be dropped with the
# rest if it is asked late, because `abort` does not say when.
any_toxics = (st.lists(closing, max_size=3) | st.lists(resetting, max_size=1)).map(
    lambda faults: Faults(*faults)
)
