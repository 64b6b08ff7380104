"""Every fault there is: a list to read, and what tests and documentation go through."""

from __future__ import annotations

from trixter.faults.corrupt import Corrupt
from trixter.faults.fault import Fault
from trixter.faults.hold import Hold
from trixter.faults.latency import Latency
from trixter.faults.slice import Slice
from trixter.faults.terminate import Terminate
from trixter.faults.throttle import Throttle

CATALOGUE: tuple[type[Fault], ...] = (Corrupt, Terminate, Slice, Throttle, Latency, Hold)
"""In their canonical order: the order in which a byte meets them."""
