"""The faults of one direction, as one immutable value; and the two directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from trixter.errors import SettingError
from trixter.faults.fault import Direction, Fault, kind_name

FaultT = TypeVar("FaultT", bound=Fault)

# The key of a fault's running state: its kind, its name, and its number among faults of both.
Key = tuple[type[Fault], str, int]


class Faults(tuple[Fault, ...]):
    """The faults of one direction in their canonical order; empty, and so false, means calm.

    Immutable: a change makes a new value that is swapped in whole, so no reader ever sees half of an update.
    Faults that are off are left out. Several of one kind stack: two latencies add up, two throttles act
    as the slower. The order is that of ``StageOrder``, and within one place the order given.

    Args:
        *faults: In any order.

    Raises:
        SettingError: If something is not a fault.
    """

    __slots__ = ()

    def __new__(cls, *faults: Fault) -> Faults:
        for fault in faults:
            if not isinstance(fault, Fault):
                raise SettingError("faults", fault, "faults, such as Latency(delay_s=0.25)")
        on = (fault for fault in faults if not fault.is_off)
        return super().__new__(cls, sorted(on, key=lambda fault: fault.order))

    def __getnewargs__(self) -> tuple[Fault, ...]:
        return tuple(self)  # copied and pickled as they are made

    def __repr__(self) -> str:
        return f"Faults({', '.join(map(repr, self))})"

    def find(self, kind: type[FaultT]) -> FaultT | None:
        """Return the first fault of that kind, or ``None``."""
        return next((fault for fault in self if isinstance(fault, kind)), None)

    def with_fault(self, fault: Fault) -> Faults:
        """Return these with that fault in place of others of its kind; one that is off removes them.

        A fault with a name takes the place of that of its name, and one without, the place of all.
        """
        return Faults(*self.without(type(fault), fault.name), fault)

    def without(self, kind: type[Fault], name: str = "") -> Faults:
        """Return these less every fault of that kind or, with a name, those of that kind and name."""
        return Faults(
            *(fault for fault in self if not isinstance(fault, kind) or (name and fault.name != name))
        )

    def fitting(self, direction: Direction) -> Faults:
        """Return those of them that can be set in that direction."""
        return Faults(*(fault for fault in self if fault.fits(direction)))

    def keyed(self) -> Iterator[tuple[Key, Fault]]:
        """Yield each fault with the key of its running state."""
        seen: dict[tuple[type[Fault], str], int] = {}
        for fault in self:
            kind = (type(fault), fault.name)
            seen[kind] = nth = seen.get(kind, -1) + 1
            yield (*kind, nth), fault


NO_FAULTS = Faults()
"""No faults: bytes pass straight through."""


def as_faults(given: Fault | Faults, direction: Direction | None = None) -> Faults:
    """Return the faults that were given; one alone makes a set of its own.

    Args:
        given: A fault, or faults.
        direction: The direction in which they are set, if it is known.

    Raises:
        SettingError: If it is neither, or one of them cannot be set in that direction.
    """
    faults = Faults(given) if isinstance(given, Fault) else given
    if not isinstance(faults, Faults):
        name = direction.value if direction else "faults"
        raise SettingError(name, given, "a fault, such as Latency(delay_s=0.25), or Faults(...)")
    for fault in faults:
        if direction and fault.direction and not fault.fits(direction):
            accepts = f"{fault.direction.value!r} for {kind_name(type(fault))}"
            raise SettingError("direction", direction.value, accepts)
    return faults
