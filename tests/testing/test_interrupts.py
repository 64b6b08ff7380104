"""An interrupt (Ctrl-C) at any line of a start leaves no thread, and nothing waits for ever."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from tests.proxy.waiting import PATIENCE_S
from trixter.monotonic import monotonic
from trixter.testing import Chaos, ChaosProxy

UPSTREAM = "127.0.0.1:9"

pytestmark = [
    pytest.mark.slow,
    # A socket that was made when the interrupt came is closed with the frame that it was in.
    pytest.mark.filterwarnings("ignore:unclosed .*:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


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


@pytest.mark.parametrize("use", [with_a_proxy, with_a_maker_of_proxies])
@pytest.mark.usefixtures("first_loop")
def test_an_interrupt_at_any_moment_of_the_start_leaves_no_thread(use: Callable[[], None]) -> None:
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
    assert moments > 100


def wait_for_no_thread(struck: str) -> None:
    """Wait until no thread of a proxy runs.

    One that Python did not get to start is not alive. It stays in Python's list if the interrupt came between
    the two, within ``Thread.start``.
    """
    over_at_s = monotonic() + PATIENCE_S
    while any(each.name == "trixter" and each.is_alive() for each in threading.enumerate()):
        assert monotonic() < over_at_s, f"interrupted at {struck}"
        os.sched_yield()
