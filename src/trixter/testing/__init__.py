"""For tests: of what you build with trixter, and of trixter itself.

- **ManualClock**: time that stands still until the test moves it, so that an hour of latency costs nothing
  and a test never waits.
"""

from __future__ import annotations

from trixter.testing.manual_clock import ManualClock

__all__ = ["ManualClock"]
