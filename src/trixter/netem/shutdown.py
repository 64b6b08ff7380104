"""A stream that fails when it is told to."""

from __future__ import annotations

from threading import Lock

from anyio import BrokenResourceError

from trixter.netem.adapter import READ_BYTES, AnyByteStream, InterruptibleAdapter
from trixter.netem.reset import reset_on_close


class Shutdowner(InterruptibleAdapter):
    """Fail from outside: ``shutdown(error)`` makes every call raise it, also those that wait.

    Args:
        inner: The stream.

    Example:
        >>> from anyio.streams.stapled import StapledByteStream
        >>> stream = Shutdowner(StapledByteStream(None, None))
        >>> stream.shutdown(ConnectionAbortedError("the test wants it so"))

    From tokio-netem's adapter of this name.
    """

    def __init__(self, inner: AnyByteStream) -> None:
        super().__init__(inner)
        self._error: BaseException | None = None
        self._lock = Lock()

    @property
    def _is_interrupted(self) -> bool:
        return self._error is not None

    def shutdown(self, error: Exception | None = None, *, reset: bool = False) -> None:
        """Fail from now on. Only the first call counts. It may come from any thread.

        Args:
            error: What is raised; by default ``anyio.BrokenResourceError``.
            reset: Whether the socket below, if there is one, sends RST when it is closed.
        """
        with self._lock:
            if self._error is not None:
                return
            self._error = error if error is not None else BrokenResourceError("shut down")
        if reset:
            reset_on_close(self)
        self._interrupt()

    async def receive(self, max_bytes: int = READ_BYTES) -> bytes:
        self._check()
        with self._interruptible():
            received = await super().receive(max_bytes)
            self._check()
            return received
        raise self._failed()

    async def send(self, item: bytes) -> None:
        self._check()
        with self._interruptible():
            await super().send(item)
        self._check()

    async def send_eof(self) -> None:
        self._check()
        with self._interruptible():
            await super().send_eof()
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._failed()

    def _failed(self) -> BaseException:
        assert self._error is not None, "interrupted without a reason"
        return self._error.with_traceback(None)
