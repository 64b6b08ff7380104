"""SIGINT and SIGTERM: the program stops at once and without a traceback, whenever they arrive."""

from __future__ import annotations

import logging
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# A shell adds this to the number of the signal that ended a command.
KILLED = 128

log = logging.getLogger("trixter.cli")


def leave_quietly() -> None:
    """Make a signal end the program with status 0 from now on, until ``stop_event()`` takes over."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(0)

    for number in STOP_SIGNALS:
        signal.signal(number, leave)


def leave_as_killed() -> None:
    """Make a signal end the program with the status of a killed one: its work is not done."""

    def leave(number: int, frame: FrameType | None) -> None:
        sys.exit(KILLED + number)

    for number in STOP_SIGNALS:
        signal.signal(number, leave)


def stop_event() -> asyncio.Event:
    """Return an event of the running loop that the first signal sets; later signals are ignored."""
    import asyncio

    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop(caught: signal.Signals) -> None:
        if not stopped.is_set():
            ignore()
            log.info("stopping: %s", caught.name)
            stopped.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop, number)
    return stopped


def ignore() -> None:
    """Ignore the signals from now on.

    A loop that closes restores the default handlers, which end the process. So the signals are blocked as
    well, which the loop does not undo, but only for this thread. Call this once more after the loop is
    closed: then a second Ctrl-C causes neither a traceback nor another exit status.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
