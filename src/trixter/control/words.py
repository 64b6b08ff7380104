"""The words: what every face of a proxy can be told, and what each of them means.

``ChangeT`` is what a word that can be undone returns: ``Change``, or ``AsyncChange``. ``DoneT`` is what an
order returns that cannot: nothing, or something to await. Values are checked at the call in either case.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from trixter.control.edits import (
    ConnectionFaultsEdit,
    DoorEdit,
    DurationEdit,
    Edit,
    ProxyFaultsEdit,
    Swaps,
)
from trixter.control.steps import ALL, EndConnections, Step
from trixter.control.swap import Swap
from trixter.errors import SettingError
from trixter.faults import Corrupt, CorruptMode, Direction, Fault, Hold, Latency, Slice, Terminate, Throttle
from trixter.faults.validators import require_seconds
from trixter.profiles import Profile, find_profile
from trixter.settings import Door

ChangeT = TypeVar("ChangeT")
DoneT = TypeVar("DoneT")

AnyDirection = Direction | str | None
"""A direction, or its name; ``None`` means both."""


class FaultWords(ABC, Generic[ChangeT]):
    """The faults, one word for each.

    A fault takes the place of all others of its kind; 0 switches it off. What a word returns may be kept,
    undone, or used with ``with``: it then brings back, at the end, what was there before.
    ``direction`` is a ``Direction``, ``"upstream"``, ``"downstream"``, or ``None`` for both.
    """

    def latency(self, delay_s: float, *, jitter_s: float = 0, direction: AnyDirection = None) -> ChangeT:
        """Let every byte leave that long (give or take the jitter) after it arrived."""
        return self._put("latency", Latency(delay_s=delay_s, jitter_s=jitter_s), direction)

    def throttle(
        self, rate_bytes_per_s: float, *, queue_bytes: int = 0, direction: AnyDirection = None
    ) -> ChangeT:
        """Let bytes pass at that rate, for each connection and direction; see ``Throttle`` for its queue."""
        fault = Throttle(rate_bytes_per_s=rate_bytes_per_s, queue_bytes=queue_bytes)
        return self._put("throttle", fault, direction)

    def slice(
        self,
        size_bytes: int,
        *,
        variation_bytes: int = 0,
        gap_s: float = 0,
        direction: AnyDirection = None,
    ) -> ChangeT:
        """Let no write be larger than that, less up to the variation, with a gap between two of them."""
        fault = Slice(size_bytes=size_bytes, variation_bytes=variation_bytes, gap_s=gap_s)
        return self._put("slice", fault, direction)

    def corrupt(
        self,
        probability: float,
        *,
        mode: CorruptMode | str = CorruptMode.INSERT,
        direction: AnyDirection = None,
    ) -> ChangeT:
        """Spoil operations (reads of at most 8 KiB, and writes), each with that probability."""
        return self._put("corrupt", Corrupt(probability=probability, mode=_mode(mode)), direction)

    def terminate(self, probability: float, *, direction: AnyDirection = None) -> ChangeT:
        """Reset both sides at an operation (a read of at most 8 KiB, a write, an end), each with it."""
        return self._put("terminate", Terminate(probability=probability), direction)

    def hold(self, is_on: bool = True, *, direction: AnyDirection = None) -> ChangeT:
        """Keep every byte, and the end behind them, until ``release``, or ``hold(False)``."""
        return self._put("hold", Hold(is_on=is_on), direction)

    def release(self, *, direction: AnyDirection = None) -> ChangeT:
        """End every hold: what was held leaves at once."""
        return self._put("release", Hold(), direction)

    def profile(self, profile: str | Profile) -> ChangeT:
        """Put exactly the faults of a profile, such as ``"3g"``, in place of all that are there."""
        found = profile if isinstance(profile, Profile) else find_profile(profile)
        swaps = {direction: Swap.everything(*found.faults(direction)) for direction in Direction}
        return self._swap(f"profile {found.name}", swaps)

    def faults(self, *faults: Fault, direction: AnyDirection = None) -> ChangeT:
        """Put exactly these faults in place of all that are there."""
        return self._swap("faults", dict.fromkeys(directions_of(direction), Swap.everything(*faults)))

    def calm(self, *, direction: AnyDirection = None) -> ChangeT:
        """Take all faults away."""
        return self._swap("calm", dict.fromkeys(directions_of(direction), Swap.everything()))

    def _put(self, word: str, fault: Fault, direction: AnyDirection) -> ChangeT:
        return self._swap(word, dict.fromkeys(directions_of(direction), Swap.one(fault)))

    def _swap(self, word: str, swaps: Swaps) -> ChangeT:
        return self._begin(word, self._faults_edit(swaps))

    @abstractmethod
    def _faults_edit(self, swaps: Swaps) -> Edit:
        """Return what swaps these faults here."""

    @abstractmethod
    def _begin(self, word: str, edit: Edit) -> ChangeT:
        """Return the change that this edit is."""


class ProxyWords(FaultWords[ChangeT], Generic[ChangeT, DoneT]):
    """What a proxy can be told.

    A fault word changes every live connection, and what new ones start with.
    """

    def duration(self, duration_s: float) -> ChangeT:
        """Let connections to come be reset at that age; 0 means never."""
        require_seconds("duration_s", duration_s)
        return self._begin("duration", DurationEdit(duration_s))

    def down(self) -> ChangeT:
        """Reset the live connections and refuse new ones, as a server that is down."""
        return self._begin("down", DoorEdit(Door.DOWN))

    def refuse(self) -> ChangeT:
        """Refuse new connections; the live ones go on."""
        return self._begin("refuse", DoorEdit(Door.REFUSING))

    def up(self) -> ChangeT:
        """Let new connections in again."""
        return self._begin("up", DoorEdit(Door.OPEN))

    def reset_all(self, reason: str = "reset by the test") -> DoneT:
        """Reset every live connection: both peers get RST."""
        return self._do(_end(ALL, reason, reset=True))

    def close_all(self, reason: str = "closed by the test") -> DoneT:
        """Close every live connection: both peers see an ordinary end."""
        return self._do(_end(ALL, reason, reset=False))

    def _faults_edit(self, swaps: Swaps) -> Edit:
        return ProxyFaultsEdit(swaps)

    @abstractmethod
    def _do(self, step: Step[None]) -> DoneT:
        """Perform a step that cannot be undone."""


class ConnectionWords(FaultWords[ChangeT], Generic[ChangeT, DoneT]):
    """What one live connection can be told; ``ConnectionNotFound`` says that it is over.

    Args:
        id: Which one.
    """

    def __init__(self, id: str) -> None:
        self.id = id

    def reset(self, reason: str = "reset by the test") -> DoneT:
        """Reset it: both peers get RST."""
        return self._do(_end(self.id, reason, reset=True))

    def close(self, reason: str = "closed by the test") -> DoneT:
        """Close it: both peers see an ordinary end."""
        return self._do(_end(self.id, reason, reset=False))

    def _faults_edit(self, swaps: Swaps) -> Edit:
        return ConnectionFaultsEdit(self.id, swaps)

    @abstractmethod
    def _do(self, step: Step[None]) -> DoneT:
        """Perform a step that cannot be undone."""


def directions_of(direction: AnyDirection) -> tuple[Direction, ...]:
    """Return the directions that are meant."""
    if direction is None:
        return tuple(Direction)
    try:
        return (Direction(direction),)
    except ValueError:
        raise SettingError("direction", direction, "'upstream', 'downstream' or None") from None


def _mode(mode: CorruptMode | str) -> CorruptMode:
    try:
        return CorruptMode(mode)
    except ValueError:
        raise SettingError("mode", mode, "'insert' or 'flip'") from None


def _end(target: str, reason: str, *, reset: bool) -> EndConnections:
    if not isinstance(reason, str):
        raise SettingError("reason", reason, "text")
    return EndConnections(target=target, reason=reason, reset=reset)
