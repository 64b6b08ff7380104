"""The log writer: lines to a descriptor whose reader may be slow, or may have stopped reading.

A write to a full pipe blocks, and so does one to a terminal that Ctrl-S has stopped. ``O_NONBLOCK`` would
belong to the open file, which other processes share. So a thread writes, from a bounded list: it takes all
lines at once, and the lines of a busy loop gather meanwhile. A line that does not fit is dropped and
counted, and the count is written once there is room again.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import weakref
from collections.abc import Callable
from enum import Enum
from queue import SimpleQueue

from trixter.errors import os_error_text

# Some 8,000 lines: minutes of a quiet log, a second of a busy one.
LIMIT_BYTES = 1024 * 1024

# The size of one write: a pipe takes that as a whole or not at all, so no line is cut in two by another
# process that writes to the same pipe.
WRITE_BYTES = select.PIPE_BUF

# The size of one write when LAG_BYTES wait: each write releases the GIL to the loop, and a busy loop keeps it
# for 5 ms. With small writes, the log would lag behind at 8,000 lines a second.
LONG_WRITE_BYTES = 64 * 1024
LAG_BYTES = 128 * 1024

# After a write, lines gather for so long. Waking a thread for each would cost the loop more than the line.
REST_S = 0.005

# How long a process that ends waits until its last lines are written. It waits twice: when the proxy has
# stopped, and when Python shuts logging down.
FLUSH_S = 0.2

NOT_READ = "standard error was not read"

_writers: weakref.WeakSet[LogWriter] = weakref.WeakSet()


class Token(Enum):
    """A word to the thread."""

    LINES = 1
    END = 2


class LogWriter:
    """Write lines to a descriptor, in order and in the background. Only ``flush`` and ``close`` block.

    Safe to call from several threads, from signal handlers, and after a fork: queued lines belong to the
    parent.

    Args:
        descriptor: Blocking or not. It stays open.
        notice: Returns the line about dropped lines, from their number and the reason.
        encoding: Of the lines; characters that it lacks are written as escapes.
        buffer_limit_bytes: The bound of the queue; a line that does not fit is dropped.
    """

    def __init__(
        self,
        descriptor: int,
        notice: Callable[[int, str], str],
        *,
        encoding: str = "utf-8",
        buffer_limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        self.notice = notice
        self._descriptor = descriptor
        self._encoding = encoding
        self._buffer_limit_bytes = buffer_limit_bytes
        self._begin()
        _writers.add(self)

    def _begin(self) -> None:
        # SimpleQueue.put() is reentrant, as RLock is: a signal handler that interrupts a write may write.
        self._tokens: SimpleQueue[Token | threading.Event] = SimpleQueue()
        self._lock = threading.RLock()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._lines: list[bytes] = []  # if there are any, the thread has a token for them; see _begin_batch
        self._waiting_bytes = 0  # of those, and of what the thread has not written yet
        self._dropped, self._is_dropping, self._why = 0, False, NOT_READ

    def write(self, line: str) -> None:
        """Queue one line, given without its line end; drop and count it if there is no room for it."""
        data = line.encode(self._encoding, "backslashreplace")
        size = len(data) + 1
        with self._lock:
            if self._is_dropping or self._waiting_bytes + size > self._buffer_limit_bytes:
                # Once full, half of it must drain first: else a slow reader gets a notice for every line.
                room_bytes = self._buffer_limit_bytes // (2 if self._is_dropping else 1)
                self._is_dropping = self._waiting_bytes + size > room_bytes
                if self._is_dropping:
                    self._dropped += 1
                    return
            if not self._lines or self._dropped or self._thread is None:
                self._begin_batch()
            self._lines.append(data)
            self._waiting_bytes += size

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Wait until everything is written, or for the time-out; return whether it is."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._tokens.put(done)
        self._hurry.set()
        return done.wait(timeout_s)

    def close(self, timeout_s: float = FLUSH_S) -> bool:
        """Flush, and end the thread; return whether it ended in time. A later line starts another."""
        thread = self._thread
        if thread is None:
            return True
        self.flush(timeout_s)
        self._tokens.put(Token.END)
        self._hurry.set()
        thread.join(timeout_s)
        with self._lock:
            self._thread = None
        return not thread.is_alive()

    def _begin_batch(self) -> None:
        """Have a thread take the lines that come now; the notice of dropped ones is the first of them."""
        if not self._lines:
            self._tokens.put(Token.LINES)
        if self._thread is None:
            self._start()
        if self._dropped:
            notice = self._take_notice()
            self._lines.append(notice)
            self._waiting_bytes += len(notice) + 1

    def _take_notice(self) -> bytes:
        dropped, why = self._dropped, self._why
        self._dropped, self._why = 0, NOT_READ
        return self.notice(dropped, why).encode(self._encoding, "backslashreplace")

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="trixter log", daemon=True)
        # Signals are for the main thread, which may ignore them where this one would end the process.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            thread.start()
            self._thread = thread
        except RuntimeError:  # the system allows no more threads; the next line tries again
            pass
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _run(self) -> None:
        tokens = self._tokens
        while True:
            token = tokens.get()
            if token is Token.END:
                return
            if isinstance(token, threading.Event):
                token.set()
                continue
            with self._lock:
                lines, self._lines = self._lines, []
            self._write_out(b"\n".join([*lines, b""]))
            self._write_overdue_notice()
            if self._hurry.wait(REST_S):
                self._hurry.clear()

    def _write_overdue_notice(self) -> None:
        """Write the notice if no further line has caused that."""
        with self._lock:
            if not self._dropped or self._lines:
                return
            dropped = self._dropped
            notice = self._take_notice() + b"\n"
            self._waiting_bytes += len(notice)
        self._write_out(notice, lines=dropped)

    def _write_out(self, data: bytes, lines: int = 0) -> None:
        """Write whole lines, and count what cannot be written.

        Args:
            data: The lines.
            lines: The number of lines that are lost with it, if it is not one for each line end.
        """
        most_bytes = LONG_WRITE_BYTES if len(data) > LAG_BYTES else WRITE_BYTES
        start = 0
        while start < len(data):
            end = data.rfind(b"\n", start, start + most_bytes) + 1 or data.find(b"\n", start) + 1
            failure = self._failure_of(memoryview(data)[start:end])
            with self._lock:
                if failure:
                    end = len(data)
                    self._dropped += lines or data.count(b"\n", start)
                    self._why = failure
                self._waiting_bytes -= end - start
            start = end

    def _failure_of(self, rest: memoryview) -> str:
        """Write these bytes; return why they cannot be written, or an empty text."""
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # another process has made the open file non-blocking
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
            except OSError as exc:
                return os_error_text(exc)
        return ""


def _begin_anew_in_the_child() -> None:
    for writer in _writers:
        writer._begin()


os.register_at_fork(after_in_child=_begin_anew_in_the_child)
