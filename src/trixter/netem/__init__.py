"""Faults on one stream inside a program: no proxy.

Each adapter wraps an AnyIO byte stream, on asyncio or Trio, and is one. They stack in any order.

- **Delayed**, **throttled**, **sliced**: ``DelayedReader``, ``DelayedWriter``, ``ThrottledReader``,
  ``ThrottledWriter``, ``SlicedWriter``.
- **By chance**: ``Corrupter``, ``Terminator``; the same seed and the same calls give the same draws.
- **By hand**: ``ReadInjector``, ``WriteInjector``, ``Shutdowner``.
- **Measured**: ``RateCountingReader``.
- A setting is a number, a ``Knob`` that many adapters share and that can be turned at any time, or a source:
  a function or an iterable that gives a number for each call (``Corrupter(stream, writes=[0, 1])``).
- ``reset_on_close(stream)`` makes the close of any stream a reset.
- ``netem(stream).throttle_writes(32 * 1024).slice_writes(16)`` puts one around the other.

For programs that hand a protocol to asyncio, and never see a stream, the same faults go between the
transport and the protocol: ``open_connection``, ``start_server``, ``wrap_protocol_factory``, and
``faulty_network``, which puts them under every connection that a block of code opens.

What happens to bytes is decided by ``trixter.faults``, as it is for the proxy.
"""

from __future__ import annotations

from trixter.netem.adapters import (
    Corrupter,
    DelayedReader,
    DelayedWriter,
    RateCountingReader,
    SlicedWriter,
    TerminatedError,
    Terminator,
    ThrottledReader,
    ThrottledWriter,
)
from trixter.netem.async_chain import Clock
from trixter.netem.asyncio.connect import open_connection, start_server, wrap_protocol_factory
from trixter.netem.asyncio.destinations import UnmatchedKeyWarning
from trixter.netem.asyncio.link import FaultyConnection
from trixter.netem.asyncio.network import Network, faulty_network
from trixter.netem.fluent import NetEm, netem
from trixter.netem.inject import Injector, ReadInjector, WriteInjector
from trixter.netem.knob import Knob, Setting
from trixter.netem.shutdown import Shutdowner, reset_on_close

__all__ = [
    "Clock",
    "Corrupter",
    "DelayedReader",
    "DelayedWriter",
    "FaultyConnection",
    "Injector",
    "Knob",
    "NetEm",
    "Network",
    "RateCountingReader",
    "ReadInjector",
    "Setting",
    "Shutdowner",
    "SlicedWriter",
    "TerminatedError",
    "Terminator",
    "ThrottledReader",
    "ThrottledWriter",
    "UnmatchedKeyWarning",
    "WriteInjector",
    "faulty_network",
    "netem",
    "open_connection",
    "reset_on_close",
    "start_server",
    "wrap_protocol_factory",
]
