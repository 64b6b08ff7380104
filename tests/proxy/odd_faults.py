"""Faults as a user might write them: they do nothing, end connections, or are broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from trixter.faults import Close, Dice, Fault, Stage, StageOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle(Fault):
    """Do nothing, but be there: bytes go through the chain."""

    order: ClassVar[StageOrder] = StageOrder.DELAY

    def _check(self) -> None: ...

    @property
    def is_off(self) -> bool:
        return False

    def stage(self, dice: Dice, now: float) -> Stage[Idle]:
        return IdleStage(self, dice)


class IdleStage(Stage[Idle]):
    def put(self, data: bytes, now: float) -> None:
        self.next.put(data, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trap(Idle):
    """Wait for a word that starts a read: ``abort``, ``close`` or ``crash``; and do that."""

    order: ClassVar[StageOrder] = StageOrder.ALTER

    def stage(self, dice: Dice, now: float) -> Stage[Idle]:
        return TrapStage(self, dice)


class TrapStage(Stage[Idle]):
    def put(self, data: bytes, now: float) -> None:
        if data.startswith(b"abort"):
            self.abort("trapped")
        elif data.startswith(b"close"):
            self.next.put(data, now)
            self.next.put_end(Close("trapped"), now)
        elif data.startswith(b"crash"):
            raise ZeroDivisionError("trapped")
        else:
            self.next.put(data, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LateTrap(Trap):
    """Wait where bytes come last, so that the word may be held before it is heard."""

    order: ClassVar[StageOrder] = StageOrder.CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Curfew(Idle):
    """Close both sides at a time."""

    closes_at: float

    def stage(self, dice: Dice, now: float) -> Stage[Idle]:
        return CurfewStage(self, dice)


class CurfewStage(IdleStage):
    def release(self, now: float) -> None:
        if now >= self.closes_at:
            self.next.put_end(Close("curfew"), now)

    def wake_at(self) -> float | None:
        return self.closes_at

    @property
    def closes_at(self) -> float:
        assert isinstance(self.fault, Curfew)
        return self.fault.closes_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Mine(Idle):
    """Abort as soon as the stage starts."""

    def stage(self, dice: Dice, now: float) -> Stage[Idle]:
        return MineStage(self, dice)


class MineStage(IdleStage):
    def release(self, now: float) -> None:
        self.abort("stepped on a mine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dud(Idle):
    """Fail to start."""

    def stage(self, dice: Dice, now: float) -> Stage[Idle]:
        raise ZeroDivisionError("a dud")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relapse(Idle):
    """Start well, and fail at any change of settings."""

    severity: int = 0

    def stage(self, dice: Dice, now: float) -> Stage[Idle]:
        return RelapseStage(self, dice)


class RelapseStage(IdleStage):
    def change(self, fault: Idle, now: float) -> None:
        raise ZeroDivisionError("a relapse")
