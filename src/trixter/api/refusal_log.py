"""The log of refusals: what callers without a token can fill it with has a rate."""

from __future__ import annotations

import logging
from collections.abc import Callable

from trixter.monotonic import monotonic

# One line a second tells that it goes on; a flood of lines costs the traffic its time and the log its use.
INTERVAL_S = 1.0


class RefusalLog:
    """Log one refusal in a while as a warning, with how many before it were left out.

    Args:
        logger: Where they go.
        clock: Tells the time, in seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._next_at: float | None = None
        self._left_out = 0

    def warn(self, text: str, *args: object) -> bool:
        """Log it, or count it; return whether it was logged."""
        now = self._clock()
        if self._next_at is not None and now < self._next_at:
            self._left_out += 1
            return False
        self._next_at = now + INTERVAL_S
        if self._left_out:
            text, args = f"{text} (%d more were refused since the last such line)", (*args, self._left_out)
            self._left_out = 0
        self._logger.warning(text, *args)
        return True
