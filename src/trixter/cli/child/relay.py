"""SIGINT and SIGTERM, passed on to the child: it decides what becomes of us."""

from __future__ import annotations

import os
import signal
import subprocess
from types import FrameType

from trixter.cli.signals import STOP_SIGNALS


class Relay:
    """Pass signals on, from now on; those that come before there is a child, once it is there.

    By Python's own handlers: uvloop's are now and then called twice for one signal, and a child that is told
    twice may be killed while it tidies up.
    """

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._is_first_interrupt = True
        for number in STOP_SIGNALS:
            signal.signal(number, self._catch)

    def to(self, child: subprocess.Popen[bytes]) -> None:
        """Say who is to have them."""
        self._child = child
        while self._early:
            child.send_signal(self._early.pop(0))

    def _catch(self, number: int, frame: FrameType | None) -> None:
        if self._child is None:
            self._early.append(number)
            return
        if number == signal.SIGINT and self._is_first_interrupt:
            self._is_first_interrupt = False
            if is_in_foreground():  # the child has it from the keyboard
                return
        self._child.send_signal(number)


def is_in_foreground() -> bool:
    """Say whether the terminal sends us what the keyboard interrupts with.

    If so, it has sent it to the child as well, and test runners give up tidying when they are told twice.
    Should it have come from elsewhere after all, the next one is passed on.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:  # there is none
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
