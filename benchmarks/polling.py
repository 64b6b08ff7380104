"""A client that polls our API: ``GET /connections``, ten times a second."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.process import Failed

POLLS_PER_S = 10

# With fewer of the polls or of the connections, the table would not say what was measured.
LEAST_SHARE = 0.8

MOST_SECONDS_TO_ANSWER = 5.0


@contextmanager
def polled(api: int, connections: int, *, is_quick: bool = False) -> Iterator[None]:
    """Poll the API on a loopback port until the context ends.

    Each poll opens a connection, as a shell script does; keep-alive would cost the relay less.

    Args:
        api: The port.
        connections: How many are open; the longest response must list most of them.
        is_quick: Whether the run decides nothing: then one response is enough.

    Raises:
        Failed: If the API failed, was polled too rarely, or never listed most of the connections.
    """
    poller = _Poller(f"http://127.0.0.1:{api}/connections")
    poller.start()
    try:
        yield
    finally:
        poller.stop()
    poller.polls.check(connections, is_quick=is_quick)


@dataclass
class Polls:
    """The responses of the API."""

    count: int = 0
    seconds: float = 0.0
    longest: bytes = b"[]"
    error: OSError | None = None

    def check(self, connections: int, *, is_quick: bool) -> None:
        """Check that the API was polled as the table says.

        Raises:
            Failed: If it is not.
        """
        if self.error is not None:
            raise Failed(f"its API failed: {self.error}")
        least = 1 if is_quick else LEAST_SHARE * POLLS_PER_S * self.seconds
        if self.count < least:
            raise Failed(f"its API answered only {self.count} polls in {self.seconds:.1f} s")
        # The last of them may open after the last poll of a short run.
        listed = len(json.loads(self.longest))
        if not is_quick and listed < LEAST_SHARE * connections:
            raise Failed(f"its API listed {listed:,} connections, not {connections:,}")


class _Poller(threading.Thread):
    """The thread that polls, while the main thread waits for the load generator."""

    def __init__(self, url: str) -> None:
        super().__init__(name="poller", daemon=True)
        self.polls = Polls()
        self._url = url
        self._stopping = threading.Event()

    def run(self) -> None:
        polls = self.polls
        started_at = due_at = time.monotonic()
        try:
            while not self._stopping.wait(max(0.0, due_at - time.monotonic())):
                with urllib.request.urlopen(self._url, timeout=MOST_SECONDS_TO_ANSWER) as answer:
                    polls.longest = max(polls.longest, answer.read(), key=len)
                polls.count += 1
                due_at += 1 / POLLS_PER_S
        except OSError as exc:
            polls.error = exc
        polls.seconds = time.monotonic() - started_at

    def stop(self) -> None:
        self._stopping.set()
        self.join()
