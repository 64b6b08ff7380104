"""The log writer: it never blocks its caller, and counts dropped lines."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType

import pytest

from trixter.cli.log_writer import LogWriter

# More than a pipe takes, whatever the system.
PIPE_BYTES = 2**20
LINE = "x" * 999

Notice = Callable[[int, str], str]


class Pipe:
    """A pipe that is read when the test says so."""

    def __init__(self) -> None:
        self.read_end, self.write_end = os.pipe()
        self._unread = b""
        self._writers: list[LogWriter] = []

    def writer(
        self,
        notice: Notice = "{} dropped: {}".format,
        *,
        buffer_limit_bytes: int = PIPE_BYTES,
        encoding: str = "utf-8",
    ) -> LogWriter:
        writer = LogWriter(self.write_end, notice, buffer_limit_bytes=buffer_limit_bytes, encoding=encoding)
        self._writers.append(writer)
        return writer

    def fill(self) -> int:
        """Leave no room in it; return how many bytes that took."""
        filling_bytes = 0
        os.set_blocking(self.write_end, False)
        with suppress(BlockingIOError):
            while True:
                filling_bytes += os.write(self.write_end, b"." * select.PIPE_BUF)
        os.set_blocking(self.write_end, True)
        return filling_bytes

    def skip(self, size_bytes: int) -> None:
        """Read so much, and throw it away."""
        while size_bytes:
            size_bytes -= len(os.read(self.read_end, size_bytes))

    def lines(self, last: str) -> list[str]:
        """Read up to the first line with this in it, and return all of them."""
        lines: list[str] = []
        while not (lines and last in lines[-1]):
            while b"\n" not in self._unread:
                self._unread += os.read(self.read_end, 65536)
            line, _, self._unread = self._unread.partition(b"\n")
            lines.append(line.decode())
        return lines

    def close(self) -> None:
        os.close(self.read_end)
        for writer in self._writers:
            assert writer.close(timeout_s=40)  # into a broken pipe
        os.close(self.write_end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def test_lines_arrive_in_order(pipe: Pipe) -> None:
    writer = pipe.writer()
    for number in range(500):
        writer.write(f"{number}")

    assert pipe.lines("499") == [f"{number}" for number in range(500)]


def test_a_flush_waits_for_what_was_written_before_it(pipe: Pipe) -> None:
    writer = pipe.writer()
    assert writer.flush()

    writer.write("last words")

    assert writer.flush(timeout_s=40)
    assert os.read(pipe.read_end, 100) == b"last words\n"


def test_a_reader_that_is_late_gets_all_that_fits(pipe: Pipe) -> None:
    writer = pipe.writer()
    for number in range(1000):
        writer.write(f"{number} {LINE}")

    assert pipe.lines("999 ") == [f"{number} {LINE}" for number in range(1000)]


def test_what_does_not_fit_is_dropped_and_counted_where_it_is_missing(pipe: Pipe) -> None:
    writer = pipe.writer(buffer_limit_bytes=100_000)
    filling_bytes = pipe.fill()  # so that nothing drains while the lines are written, however slowly
    for number in range(3000):
        writer.write(f"{number} {LINE}")  # more than the queue takes: this would block
    pipe.skip(filling_bytes)

    *kept, notice = pipe.lines(" dropped: ")
    assert kept == [f"{number} {LINE}" for number in range(len(kept))]
    assert notice == f"{3000 - len(kept)} dropped: standard error was not read"

    writer.write("after")
    assert pipe.lines("") == ["after"]


def test_a_line_that_comes_after_the_dropped_ones_follows_the_notice(pipe: Pipe) -> None:
    writer = pipe.writer(buffer_limit_bytes=100)
    writer.write("y" * 100)

    writer.write("short")

    assert pipe.lines("short") == ["1 dropped: standard error was not read", "short"]


def test_a_flush_gives_up_on_what_is_not_read(pipe: Pipe) -> None:
    writer = pipe.writer(buffer_limit_bytes=2 * PIPE_BYTES)
    for _ in range(1500):
        writer.write(LINE)

    assert not writer.flush(timeout_s=0)


def test_lines_that_cannot_be_written_are_counted_with_the_reason(pipe: Pipe) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    writer = LogWriter(descriptor, "{} dropped: {}".format)
    for _ in range(3):
        writer.write("lost")
    assert writer.flush(timeout_s=40)

    os.dup2(pipe.write_end, descriptor)
    writer.write("there is room again")

    assert pipe.lines("there") == ["3 dropped: no space left on device", "there is room again"]
    assert writer.close(timeout_s=40)
    os.close(descriptor)


def test_a_reader_that_left_is_no_error() -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    writer = LogWriter(write_end, "{} {}".format)

    writer.write("to nothing")

    assert writer.close(timeout_s=40)
    os.close(write_end)


def test_a_non_blocking_descriptor_loses_nothing(pipe: Pipe) -> None:
    os.set_blocking(pipe.write_end, False)
    writer = pipe.writer()
    for number in range(1000):
        writer.write(f"{number} {LINE}")

    assert pipe.lines("999 ") == [f"{number} {LINE}" for number in range(1000)]


def test_characters_that_the_encoding_lacks_are_escaped(pipe: Pipe) -> None:
    writer = pipe.writer(encoding="ascii")

    writer.write("a → b")

    assert pipe.lines("") == ["a \\u2192 b"]


def test_a_signal_handler_may_write_while_a_line_is_being_written(pipe: Pipe) -> None:
    def on_signal(number: int, frame: FrameType | None) -> None:
        writer.write("from the handler")

    def interrupted(dropped: int, why: str) -> str:
        signal.raise_signal(signal.SIGUSR1)
        return f"{dropped} dropped"

    before = signal.signal(signal.SIGUSR1, on_signal)
    writer = pipe.writer(interrupted, buffer_limit_bytes=100)
    writer.write("y" * 100)
    writer.write("last")

    assert pipe.lines("last") == ["from the handler", "1 dropped", "last"]
    signal.signal(signal.SIGUSR1, before)


def test_no_line_is_cut_in_two_by_another_writer() -> None:
    # A socket that keeps the bounds of each write.
    reader, written = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with reader, written:
        writer = LogWriter(written.fileno(), "{} {}".format)
        for number in range(200):
            writer.write(f"{number:0499}")
        writes: list[bytes] = []
        while sum(len(write) for write in writes) < 200 * 500:
            writes.append(reader.recv(PIPE_BYTES))
        assert writer.close(timeout_s=40)

    # A pipe takes as much as that whole or not at all.
    assert all(write.endswith(b"\n") and len(write) <= select.PIPE_BUF for write in writes)


def test_after_a_fork_each_process_writes_its_own_lines() -> None:
    code = """
import os
from trixter.cli.log_writer import LogWriter
writer = LogWriter(1, "{} {}".format)
writer.write("of the parent")
if child := os.fork():
    os.waitpid(child, 0)
else:
    writer.write("of the child")
os._exit(not writer.flush(timeout_s=40))
"""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert sorted(ended.stdout.splitlines()) == ["of the child", "of the parent"]


def test_one_that_was_closed_ends_its_thread_and_may_write_again(pipe: Pipe) -> None:
    writer = pipe.writer()
    writer.write("one")
    assert writer.close(timeout_s=40)
    assert writer.close(timeout_s=40)
    writer.write("two")
    assert pipe.lines("two") == ["one", "two"]


def test_a_close_gives_up_on_what_is_not_read(pipe: Pipe) -> None:
    writer = pipe.writer()
    for _ in range(300):
        writer.write(LINE)
    assert not writer.close(timeout_s=0.01)
