"""SIGINT and SIGTERM, passed on to the child: it decides what becomes of us."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess

from trixter.cli.signals import STOP_SIGNALS

log = logging.getLogger("trixter.cli")


class Relay:
    """Pass signals on, from now on, on the running loop.

    ``child`` is assigned once it runs; what comes before that reaches it then.
    """

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self._is_first = True
        loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            loop.add_signal_handler(number, self._pass_on, number)

    def _pass_on(self, number: signal.Signals) -> None:
        if self.child is None:  # it could not be started
            return
        came_from_the_keyboard = number is signal.SIGINT and self._is_first and is_in_foreground()
        self._is_first = False
        if not came_from_the_keyboard:
            self.child.send_signal(number)
        log.debug("passed on: %s", number.name)


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
