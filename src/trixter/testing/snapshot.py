"""What a proxy was like, to be brought back."""

from __future__ import annotations

from trixter.faults import Direction
from trixter.settings import Defaults
from trixter.testing.hosted import Hosted


class Snapshot:
    """Remember what a proxy does to its connections, and bring it back.

    Args:
        hosted: The proxy.
    """

    def __init__(self, hosted: Hosted) -> None:
        self._hosted = hosted
        hosted.call(self._take)

    def restore(self) -> None:
        """Bring it back, also for connections that came since; what is closed stays closed."""
        if self._hosted.is_running:
            self._hosted.call(self._bring_back)

    def _take(self) -> None:
        proxy = self._hosted.proxy
        self._door, self._defaults = proxy.door, proxy.defaults
        self._own = {
            connection.id: Defaults(
                upstream=connection.pipe(Direction.UPSTREAM).faults,
                downstream=connection.pipe(Direction.DOWNSTREAM).faults,
            )
            for connection in proxy.registry
        }

    def _bring_back(self) -> None:
        proxy = self._hosted.proxy
        proxy.defaults = self._defaults
        for connection in proxy.registry:
            former = self._own.get(connection.id, self._defaults)
            for direction in Direction:
                connection.pipe(direction).faults = former.faults(direction)
        if proxy.door is not self._door:
            proxy.set_door(self._door)
