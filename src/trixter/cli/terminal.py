"""A terminal in use: keys without Enter and a live display; afterwards, the terminal is as it was before."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import IO, TYPE_CHECKING

from trixter.cli.screen import keys_of
from trixter.cli.signals import KILLED

if TYPE_CHECKING:
    from rich.live import Live

READ_BYTES = 4096

STANDARD_INPUT = 0  # not sys.stdin, which is None if it is closed

# Between these marks, the terminal sends what is pasted: a word is not to be taken for keys.
MARK_PASTES, MARK_NO_PASTES = "\x1b[?2004h", "\x1b[?2004l"
PASTE_BEGINS, PASTE_ENDS = b"\x1b[200~", b"\x1b[201~"

END_SIGNALS = (signal.SIGHUP, signal.SIGQUIT)


class Keyboard:
    """Keys as they are pressed, from a terminal; none from anything else, and none from a paste.

    Args:
        descriptor: Standard input.
        screen: The terminal's output.
        wakeup: A descriptor that ends a wait for keys when there is something to read.
    """

    def __init__(self, descriptor: int, screen: IO[str], wakeup: int) -> None:
        self._descriptor = descriptor
        self._screen = screen
        self._wakeup = wakeup
        self._before = termios.tcgetattr(descriptor) if os.isatty(descriptor) else None
        self._is_pasting = False
        self._rest = b""  # the end of a part of a paste: the mark may be in two parts

    def take(self) -> None:
        """Have keys sent without Enter and without echo. Ctrl-C and Ctrl-Z keep their meaning."""
        if self._before is not None:
            tty.setcbreak(self._descriptor, termios.TCSANOW)
            print(MARK_PASTES, end="", file=self._screen, flush=True)

    def give_back(self) -> None:
        """Restore the terminal's mode. Idempotent."""
        if self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
            print(MARK_NO_PASTES, end="", file=self._screen, flush=True)

    def read(self, timeout_s: float) -> list[str]:
        """Return the keys pressed within a time; as soon as there is one, or a wake-up.

        Raises:
            EOFError: If the terminal is gone.
        """
        sources = [self._wakeup] if self._before is None else [self._wakeup, self._descriptor]
        ready, _, _ = select.select(sources, [], [], max(timeout_s, 0.0))
        if self._wakeup in ready:
            os.read(self._wakeup, READ_BYTES)
        if self._descriptor not in ready:
            return []
        data = os.read(self._descriptor, READ_BYTES)
        if not data:
            raise EOFError
        return keys_of(self._typed(data))

    def _typed(self, data: bytes) -> bytes:
        """Return what was not pasted."""
        typed, rest = b"", self._rest + data
        while rest:
            part, mark, rest = rest.partition(PASTE_ENDS if self._is_pasting else PASTE_BEGINS)
            if not self._is_pasting:
                typed += part
            self._is_pasting ^= bool(mark)
        self._rest = part[1 - len(PASTE_ENDS) :] if self._is_pasting and not mark else b""
        return typed


@contextmanager
def taken_terminal(live: Live) -> Iterator[Keyboard]:
    """Show a live display and read keys; afterwards, and while suspended, the terminal is as it was.

    A signal that does not end the program, such as that of a new size of the terminal, ends a wait for keys.

    Args:
        live: The display, not yet started.
    """

    def suspend(number: int, frame: FrameType | None) -> None:
        live.stop()
        keyboard.give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns when the shell continues this process
        signal.signal(signal.SIGTSTP, suspend)
        keyboard.take()
        live.start(refresh=True)

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(KILLED + number)

    handlers = {signal.SIGTSTP: suspend, signal.SIGWINCH: lambda number, frame: None}
    with ExitStack() as exits:
        wakeup, signalled = os.pipe()
        exits.callback(os.close, wakeup)
        exits.callback(os.close, signalled)
        os.set_blocking(signalled, False)
        keyboard = Keyboard(STANDARD_INPUT, live.console.file, wakeup)
        exits.callback(signal.set_wakeup_fd, signal.set_wakeup_fd(signalled, warn_on_full_buffer=False))
        for number, handler in {**handlers, **dict.fromkeys(END_SIGNALS, leave)}.items():
            exits.callback(signal.signal, number, signal.signal(number, handler))
        exits.callback(keyboard.give_back)
        exits.callback(live.stop)
        keyboard.take()
        live.start()
        yield keyboard
