"""What a change of faults is: some in place of others."""

from __future__ import annotations

from dataclasses import dataclass

from trixter.faults import CALM, Fault, Faults


@dataclass(frozen=True, slots=True)
class Swap:
    """Put faults in place of all those of some kinds.

    Args:
        kinds: What goes; ``None`` means every fault there is.
        faults: What comes; nothing else than these kinds.
    """

    kinds: tuple[type[Fault], ...] | None
    faults: Faults = CALM

    @classmethod
    def one(cls, fault: Fault) -> Swap:
        """Return what puts one fault in place of all of its kind; one that is off removes them."""
        return cls((type(fault),), Faults(fault))

    @classmethod
    def everything(cls, *faults: Fault) -> Swap:
        """Return what puts exactly these in place of whatever is there."""
        return cls(None, Faults(*faults))

    def applied_to(self, faults: Faults) -> Faults:
        """Return what becomes of faults."""
        kept = (fault for fault in faults if not self._concerns(fault))
        return Faults(*kept, *self.faults)

    def back_to(self, former: Faults) -> Swap:
        """Return what takes this back where those had been, and leaves alone what this left alone."""
        return Swap(self.kinds, Faults(*filter(self._concerns, former)))

    def _concerns(self, fault: Fault) -> bool:
        return self.kinds is None or isinstance(fault, self.kinds)
