"""Faults that met no connection: what a passing test says of a proxy that its client did not use."""

from __future__ import annotations

from trixter.faults import Direction
from trixter.proxy import Proxy
from trixter.settings import Availability
from trixter.testing.recent_events import text_of_defaults


class UnusedFaultsWarning(UserWarning):
    """Warn that a test set faults, and no connection came: its client may not use the proxy at all."""


class UnusedFaultsCheck:
    """Watch whether a proxy has faults, and whether connections come to it. On the proxy's loop.

    Args:
        proxy: The proxy.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.start_over()
        self.look()

    def start_over(self) -> None:
        """Forget what was, and count from now; connections that are open count as they may be used."""
        self._faults = ""
        self._was_shut = False
        self._met_before = self._proxy.registry.accepted - len(self._proxy.registry)

    def look(self) -> None:
        """Look at what the proxy does to connections now, after a change."""
        defaults = self._proxy.defaults
        if defaults.connection_duration_s or any(defaults.faults(direction) for direction in Direction):
            self._faults = text_of_defaults(defaults)
        # A client that is refused did not get to the proxy, so there is nothing to count.
        self._was_shut |= self._proxy.availability is not Availability.UP

    def warning_text(self) -> str:
        """Return what to warn of; empty if there is nothing."""
        has_met = self._proxy.registry.accepted > self._met_before
        if has_met or self._was_shut or not self._faults:
            return ""
        where = ", ".join(self._proxy.listen_addresses) or "closed"
        return (
            f"the proxy {where} → {self._proxy.upstream} had faults ({self._faults}), "
            "and no connection came: does the client connect to the proxy?"
        )
