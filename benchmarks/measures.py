"""Everything that is measured, in the order of the table."""

from __future__ import annotations

from benchmarks.measure import Measure
from benchmarks.speed import SPEED
from benchmarks.truth import TRUTH

MEASURES: list[Measure] = [*SPEED, *TRUTH]
