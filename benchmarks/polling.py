"""Somebody who looks at ours all the time: ``GET /connections``, ten times a second."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.process import Failed

POLLS_PER_S = 10

# Fewer of the connections that were due would not be what the table says was measured.
LEAST_SHARE = 0.8

# A machine that is slow and shared answers half of them in time, and that is polled, too.
LEAST_POLLED = 0.2

MOST_SECONDS_TO_ANSWER = 5.0


@contextmanager
def polled(api: int, connections: int) -> Iterator[None]:
    """Poll the API on that loopback port until the context ends.

    Each poll is a connection of its own, as from a shell script; one kept alive would cost the relay less.

    Args:
        api: The port.
        connections: How many are open, and most of which the longest answer must list.

    Raises:
        Failed: If the API failed, was not polled as often as it says above, or never listed most of those.
    """
    poller = _Poller(f"http://127.0.0.1:{api}/connections")
    poller.start()
    try:
        yield
    finally:
        poller.stop()
    poller.check(connections)


class _Poller(threading.Thread):
    """A thread, because the rest of the benchmark waits for the load generator meanwhile."""

    def __init__(self, url: str) -> None:
        super().__init__(name="poller", daemon=True)
        self._url = url
        self._stopping = threading.Event()
        self._polls, self._seconds, self._longest = 0, 0.0, b"[]"
        self._error: OSError | None = None

    def run(self) -> None:
        started_at = due_at = time.monotonic()
        try:
            while not self._stopping.wait(max(0.0, due_at - time.monotonic())):
                with urllib.request.urlopen(self._url, timeout=MOST_SECONDS_TO_ANSWER) as answer:
                    self._longest = max(self._longest, answer.read(), key=len)
                self._polls += 1
                due_at += 1 / POLLS_PER_S
        except OSError as exc:
            self._error = exc
        self._seconds = time.monotonic() - started_at

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def check(self, connections: int) -> None:
        if self._error is not None:
            raise Failed(f"its API failed: {self._error}")
        if self._polls < LEAST_POLLED * POLLS_PER_S * self._seconds:
            raise Failed(f"its API answered only {self._polls} polls in {self._seconds:.1f} s")
        # The last of them may open after the last poll of a short run.
        if (listed := len(json.loads(self._longest))) < LEAST_SHARE * connections:
            raise Failed(f"its API listed {listed:,} connections, not {connections:,}")
