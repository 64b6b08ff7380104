"""Tools for tests: proxies beside a test, the pytest plugin, and a clock that the test moves.

- **ChaosProxy**, **AsyncChaosProxy**: the real proxy beside a sync or an async test.
- **Chaos**: the type of the pytest fixtures ``chaos`` and ``chaos_session``: makes proxies, and closes them.
- **ManualClock**: a time that only the test advances, so that an hour of latency costs nothing and a test
  never waits.
- **UnusedFaultsWarning**: the pytest plugin's warning of faults that met no connection.

pytest loads the plugin, and with it this package, wherever trixter is installed. So this module imports
nothing before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trixter.testing.chaos import Chaos
    from trixter.testing.chaos_proxy import AsyncChaosProxy, ChaosProxy
    from trixter.testing.manual_clock import ManualClock
    from trixter.testing.unused_faults import UnusedFaultsWarning

__all__ = ["AsyncChaosProxy", "Chaos", "ChaosProxy", "ManualClock", "UnusedFaultsWarning"]

_HOMES = {
    "AsyncChaosProxy": "chaos_proxy",
    "Chaos": "chaos",
    "ChaosProxy": "chaos_proxy",
    "ManualClock": "manual_clock",
    "UnusedFaultsWarning": "unused_faults",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
