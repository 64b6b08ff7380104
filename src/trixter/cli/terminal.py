"""A terminal in use: keys without Enter and a live display; afterwards, the terminal is as it was before."""

from __future__ import annotations

import os
import select
import signal
import termios
import tty
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from trixter.cli.screen import keys_of

if TYPE_CHECKING:
    from rich.live import Live

READ_BYTES = 256

STANDARD_INPUT = 0  # not sys.stdin, which is None if it is closed


class Keyboard:
    """Keys as they are pressed, from a terminal; none from anything else.

    Args:
        descriptor: Standard input.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._before = termios.tcgetattr(descriptor) if os.isatty(descriptor) else None

    def take(self) -> None:
        """Have keys sent without Enter and without echo. Ctrl-C and Ctrl-Z keep their meaning."""
        if self._before is not None:
            tty.setcbreak(self._descriptor, termios.TCSANOW)

    def give_back(self) -> None:
        """Restore the terminal's mode. Idempotent."""
        if self._before is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def read(self, timeout_s: float) -> list[str]:
        """Return the keys pressed within a time; as soon as there is one.

        Raises:
            EOFError: If the terminal is gone.
        """
        sources = [] if self._before is None else [self._descriptor]
        ready, _, _ = select.select(sources, [], [], max(timeout_s, 0.0))
        if not ready:
            return []
        data = os.read(self._descriptor, READ_BYTES)
        if not data:
            raise EOFError
        return keys_of(data)


@contextmanager
def taken_terminal(live: Live) -> Iterator[Keyboard]:
    """Show a live display and read keys; afterwards, and while suspended, the terminal is as it was.

    Args:
        live: The display, not yet started.
    """
    keyboard = Keyboard(STANDARD_INPUT)

    def suspend(number: int, frame: FrameType | None) -> None:
        live.stop()
        keyboard.give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)  # returns when the shell continues this process
        signal.signal(signal.SIGTSTP, suspend)
        keyboard.take()
        live.start(refresh=True)

    with ExitStack() as exits:
        exits.callback(signal.signal, signal.SIGTSTP, signal.getsignal(signal.SIGTSTP))
        exits.callback(keyboard.give_back)
        exits.callback(live.stop)
        signal.signal(signal.SIGTSTP, suspend)
        keyboard.take()
        live.start()
        yield keyboard
