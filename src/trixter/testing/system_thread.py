"""A thread of the operating system, also where gevent replaces threads by greenlets."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any, Protocol


class SystemThread(Protocol):
    """The methods of a thread that are used here."""

    def start(self) -> None:
        """Start the thread."""

    def is_alive(self) -> bool:
        """Return whether it runs in this process."""

    def join(self) -> None:
        """Wait until it has ended."""


def new_thread(run: Callable[[], None], name: str) -> SystemThread:
    """Return a daemon thread that is not started yet.

    Args:
        run: Its function.
        name: Its name, for debuggers.

    Raises:
        RuntimeError: If eventlet has patched threads. Its locks cannot be released from another thread.
    """
    patcher = sys.modules.get("eventlet.patcher")  # if it is not imported, it has patched nothing
    if patcher is not None and patcher.is_monkey_patched("thread"):
        raise RuntimeError(
            "eventlet has patched threads, and the proxy needs one of its own: "
            "use eventlet.monkey_patch(thread=False), or start `trixter` as a command and use trixter.Client"
        )
    monkey = sys.modules.get("gevent.monkey")
    if monkey is not None and monkey.is_module_patched("threading"):
        return BesideGreenlets(run, monkey.get_original("_thread", "start_new_thread"))
    # A daemon: a test run that was interrupted must not hang because a proxy was not closed.
    return threading.Thread(target=run, name=name, daemon=True)


class BesideGreenlets:
    """A thread outside of gevent: gevent's own would be a greenlet, and our loop would block all of them.

    gevent's locks can be released from such a thread, so greenlets may wait for it.

    Args:
        run: Its function.
        start_new_thread: Python's own function of that name.
    """

    def __init__(self, run: Callable[[], None], start_new_thread: Callable[..., Any]) -> None:
        self._run = run
        self._start_new_thread = start_new_thread
        self._pid = 0
        self._ended = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        self._pid = os.getpid()
        self._start_new_thread(self._main, ())

    def is_alive(self) -> bool:
        """Return whether it runs in this process; in a fork's child it does not."""
        return self._pid == os.getpid() and not self._ended.is_set()

    def join(self) -> None:
        """Wait until it has ended; other greenlets run meanwhile."""
        self._ended.wait()

    def _main(self) -> None:
        try:
            self._run()
        finally:
            self._ended.set()
