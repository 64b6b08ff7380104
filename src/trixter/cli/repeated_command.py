"""Repeated commands: each run in a session of its own, with the end of its output, and an end by a signal."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from types import FrameType, TracebackType
from typing import IO, Self

from trixter.cli.run_command import refusal_of
from trixter.cli.signals import STOP_SIGNALS
from trixter.monotonic import monotonic

# Of what a command prints in a run: its end.
KEPT_BYTES = 64 * 1024

# From the signal that ends a command to the one that it cannot catch.
KILL_AFTER_S = 2.0

# Of the output that is left in the pipe behind the command: a program that has left the session may write on.
PIPE_BYTES = 1024 * 1024
READ_BYTES = 64 * 1024


class Stopped(BaseException):
    """A signal that ends the sweep. No ``Exception``: it is no outcome of a round.

    Args:
        number: The signal's.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class CannotRun(BaseException):
    """A command that cannot be started. No ``Exception``: it is no outcome of a round.

    Args:
        text: The reason.
        status: The exit status that a shell gives.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class RepeatedCommand:
    """A command that is run again and again, each time in a session of its own.

    Used with ``with``, in the main thread: it catches the signals that would end this program, and passes
    them on. A command that does not end then is killed, at once if there is a second signal. What it leaves
    running in its process group is killed as well.

    Args:
        show: Takes what the command prints; ``None``: the end of it is kept only.
    """

    def __init__(self, show: Callable[[bytes], None] | None = None) -> None:
        self.output = bytearray()
        """The end of what the command printed in the last run."""
        self._show = show
        self._due: deque[int] = deque()  # signals that the command is to get
        self._kill_at: float | None = None  # once it got one
        self._stop_signal: int | None = None
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as exits:
            self._wakeup, self._waking = os.pipe()
            exits.callback(os.close, self._wakeup)
            exits.callback(os.close, self._waking)
            os.set_blocking(self._wakeup, False)
            os.set_blocking(self._waking, False)
            # The end of the command, too, has to end a wait for its output, which may stay open.
            former = signal.set_wakeup_fd(self._waking, warn_on_full_buffer=False)
            exits.callback(signal.set_wakeup_fd, former)
            for number in (*STOP_SIGNALS, signal.SIGHUP, signal.SIGQUIT):
                if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                    exits.callback(signal.signal, number, signal.signal(number, self._on_signal))
            exits.callback(signal.signal, signal.SIGCHLD, signal.signal(signal.SIGCHLD, _wake))
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exits.close()

    def run(self, command: Sequence[str], variables: Mapping[str, str]) -> int:
        """Run it to its end; return its status as ``subprocess`` has it.

        Args:
            command: Its name and its arguments.
            variables: Added to the environment.

        Raises:
            CannotRun: If it cannot be started.
            Stopped: If a signal has ended it, or came before.
        """
        self.output.clear()
        self._due.clear()
        self._kill_at = None
        if self._stop_signal is not None:
            raise Stopped(self._stop_signal)
        try:
            child = subprocess.Popen(
                command,
                env=os.environ | variables,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as exc:
            raise CannotRun(*refusal_of(command, exc)) from exc
        assert child.stdout is not None
        try:
            self._wait(child, child.stdout)
        finally:
            _signal_group(child, signal.SIGKILL)
            child.wait()
            self._read(child.stdout, PIPE_BYTES)
            child.stdout.close()
        if self._stop_signal is not None:
            raise Stopped(self._stop_signal)
        return child.returncode

    def end(self) -> None:
        """End the command, from any thread: by SIGTERM, and by SIGKILL if it was called before."""
        self._end_by(signal.SIGTERM)
        with suppress(BlockingIOError):  # full of signals, it wakes as well
            os.write(self._waking, b"\0")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stop_signal = self._stop_signal or number
        self._end_by(number)

    def _end_by(self, number: int) -> None:
        self._due.append(number if self._kill_at is None else signal.SIGKILL)
        self._kill_at = monotonic() + KILL_AFTER_S

    def _wait(self, child: subprocess.Popen[bytes], output: IO[bytes]) -> None:
        os.set_blocking(output.fileno(), False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._wakeup, selectors.EVENT_READ)
            selector.register(output, selectors.EVENT_READ)
            while child.poll() is None:
                while self._due:
                    _signal_group(child, self._due.popleft())
                if self._kill_at is not None and monotonic() >= self._kill_at:
                    _signal_group(child, signal.SIGKILL)
                    self._kill_at = None
                left_s = None if self._kill_at is None else max(self._kill_at - monotonic(), 0.0)
                for key, _ in selector.select(left_s):
                    if key.fileobj is output:
                        if not self._read(output, READ_BYTES):
                            selector.unregister(output)  # the command has closed it, and may go on
                    else:
                        os.read(self._wakeup, READ_BYTES)

    def _read(self, output: IO[bytes], most_bytes: int) -> bool:
        """Take what there is of the output, up to so many bytes; return whether there may be more."""
        while most_bytes > 0:
            data = output.read(READ_BYTES)
            if data is None:
                return True
            if not data:
                return False
            most_bytes -= len(data)
            self.output += data
            del self.output[:-KEPT_BYTES]
            if self._show is not None:
                self._show(data)
        return True


def _wake(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wake-up descriptor was written."""


def _signal_group(child: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a command and all that it started, if any of them is left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)
