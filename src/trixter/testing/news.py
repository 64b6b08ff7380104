"""Waiting until something may have changed, on the loop where it changes."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from trixter.control import News
from trixter.control.steps import WaitForNews
from trixter.monotonic import monotonic

# Bytes pass without anybody telling of it, so whoever waits for them looks this often.
LOOK_AGAIN_S = 0.01


class NewsStand:
    """Count what happens, and tell those who wait for it. All of it on one loop."""

    def __init__(self) -> None:
        self._number = 0
        self._waiting: list[Future[News]] = []

    def tell(self) -> None:
        """Say that something has happened."""
        self._number += 1
        waiting, self._waiting = self._waiting, []
        for told in waiting:
            self._resolve(told)

    def wait(self, step: WaitForNews, told: Future[News]) -> None:
        """Resolve ``told`` as soon as it may be worth while to look again."""
        if step.since is None or step.since.number != self._number:
            self._resolve(told)
            return
        self._waiting.append(told)
        patience_s = max(min(step.timeout_s, LOOK_AGAIN_S), 0.0)
        asyncio.get_running_loop().call_later(patience_s, self._resolve, told)

    def _resolve(self, told: Future[News]) -> None:
        if told in self._waiting:
            self._waiting.remove(told)
        if not told.done():
            told.set_result(News(self._number, monotonic()))
