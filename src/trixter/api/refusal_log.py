"""The log of refusals: lines that a caller without a token can cause are limited in rate."""

from __future__ import annotations

import logging
from collections.abc import Callable

from trixter.monotonic import monotonic

# One line a second shows that refusals go on; a flood of lines would cost CPU time and hide other lines.
INTERVAL_S = 1.0


class RefusalLog:
    """Log at most one refusal per interval, as a warning, with the number of those left out.

    Args:
        logger: Gets the warnings.
        clock: Returns the time, in seconds.
    """

    def __init__(self, logger: logging.Logger, clock: Callable[[], float] = monotonic) -> None:
        self._logger = logger
        self._clock = clock
        self._next_at: float | None = None
        self._left_out = 0

    def warn(self, text: str, *args: object) -> bool:
        """Log a refusal, or count it; return whether it was logged."""
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
