"""A number that many adapters share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from sys import float_info
from threading import RLock
from typing import Protocol
from weakref import WeakSet

from trixter.errors import SettingError
from trixter.faults.validators import is_number, rate_of, seconds_of
from trixter.units import Rate, Seconds


class Subscriber(Protocol):
    """An adapter that behaves as a knob says."""

    def check(self, value: float) -> None:
        """Refuse a value it cannot take.

        Raises:
            SettingError: Naming what it would take.
        """

    def on_turned(self) -> None:
        """Take over the new value; called in the thread that turned the knob."""


class Knob:
    """A number that reaches every adapter that holds it: at once, also one that is waiting.

    Set it from any thread, also where no event loop runs: the check by all holders and the change are one
    step, of which no other thread sees a half, and adapters that wait are woken on their own loops. Adapters
    that are gone are forgotten by themselves.

    Args:
        value: To start with: seconds, bytes, bytes per second or a probability; 0 is off.

    Raises:
        SettingError: If it is not a number, 0 or more.

    Example:
        >>> knob = Knob(0.010)
        >>> knob.value = 0.250

    From the dynamic handles of tokio-netem.
    """

    __slots__ = ("__weakref__", "_lock", "_subscribers", "_value")

    def __init__(self, value: float = 0) -> None:
        self._subscribers: WeakSet[Subscriber] = WeakSet()
        self._lock = RLock()  # a handler of a signal may turn it in the very thread that does
        self._value = _checked(value)

    @classmethod
    def of(cls, value: float | Knob) -> Knob:
        """Return the knob, or one of its own for a plain number."""
        return value if isinstance(value, Knob) else cls(value)

    @property
    def value(self) -> float:
        """The number. Assigning one that a holder cannot take raises ``SettingError`` and changes nothing."""
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        _checked(value)
        with self._lock:
            subscribers = list(self._subscribers)
            for subscriber in subscribers:
                subscriber.check(value)
            self._value = value
            for subscriber in subscribers:
                subscriber.on_turned()

    def subscribe(self, subscriber: Subscriber) -> None:
        """Add one that behaves as this says from now on, and tell it the value.

        Raises:
            SettingError: If it cannot take the value.
        """
        with self._lock:
            subscriber.check(self._value)
            self._subscribers.add(subscriber)
            subscriber.on_turned()

    def __repr__(self) -> str:
        return f"Knob({self._value!r})"


def _checked(value: float) -> float:
    if not is_number(value) or not 0 <= value <= float_info.max:
        raise SettingError("value", value, "a number, 0 or more")
    return value


class Source:
    """A source of numbers, one for each call of a stream: scripted, counted, drawn, or measured elsewhere.

    Args:
        given: Called for each number; or an iterable, each of whose numbers counts once. When it has no more,
            the fault is off.
    """

    def __init__(self, given: Callable[[], float] | Iterable[float]) -> None:
        self._numbers: Iterator[float] | None = None
        if isinstance(given, Iterable):
            self._numbers = iter(given)
        else:
            self._call = given

    def next(self) -> float:
        """Return the number for the call that begins."""
        return self._call() if self._numbers is None else next(self._numbers, 0)


Setting = float | Knob | Source | Callable[[], float] | Iterable[float]
"""What an adapter takes for a number; 0 is off."""


Delay = Setting | Seconds
"""What an adapter takes for a delay: a bare number may be of any size, for it may be a knob's."""

RateLimit = Setting | Rate
"""What an adapter takes for a rate."""


def delay_of(given: Delay) -> Knob | Source:
    """Return the setting of a delay; text such as ``"250ms"`` and a ``timedelta`` are a number of seconds."""
    return setting_of(seconds_of("delay_s", given) if isinstance(given, str | timedelta) else given)


def rate_limit_of(given: RateLimit) -> Knob | Source:
    """Return the setting of a rate; text such as ``"1mbit"`` is a number of bytes per second."""
    return setting_of(rate_of("rate_bytes_per_s", given) if isinstance(given, str) else given)


def setting_of(given: Setting) -> Knob | Source:
    """Return the knob or the source that was given, or one of its own for anything else.

    Raises:
        SettingError: If it is none of them, or a number that no adapter takes.
    """
    if isinstance(given, Knob | Source):
        return given
    if callable(given) or (isinstance(given, Iterable) and not isinstance(given, str | bytes | bytearray)):
        return Source(given)
    return Knob(given)  # type: ignore[arg-type] # which refuses what is no number
