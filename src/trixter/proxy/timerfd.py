"""Linux's timerfd, a file descriptor that becomes readable at a given time; and a clock on it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import time
from functools import partial
from math import ceil

from trixter.monotonic import monotonic
from trixter.proxy.clock import Clock
from trixter.proxy.poller import Poller, SpinUntil, WakeupLatency

# From <sys/timerfd.h>. Python has os.timerfd_create() from 3.13 on; we support 3.11.
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_TFD_TIMER_ABSTIME = 1

_NS_PER_S = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("it_interval", _Timespec), ("it_value", _Timespec))


class Timerfd:
    """Own one timerfd on the clock that ``time.monotonic()`` reads.

    Raises:
        OSError: If the system has none, or no descriptor is left.
    """

    def __init__(self) -> None:
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            create = self._libc.timerfd_create
        except (AttributeError, OSError, TypeError) as exc:
            raise OSError("this system has no timerfd") from exc
        self._fd: int = create(time.CLOCK_MONOTONIC, _TFD_NONBLOCK | _TFD_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self._spec = _Itimerspec()

    def fileno(self) -> int:
        return self._fd

    def set(self, when: float) -> None:
        """Become readable at ``when``, never before; replaces what was set."""
        # Rounded up: down would be early. 0 would disarm, so the past is one nanosecond after the epoch.
        seconds, nanoseconds = divmod(max(ceil(when * _NS_PER_S), 1), _NS_PER_S)
        self._spec.it_value.tv_sec = seconds
        self._spec.it_value.tv_nsec = nanoseconds
        failed = self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(self._spec), None)
        if failed:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def clear(self) -> None:
        """Take note that it fired: it is no longer readable."""
        with contextlib.suppress(BlockingIOError):  # it was set anew since it fired
            os.read(self._fd, 8)

    def close(self) -> None:
        os.close(self._fd)


class TimerfdClock(Clock):
    """A clock on a Linux timerfd: within 0.1 ms, where a loop's own timers take up to a millisecond.

    It is set a little early, and what is left is waited for awake.

    Args:
        poller: Watches the timerfd among the sockets, so a busy proxy sees that it fires.
        wakeup: How late this machine wakes us.

    Raises:
        OSError: If the system has no timerfd.
    """

    def __init__(self, poller: Poller, wakeup: WakeupLatency | None = None) -> None:
        super().__init__()
        self._poller = poller
        self._timerfd = Timerfd()
        self._wakeup = wakeup or WakeupLatency()
        self._wake_at: float | None = None  # when the timerfd wakes us before the alarm, to be awake for it
        poller.read(self._timerfd.fileno(), self._on_readable)

    time = staticmethod(monotonic)  # looked up for every read of a direction with faults

    def _arm(self, when: float) -> None:
        wake_at = when - self._wakeup.lead_s
        if wake_at > self.time():
            self._wake_at = wake_at
            self._timerfd.set(wake_at)
        else:
            self._wake_at = None
            self._poller.spin_until(SpinUntil(when, self._fire_due, partial(self._timerfd.set, when)))

    def _on_readable(self) -> None:
        self._timerfd.clear()
        if self._wake_at is not None:
            self._wakeup.observe(self.time() - self._wake_at)
        self._fire_due()

    def close(self) -> None:
        self._heap.clear()
        self._poller.forget(self._timerfd.fileno())
        self._timerfd.close()

    def abandon(self) -> None:
        self._timerfd.close()
