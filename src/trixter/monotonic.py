"""The clock that everything here waits by: real time, also where a test has frozen the program's.

freezegun and the like replace the functions of the module ``time``, and every name bound to one of them.
The proxy, its sockets and the kernel know nothing of that: measured by a clock that stands still, no
deadline would ever come. These functions belong to a copy of the module that nothing else has, so a test
that freezes time reaches neither of them, also where it did so before this was imported; they cost what the
originals do.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable
from types import ModuleType


def _own_time_module() -> ModuleType:
    """Return a copy of the module ``time``, with functions of its own."""
    spec = importlib.util.find_spec("time")
    if spec is None or spec.loader is None:
        return time
    own = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(own)
    return own


_own = _own_time_module()

monotonic: Callable[[], float] = _own.monotonic
"""``time.monotonic``: seconds, which never go back."""

realtime: Callable[[], float] = _own.time
"""``time.time``: seconds since 1970, which jump when the system's clock is set."""

TURN_S = 0.001
"""How long one callback may work while other connections, the API and signals wait."""

del _own
