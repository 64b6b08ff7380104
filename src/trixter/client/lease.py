"""Leases: an override of a client that dies is reverted, because nothing renews it any more."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import anyio

from trixter.client.codec import whole_ms
from trixter.errors import SettingError, TrixterError
from trixter.faults.validators import seconds_of
from trixter.units import Seconds

LEASE_S = 60.0
"""How long an override within ``with`` outlives its client, by default."""

# Two renewals in a row may be lost.
RENEWALS_PER_LEASE = 3


def lease_of(lease_s: Seconds) -> float:
    """Return the seconds of a lease.

    Raises:
        SettingError: If it is no time, less than 1 s, or no whole number of milliseconds.
    """
    seconds = seconds_of("lease_s", lease_s)
    if seconds < 1:
        raise SettingError("lease_s", lease_s, "a number of seconds, 1 or more")
    whole_ms("lease_s", seconds)
    return seconds


class ThreadLease:
    """Renews an override from a daemon thread, which does not keep a program from ending.

    Args:
        renew: Renews the override once.
        lease_s: The length of the lease.
        wait: Waits for some seconds, or until the event is set; returns whether it is.
    """

    def __init__(
        self,
        renew: Callable[[], object],
        lease_s: float,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._renew = renew
        self._lease_s = lease_s
        self._wait = wait
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trixter lease", daemon=True)

    def start(self) -> None:
        """Begin to renew the override."""
        self._thread.start()

    def stop(self) -> None:
        """Stop renewing the override; return when no renewal is in flight."""
        self._stopped.set()
        if self._thread.is_alive():  # in the child of a fork it is not
            self._thread.join()

    def _run(self) -> None:
        while not self._wait(self._stopped, self._lease_s / RENEWALS_PER_LEASE):
            # An API that does not answer may do so the next time; the end of the block reports an override
            # that is gone.
            with suppress(TrixterError, RuntimeError):  # httpx2 raises the latter once the client is closed
                self._renew()


class TaskLease:
    """Renews an override from a task of the running loop, asyncio's or Trio's.

    Not from a task group: the task that enters one has to exit it, which fixtures do not
    promise.

    Args:
        renew: Renews the override once.
        lease_s: The length of the lease.
    """

    def __init__(self, renew: Callable[[], Awaitable[object]], lease_s: float) -> None:
        self._renew = renew
        self._lease_s = lease_s
        self._scope = anyio.CancelScope()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to renew the override."""
        trio: Any = sys.modules.get("trio")  # where it is not imported, it does not run
        if trio is not None:
            with suppress(RuntimeError):
                trio.lowlevel.spawn_system_task(self._run, name="trixter lease")
                return
        self._task = asyncio.get_running_loop().create_task(self._run(), name="trixter lease")

    def stop(self) -> None:
        """Stop renewing the override."""
        self._scope.cancel()
        if self._task is not None:
            self._task.cancel()  # it may not have begun

    async def _run(self) -> None:
        with self._scope:
            while True:
                await anyio.sleep(self._lease_s / RENEWALS_PER_LEASE)
                with suppress(TrixterError, RuntimeError):
                    await self._renew()
