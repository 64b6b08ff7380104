"""A program that interrupts (Ctrl-C) the start of proxies, at each moment that there is in turn."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from contextlib import suppress
from types import FrameType
from typing import Any

from tests.proxy.waiting import PATIENCE_S
from trixter.monotonic import monotonic
from trixter.testing import Chaos, ChaosProxy

UPSTREAM = "127.0.0.1:9"


class Interrupt:
    """Raise ``KeyboardInterrupt`` at the n-th moment at which a signal can reach Python code.

    The interpreter looks for signals where a function of Python begins, when one of C returns, and while it
    waits for a lock.

    Args:
        at: Which of these moments, from 1.
    """

    def __init__(self, at: int) -> None:
        self._left = at
        self.struck = ""

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        is_waiting = event == "c_call" and arg.__name__ == "acquire"
        if is_waiting or event in ("call", "c_return"):
            self._left -= 1
            if not self._left:
                sys.setprofile(None)
                called = getattr(arg, "__name__", frame.f_code.co_name)
                self.struck = f"{event} of {called}, {frame.f_code.co_filename}:{frame.f_lineno}"
                raise KeyboardInterrupt


def with_a_proxy() -> None:
    with ChaosProxy(UPSTREAM):
        sys.setprofile(None)


def with_a_maker_of_proxies() -> None:
    with Chaos(seed=1) as chaos:
        chaos.proxy(UPSTREAM)
        sys.setprofile(None)


USES = {"a proxy": with_a_proxy, "a maker of proxies": with_a_maker_of_proxies}


def main(name: str) -> None:
    """Interrupt each moment of one use, and print how many there were."""
    # A socket that was made when the interrupt came is closed with the frame that it was in.
    warnings.simplefilter("ignore", ResourceWarning)
    sys.unraisablehook = show_unless_interrupted
    use = USES[name]
    use()
    moments = 0
    while True:  # until the start ends before the interrupt
        moments += 1
        interrupt = Interrupt(at=moments)
        # RuntimeError is how Python's own waiting ends where it is torn before it has its lock back.
        with suppress(KeyboardInterrupt, RuntimeError):
            sys.setprofile(interrupt)
            use()
        if not interrupt.struck:
            break
        wait_for_no_thread(interrupt.struck)
    wait_for_no_thread("nothing")
    print(moments)


def show_unless_interrupted(unraisable: sys.UnraisableHookArgs) -> None:
    """Show an error that Python drops, but no interrupt: it drops those in callbacks of weak references."""
    if unraisable.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(unraisable)


def wait_for_no_thread(struck: str) -> None:
    """Wait until no thread of a proxy runs.

    One that Python did not get to start is not alive. It stays in Python's list if the interrupt came between
    the two, within ``Thread.start``; so this is a program of its own.
    """
    over_at_s = monotonic() + PATIENCE_S
    while any(each.name == "trixter" and each.is_alive() for each in threading.enumerate()):
        assert monotonic() < over_at_s, f"interrupted at {struck}"
        os.sched_yield()


if __name__ == "__main__":
    main(sys.argv[1])
