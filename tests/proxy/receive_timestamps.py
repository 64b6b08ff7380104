"""The kernel's receive timestamps: a wait until they are on, and clocks that show a later time."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from tests.proxy.servers import socket_pair
from tests.proxy.waiting import PATIENCE_S
from trixter.monotonic import monotonic, realtime
from trixter.proxy import timestamps
from trixter.proxy.timestamps import recv_stamped, stamp_arrivals


def wait_for_timestamps() -> None:
    """Wait until the kernel adds receive timestamps: it begins a moment after the first socket asks."""
    here, there = socket_pair()
    with closing(here), closing(there):
        there.setblocking(True)
        stamp_arrivals(there)
        buffer = memoryview(bytearray(1))
        deadline = time.monotonic() + PATIENCE_S
        here.send(b"?")
        while not recv_stamped(there, buffer)[1]:
            assert time.monotonic() < deadline, "this kernel does not set_timestamps what arrives"
            here.send(b"?")


def let_pass(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let both clocks show the sockets a later time, as after a pause."""
    monkeypatch.setattr(timestamps, "realtime", lambda: realtime() + seconds)
    monkeypatch.setattr(timestamps, "monotonic", lambda: monotonic() + seconds)
