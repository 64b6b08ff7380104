"""The data plane: bytes from socket to socket, on asyncio, with uvloop where it exists.

    client ──▶ listener ──▶ connection ──dial──▶ upstream
                              │
                              ├─ pipe (upstream):    client ──▶ chain ──▶ upstream
                              └─ pipe (downstream):  client ◀── chain ◀── upstream

- A **listener** accepts while the proxy is up, a **connection** dials and ends once, a **pipe** carries
  one direction.
- A calm pipe reads and writes, and is one small object; there is no task, queue or stream object.
- With the first fault, or when a sink is full, a pipe makes its **slow path**: that asks the chain
  (``trixter.faults``) what to do, and keeps what the sink does not take. Nothing here decides about bytes.
- The **registry** holds the live connections, and **observers** are told of them; the log is one.
- The **clock** wakes pipes, never early.
- What all proxies of a loop need once is in the **loop context**: clock, poller, buffer, splice pipe, memory.

Single-threaded: all of it runs in callbacks of one loop.
"""

from __future__ import annotations

import logging

from trixter.addresses import Address
from trixter.proxy.connection import Connection
from trixter.proxy.end_reason import EndReason
from trixter.proxy.loop import LoopContext
from trixter.proxy.observers import Observer
from trixter.proxy.pipe import Pipe
from trixter.proxy.proxy import Proxy
from trixter.proxy.registry import Registry
from trixter.settings import Availability, Defaults

__all__ = [
    "Address",
    "Availability",
    "Connection",
    "Defaults",
    "EndReason",
    "LoopContext",
    "Observer",
    "Pipe",
    "Proxy",
    "Registry",
]

# A program that uses this, and does not configure logging, has its standard error to itself.
logging.getLogger("trixter").addHandler(logging.NullHandler())
