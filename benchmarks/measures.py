"""All measures, in the order of the table."""

from __future__ import annotations

from benchmarks.accuracy import ACCURACY
from benchmarks.measure import Measure
from benchmarks.speed import SPEED

MEASURES: list[Measure] = [*SPEED, *ACCURACY]
