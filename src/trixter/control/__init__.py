"""CONTROL: changes of a running proxy, and the one place that makes them.

    latency() ──▶ Override ──▶ Change ──send──▶ Controller, on the proxy's loop ──▶ pipes, defaults, listener
    a method      what is       applied; can     in force = the base and, on top of it, the active overrides
                  replaced      be reverted

- ``fault_methods.py``: the methods, with their signatures; values are checked here.
- ``overrides.py``: overrides, and what is in force: pure.
- ``change.py``: the changes that methods return, to be kept, reverted, or used with ``with``.
- ``handles.py``: a proxy and a connection as a program holds them, sync and async; ``info.py``: their state
  as it was read.
- ``commands.py``: every question and order to a proxy, as values: sent to another thread, or over HTTP.
- ``controller.py``: executes commands. The API, proxies beside a test and timed reverts all call it.

Importing this package loads none of it before its first use: a server needs no handles, and a client no
controller.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trixter.addresses import ListenAddress
    from trixter.control.change import AsyncChange, Change
    from trixter.control.handles import AsyncConnectionHandle, AsyncProxyHandle, ConnectionHandle, ProxyHandle
    from trixter.control.info import ConnectionInfo, OverrideInfo, ProxyInfo, Stats
    from trixter.control.overrides import ALL, Override, ReplaceFaults
else:  # a type checker would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value


__all__ = [
    "ALL",
    "AsyncChange",
    "AsyncConnectionHandle",
    "AsyncProxyHandle",
    "Change",
    "ConnectionHandle",
    "ConnectionInfo",
    "ListenAddress",
    "Override",
    "OverrideInfo",
    "ProxyHandle",
    "ProxyInfo",
    "ReplaceFaults",
    "Stats",
]

_HOMES = {
    "ALL": "trixter.control.overrides",
    "AsyncChange": "trixter.control.change",
    "AsyncConnectionHandle": "trixter.control.handles",
    "AsyncProxyHandle": "trixter.control.handles",
    "Change": "trixter.control.change",
    "ConnectionHandle": "trixter.control.handles",
    "ConnectionInfo": "trixter.control.info",
    "ListenAddress": "trixter.addresses",
    "Override": "trixter.control.overrides",
    "OverrideInfo": "trixter.control.info",
    "ProxyHandle": "trixter.control.handles",
    "ProxyInfo": "trixter.control.info",
    "ReplaceFaults": "trixter.control.overrides",
    "Stats": "trixter.control.info",
}
