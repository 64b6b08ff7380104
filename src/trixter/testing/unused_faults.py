"""Unused faults: the warning of a passing test whose proxy had faults, but no connections."""

from __future__ import annotations

from trixter.faults import Direction
from trixter.proxy import Proxy
from trixter.settings import Availability
from trixter.testing.recent_events import describe_defaults


class UnusedFaultsWarning(UserWarning):
    """A test set faults, and no connection came: its client may not use the proxy at all."""


class UnusedFaultsCheck:
    """A check whether a proxy has had faults, and connections. On the proxy's loop.

    Args:
        proxy: The proxy.
    """

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self.start_over()
        self.look()

    def start_over(self) -> None:
        """Begin again; connections that are open count, since the test may use them."""
        self._faults = ""
        self._has_refused = False
        self._met_before = self._proxy.registry.accepted - len(self._proxy.registry)

    def look(self) -> None:
        """Record the proxy's faults and availability after a change."""
        defaults = self._proxy.defaults
        if defaults.connection_duration_s or any(defaults.faults(direction) for direction in Direction):
            self._faults = describe_defaults(defaults)
        # The kernel refuses a client of a proxy that does not listen: such attempts cannot be counted.
        self._has_refused |= self._proxy.availability is not Availability.UP

    def warning_text(self) -> str:
        """Return the text of the warning; empty if there is none."""
        has_met = self._proxy.registry.accepted > self._met_before
        if has_met or self._has_refused or not self._faults:
            return ""
        where = ", ".join(self._proxy.listen_addresses) or "closed"
        return (
            f"the proxy {where} → {self._proxy.upstream} had faults ({self._faults}), "
            "and no connection came: does the client connect to the proxy?"
        )
