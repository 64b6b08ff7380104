"""Settings as callers give them: a number, a knob, or a source that says a number for each call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from trixter.netem.knob import Knob


class Source:
    """Give a number for each call of a stream: scripted, counted, drawn, or measured elsewhere.

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
