"""trixter: a TCP chaos proxy and a library of stream adapters.

This module is cheap to import: what it offers is loaded when it is first asked for. It holds the version and
the clients of a proxy that runs elsewhere, ``trixter.Client`` and ``trixter.AsyncClient``. The parts are

- ``trixter.errors``, ``trixter.addresses``, ``trixter.settings``: values that every part shares,
- ``trixter.faults``: what happens to bytes (pure: no clock, no socket),
- ``trixter.proxy``: the data plane between a client and a server,
- ``trixter.api``: the REST API that turns its knobs,
- ``trixter.control``: what a proxy can be told, in this process or behind an API, and how it is taken back,
- ``trixter.profiles``: networks that have a name,
- ``trixter.client``: a proxy that runs elsewhere, told over its API,
- ``trixter.testing``: a proxy beside a test,
- ``trixter.netem``: faults on one stream, with no proxy,
- ``trixter.cli``: the ``trixter`` command.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trixter.client.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "__version__"]

__version__ = "0.2.0"

_HOMES = {"AsyncClient": "trixter.client.client", "Client": "trixter.client.client"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value
