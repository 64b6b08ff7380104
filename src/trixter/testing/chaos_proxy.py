"""The proxy beside a blocking test."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from trixter.control import Change, ProxyHandle
from trixter.control.commands import Command, ResultT
from trixter.testing.local import Local


class ChaosProxy(Local[Change], ProxyHandle):
    """Run a proxy beside a test that blocks: requests, psycopg, redis-py, anything.

    It is the proxy of the ``trixter`` command, on a loop in a background thread. ``with`` starts and closes
    it; closed, its counters can still be read.

    Example:
        >>> with ChaosProxy("127.0.0.1:9000") as payments:
        ...     client = Client(payments.url("http"))
        ...     with payments.latency(0.250):
        ...         assert client.pay().ok
    """

    def start(self) -> Self:
        """Listen. Twice is no error.

        Raises:
            BindError: If the address cannot be had.
            RuntimeError: If it was closed.
        """
        self.hosted.start()
        return self

    def close(self) -> None:
        """End every connection, give the port back, and leave no thread behind. Twice is no error."""
        self.hosted.close()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:  # also an interrupt on the way back from it: `with` would not close it
            self.hosted.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, command: Command[ResultT]) -> ResultT:
        return self.hosted.send(command).result()

    def _sleep(self, seconds: float) -> None:
        self.hosted.pause(seconds).result()
