"""The log writer: lines to a descriptor whose reader may be slow, or may have stopped reading.

A write to a full pipe blocks, and so does one to a terminal that Ctrl-S has stopped. ``O_NONBLOCK`` would
belong to the open file, which other processes share. So a thread writes, from a bounded queue: a line that
does not fit is dropped and counted, and the count is written once there is room again.
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
from typing import NamedTuple

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


class _Entry(NamedTuple):
    """Bytes to write, and the number of lines that are lost with them: a notice counts for all in it."""

    data: bytes
    lines: int


class End(Enum):
    """The last entry of a queue."""

    END = 1


END = End.END


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
        self._queue: SimpleQueue[_Entry | threading.Event | End] = SimpleQueue()
        self._lock = threading.RLock()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        # Totals of queued and of finished bytes: each is changed on one side of the queue only.
        self._put_bytes = self._done_bytes = 0
        self._dropped, self._is_dropping, self._why = 0, False, NOT_READ

    def write(self, line: str) -> None:
        """Queue one line, given without its line end; drop and count it if the queue is full."""
        data = self._encode(line)
        with self._lock:
            waiting_bytes = self._put_bytes - self._done_bytes
            # Once full, half of it must drain first: otherwise a slow reader gets a notice for every line.
            room_bytes = self._buffer_limit_bytes // 2 if self._is_dropping else self._buffer_limit_bytes
            self._is_dropping = waiting_bytes + len(data) > room_bytes
            if self._is_dropping:
                self._dropped += 1
                return
            if self._dropped:
                self._put(self._take_notice())
            self._put(_Entry(data, 1))
            if self._thread is None:
                self._start()

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Wait until everything is written, or for the time-out; return whether it is."""
        if self._thread is None:
            return True
        done = threading.Event()
        self._queue.put(done)
        self._hurry.set()
        return done.wait(timeout_s)

    def close(self, timeout_s: float = FLUSH_S) -> bool:
        """Flush, and end the thread; return whether it ended in time. A later line starts another."""
        thread = self._thread
        if thread is None:
            return True
        self.flush(timeout_s)
        self._queue.put(END)
        self._hurry.set()
        thread.join(timeout_s)
        with self._lock:
            self._thread = None
        return not thread.is_alive()

    def _encode(self, line: str) -> bytes:
        return line.encode(self._encoding, "backslashreplace") + b"\n"

    def _put(self, entry: _Entry) -> None:
        self._put_bytes += len(entry.data)
        self._queue.put(entry)

    def _take_notice(self) -> _Entry:
        dropped, why = self._dropped, self._why
        self._dropped, self._why = 0, NOT_READ
        return _Entry(self._encode(self.notice(dropped, why)), dropped)

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
        queue = self._queue
        following: _Entry | threading.Event | End | None = None
        while True:
            entry = queue.get() if following is None else following
            following = None
            if entry is END:
                return
            if isinstance(entry, threading.Event):
                entry.set()
                continue
            is_late = self._put_bytes - self._done_bytes > LAG_BYTES
            most_bytes = LONG_WRITE_BYTES if is_late else WRITE_BYTES
            gathered = [entry]
            size_bytes = len(entry.data)
            while not queue.empty():
                following = queue.get()  # there is one: no other thread takes any
                if not isinstance(following, _Entry) or size_bytes + len(following.data) > most_bytes:
                    break
                gathered.append(following)
                size_bytes += len(following.data)
                following = None
            self._write_out(b"".join(each.data for each in gathered), sum(each.lines for each in gathered))
            self._done_bytes += size_bytes
            if following is None:
                self._write_overdue_notice()
                if self._hurry.wait(REST_S):
                    self._hurry.clear()

    def _write_overdue_notice(self) -> None:
        """Write the notice if no further line has caused that."""
        with self._lock:
            if not self._dropped or self._put_bytes > self._done_bytes:
                return
            notice = self._take_notice()
        self._write_out(*notice)

    def _write_out(self, data: bytes, lines: int) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # another process has made the open file non-blocking
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
            except OSError as exc:
                with self._lock:
                    self._dropped += lines
                    self._why = os_error_text(exc)
                return


def _begin_anew_in_the_child() -> None:
    for writer in _writers:
        writer._begin()


os.register_at_fork(after_in_child=_begin_anew_in_the_child)
