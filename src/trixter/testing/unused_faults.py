"""Unused faults: the warning of a passing test whose faults did nothing, and the likely cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from trixter.faults import Direction
from trixter.faults.fault import kind_name
from trixter.faults.probabilistic import ProbabilisticFault
from trixter.proxy import Proxy
from trixter.settings import Availability
from trixter.testing.recent_events import describe_defaults

# From here on, a test without a strike is the rule: it is the test that has to change, and not only the seed.
USUAL = 0.5


class UnusedFaultsWarning(UserWarning):
    """A test set faults, and they did nothing: no connection came, or no byte, or no strike was likely."""


@dataclass
class FaultInUse:
    """A fault that a test has set for new connections.

    Args:
        directions: The directions in which it was set.
        probability: The highest probability that it had; 0 if it has none.
        units: The things that this is about, in the plural.
    """

    directions: set[Direction] = field(default_factory=set)
    probability: float = 0.0
    units: str = ""


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
        self._in_use: dict[str, FaultInUse] = {}
        self._strikes_before = Counter(self._proxy.strikes)
        self._operations_before = self._operations()
        self._bytes_before = self._bytes()
        self._has_refused = False
        self._met_before = self._proxy.registry.accepted - len(self._proxy.registry)

    def look(self) -> None:
        """Record the proxy's faults and availability after a change."""
        defaults = self._proxy.defaults
        if defaults.connection_duration_s or any(defaults.faults(direction) for direction in Direction):
            self._faults = describe_defaults(defaults)
        for direction in Direction:
            for fault in defaults.faults(direction):
                in_use = self._in_use.setdefault(kind_name(type(fault)), FaultInUse())
                in_use.directions.add(direction)
                if isinstance(fault, ProbabilisticFault):
                    in_use.probability = max(in_use.probability, fault.probability)
                    in_use.units = fault.units
        # The kernel refuses a client of a proxy that does not listen: such attempts cannot be counted.
        self._has_refused |= self._proxy.availability is not Availability.UP

    def warning_text(self) -> str:
        """Return the text of the warning; empty if there is none."""
        if self._has_refused or not self._faults:
            return ""
        if self._has_met:
            return "; ".join(text for text, is_usual in self._causes() if is_usual)
        where = ", ".join(self._proxy.listen_addresses) or "closed"
        return (
            f"the proxy {where} → {self._proxy.upstream} had faults ({self._faults}), "
            "and no connection came: does the client connect to the proxy?"
        )

    def causes(self) -> list[str]:
        """Return the likely cause for each fault that did nothing, though a connection came."""
        return [text for text, _ in self._causes()] if self._has_met else []

    def _causes(self) -> Iterator[tuple[str, bool]]:
        """Yield each cause, and whether it is so in most runs of the test."""
        if self._proxy.replay is not None:
            return
        operations, passed = self._operations() - self._operations_before, self._bytes()
        passed.subtract(self._bytes_before)
        for name, in_use in self._in_use.items():
            if self._proxy.strikes[name] > self._strikes_before[name]:
                continue
            if not any(passed[direction] for direction in in_use.directions) and passed.total():
                (direction,) = in_use.directions
                yield f"{name} did nothing: it was set {direction.value}, and no byte went that way", True
            elif in_use.probability:
                count = operations[name]
                share = (1 - in_use.probability) ** count
                chance = f"with probability {in_use.probability:g} and {count} {in_use.units}"
                yield f"{name} did nothing: {chance}, that is so in {share:.0%} of runs", share >= USUAL
            else:
                yield f"{name} did nothing: no byte gave it a reason", False

    @property
    def _has_met(self) -> bool:
        return self._proxy.registry.accepted > self._met_before

    def _operations(self) -> Counter[str]:
        counts = Counter(self._proxy.operations)
        for connection in self._proxy.registry:
            for direction in Direction:
                counts += connection.pipe(direction).operations()
        return counts

    def _bytes(self) -> Counter[Direction]:
        return Counter({each: self._proxy.registry.forwarded_bytes(each) for each in Direction})
