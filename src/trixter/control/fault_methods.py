"""Fault methods: a method with a signature for each fault, and for every other change of a proxy.

A method whose change can be reverted returns ``ChangeT``: ``Change``, or ``AsyncChange``. The others return
``DoneT``: ``None``, or a coroutine. Values are checked at the call in either case.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar

from trixter.control.commands import Command, EndConnections
from trixter.control.overrides import ALL, Override, ReplaceFaults
from trixter.errors import SettingError
from trixter.faults import (
    Corrupt,
    CorruptMode,
    Direction,
    Fault,
    Faults,
    Freeze,
    Latency,
    LoseAnswer,
    LoseRequest,
    Slice,
    Terminate,
    Throttle,
)
from trixter.faults.validators import short_seconds_of
from trixter.profiles import Profile, find_profile
from trixter.settings import Availability
from trixter.units import Rate, Seconds

ChangeT = TypeVar("ChangeT")
DoneT = TypeVar("DoneT")

ON_REQUEST = "on request"
"""The reason of an end for which the caller gives none, where nothing says more."""

AnyDirection = Direction | Literal["upstream", "downstream"] | None
"""A direction, or its name; ``None`` means both."""

AnyMode = CorruptMode | Literal["insert", "flip"]
"""A mode of corruption, or its name."""


# A TCP proxy loses no packets: an application notices loss by late segments, or by the end of a connection.
SYNONYMS: Mapping[str, str] = {
    "latency": "delay lag slow jitter loss packet_loss drop",
    "throttle": "bandwidth rate rate_limit limit",
    "slice": "slicer fragment chunk",
    "corrupt": "corruption flip",
    "terminate": "termination reset_peer loss packet_loss drop",
    "lose_request": "drop_request",
    "lose_answer": "lose_response lose_reply drop_response drop_reply",
    "freeze": "timeout blackhole stall hang hold pause",
    "unfreeze": "resume release thaw",
    "set_faults": "faults add_toxic",
    "clear": "calm remove_toxics",
    "quiet": "suspend heal",
    "down": "disable stop",
    "up": "enable restore",
    "reset_all": "kill disconnect",
    "reset": "kill disconnect",
}
"""Methods, and what other tools call them, Toxiproxy and tc among them."""


def meant_by(name: str, known: Collection[str]) -> str:
    """Return those of the known names that a wrong one probably stands for; empty if there are none."""
    synonyms = [each for each, words in SYNONYMS.items() if name in words.split() and each in known]
    return " or ".join(synonyms or get_close_matches(name, known, n=1))


class FaultKeywords(TypedDict, total=False):
    """The keywords of faults: each sets the first argument of the method of that name."""

    latency: Seconds
    throttle: Rate
    slice: int
    corrupt: float
    terminate: float
    lose_request: float
    lose_answer: float
    freeze: bool
    connection_duration: Seconds
    direction: AnyDirection


class FaultMethods(ABC, Generic[ChangeT]):
    """A method for each fault.

    A fault replaces all others of its kind; 0 switches it off. The change that a method returns can be kept,
    reverted, or used with ``with``, which reverts it at the end. ``direction`` is a ``Direction``,
    ``"upstream"``, ``"downstream"``, or ``None`` for both, or for the only one that a fault can have. A time
    is a number of seconds, a ``timedelta`` or text such as ``"250ms"``; a bare number of more than a minute
    is refused, since other tools take milliseconds. A rate is a number of bytes per second, or text such as
    ``"1mbit"`` or ``"64KiB/s"``.
    """

    _target: str = ALL

    if not TYPE_CHECKING:  # for a type checker, every name would be a method then

        def __getattr__(self, name: str) -> Any:
            """Refuse a name that there is not, with the method that was probably meant."""
            __tracebackhide__ = True
            text = f"{type(self).__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                meant = meant_by(name, [each for each in dir(type(self)) if not each.startswith("_")])
                text += f": did you mean {meant}?" if meant else ""
            raise AttributeError(text, name=name, obj=self)

    def latency(self, delay_s: Seconds, *, jitter_s: Seconds = 0, direction: AnyDirection = None) -> ChangeT:
        """Delay every byte by that time, plus or minus up to the jitter, after it arrived."""
        return self._replace("latency", Latency(delay_s=delay_s, jitter_s=jitter_s), direction)

    def throttle(
        self, rate_bytes_per_s: Rate, *, queue_bytes: int = 0, direction: AnyDirection = None
    ) -> ChangeT:
        """Limit the rate of each connection and direction; see ``Throttle`` for its queue."""
        fault = Throttle(rate_bytes_per_s=rate_bytes_per_s, queue_bytes=queue_bytes)
        return self._replace("throttle", fault, direction)

    def slice(
        self,
        size_bytes: int,
        *,
        variation_bytes: int = 0,
        gap_s: Seconds = 0,
        direction: AnyDirection = None,
    ) -> ChangeT:
        """Limit the size of each write, less up to the variation, with a gap between two writes."""
        fault = Slice(size_bytes=size_bytes, variation_bytes=variation_bytes, gap_s=gap_s)
        return self._replace("slice", fault, direction)

    def corrupt(
        self,
        probability: float,
        *,
        mode: AnyMode = CorruptMode.INSERT,
        direction: AnyDirection = None,
    ) -> ChangeT:
        """Corrupt operations (reads of at most 8 KiB, and writes), each with that probability."""
        return self._replace("corrupt", Corrupt(probability=probability, mode=_mode(mode)), direction)

    def terminate(self, probability: float, *, direction: AnyDirection = None) -> ChangeT:
        """Reset both sides at an operation (a read of at most 8 KiB, a write, an end), each with it."""
        return self._replace("terminate", Terminate(probability=probability), direction)

    def freeze(self, is_on: bool = True, *, direction: AnyDirection = None) -> ChangeT:
        """Hold every byte, and the end of the stream, until ``unfreeze``, or ``freeze(False)``."""
        return self._replace("freeze", Freeze(is_on=is_on), direction)

    def unfreeze(self, *, direction: AnyDirection = None) -> ChangeT:
        """End the freeze: all that was held is sent at once."""
        return self._replace("unfreeze", Freeze(), direction)

    def lose_request(
        self, probability: float, *, silence: bool = False, direction: AnyDirection = None
    ) -> ChangeT:
        """Lose messages to the server, each with that probability: then a reset, or silence."""
        return self._replace("lose_request", LoseRequest(probability=probability, silence=silence), direction)

    def lose_answer(
        self,
        probability: float,
        *,
        answer_bytes: int = 0,
        silence: bool = False,
        direction: AnyDirection = None,
    ) -> ChangeT:
        """Lose messages of the server behind their first bytes, each with it: then a reset, or silence."""
        fault = LoseAnswer(probability=probability, answer_bytes=answer_bytes, silence=silence)
        return self._replace("lose_answer", fault, direction)

    def profile(self, profile: str | Profile) -> ChangeT:
        """Replace all faults by those of a profile, such as ``"3g"``."""
        found = profile if isinstance(profile, Profile) else find_profile(profile)
        replaced = {each: ReplaceFaults.everything(*found.faults(each)) for each in Direction}
        return self._override(f"profile {found.name}", replaced)

    def set_faults(self, *faults: Fault, direction: AnyDirection = None) -> ChangeT:
        """Replace all faults by these."""
        replaced = {
            each: ReplaceFaults.everything(*given)
            for each, given in faults_by_direction(Faults(*faults), direction).items()
        }
        return self._override("set_faults", replaced)

    def clear(self, *, direction: AnyDirection = None) -> ChangeT:
        """Remove all faults."""
        return self._override("clear", dict.fromkeys(directions_of(direction), ReplaceFaults.everything()))

    def _replace(self, method: str, fault: Fault, direction: AnyDirection) -> ChangeT:
        own = fault.direction if direction is None else direction
        return self._override(method, dict.fromkeys(directions_of(own), ReplaceFaults.one(fault)))

    def _override(self, method: str, replaced: Mapping[Direction, ReplaceFaults]) -> ChangeT:
        override = Override(
            target=self._target,
            upstream=replaced.get(Direction.UPSTREAM),
            downstream=replaced.get(Direction.DOWNSTREAM),
        )
        return self._change(method, override)

    @abstractmethod
    def _change(self, method: str, override: Override) -> ChangeT:
        """Return the change that applies an override.

        Args:
            method: The name of the method.
            override: The override to apply.
        """


class ProxyMethods(FaultMethods[ChangeT], Generic[ChangeT, DoneT]):
    """The methods of a proxy.

    A fault method changes every live connection, and the defaults of new ones.
    """

    def apply(self, override: Override) -> ChangeT:
        """Apply an override as it is: several things at once, with a name or a time to live."""
        return self._change(override.name or "override", override)

    def connection_duration(self, connection_duration_s: Seconds) -> ChangeT:
        """Reset new connections at that age; 0 means never."""
        duration_s = short_seconds_of("connection_duration_s", connection_duration_s)
        return self._change("connection_duration", Override(connection_duration_s=duration_s))

    def down(self) -> ChangeT:
        """Reset the live connections and refuse new ones, as a server that is down."""
        return self._change("down", Override(availability=Availability.DOWN))

    def refuse(self) -> ChangeT:
        """Refuse new connections; live ones continue."""
        return self._change("refuse", Override(availability=Availability.REFUSING))

    def up(self) -> ChangeT:
        """Accept new connections again."""
        return self._change("up", Override(availability=Availability.UP))

    def quiet(self) -> ChangeT:
        """Suspend every fault, and ``down`` and ``refuse``: the network is good, whatever else changes.

        All of it is in force again once this change is reverted, and every other ``quiet``.
        """
        return self._change("quiet", Override(is_quiet=True))

    _requester: str = ON_REQUEST

    def reset_all(self, reason: str = "") -> DoneT:
        """Reset every live connection: both peers get RST. The reason, by default the caller, is logged."""
        return self._do(_end(ALL, reason, self._requester, reset=True))

    def close_all(self, reason: str = "") -> DoneT:
        """Close every live connection: both peers see an ordinary end. The reason is logged."""
        return self._do(_end(ALL, reason, self._requester, reset=False))

    @abstractmethod
    def _do(self, command: Command[None]) -> DoneT:
        """Send a command that cannot be reverted."""


class ConnectionMethods(FaultMethods[ChangeT], Generic[ChangeT, DoneT]):
    """The methods of one live connection; they raise ``ConnectionNotFound`` once it has ended.

    Args:
        id: The connection's.
        requester: The reason of an end for which the caller gives none.
    """

    def __init__(self, id: str, requester: str = ON_REQUEST) -> None:
        self.id = self._target = id
        self._requester = requester

    def reset(self, reason: str = "") -> DoneT:
        """Reset it: both peers get RST. The reason, by default the caller, is logged."""
        return self._do(_end(self.id, reason, self._requester, reset=True))

    def close(self, reason: str = "") -> DoneT:
        """Close it: both peers see an ordinary end. The reason is logged."""
        return self._do(_end(self.id, reason, self._requester, reset=False))

    @abstractmethod
    def _do(self, command: Command[None]) -> DoneT:
        """Send a command that cannot be reverted."""


def directions_of(direction: AnyDirection) -> tuple[Direction, ...]:
    """Return the directions that an argument ``direction`` stands for."""
    if direction is None:
        return tuple(Direction)
    try:
        return (Direction(direction),)
    except ValueError:
        raise SettingError("direction", direction, "'upstream', 'downstream' or None") from None


def faults_by_direction(faults: Faults, direction: AnyDirection) -> dict[Direction, Faults]:
    """Return the faults of each direction that an argument ``direction`` stands for.

    ``None`` stands for both, of which each fault is in those that it fits.
    """
    given = {each: faults for each in directions_of(direction)}
    return given if direction else {each: faults.fitting(each) for each in given}


def _mode(mode: AnyMode) -> CorruptMode:
    try:
        return CorruptMode(mode)
    except ValueError:
        raise SettingError("mode", mode, "'insert' or 'flip'") from None


def _end(target: str, reason: str, requester: str, *, reset: bool) -> EndConnections:
    if not isinstance(reason, str):
        raise SettingError("reason", reason, "text")
    return EndConnections(target=target, reason=reason or requester, reset=reset)
