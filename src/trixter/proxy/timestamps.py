"""Kernel receive timestamps: how long ago bytes arrived, although the system's clock may be set."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

from trixter.monotonic import monotonic, realtime
from trixter.proxy.sockets import Socket

# Linux: ask for the time of arrival, of the clock that time.time() reads; also the kind of note it comes in.
_SO_TIMESTAMPNS = 35
_TIMESPEC = struct.Struct("ll")
_STAMP_BYTES = 64  # room for one note
_stamping_fds: list[int] = []  # at most one, see _keep_stamps_on
_stamps_lock = threading.Lock()

# What differences of such readings are off by as floats, many times over. A smaller step is not noticed.
ROUNDING_S = 1e-5


class SystemClock:
    """Turn the kernel's stamps, which are readings of the system's clock, into ages.

    The system's clock (``time.time()``) may be set: by hand, by NTP, by a leap second, by the sleep of a
    laptop. How far it is ahead of the monotonic clock changes then, and only then, for both are slewed
    alike. So a stamp is believed if the distance of the two clocks is the same now as it was before the
    stamp: a wait of minutes counts, and a clock that is set makes no bytes older than they are.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # How far it is ahead of the monotonic clock, at least and at most, and since when on that clock. One
        # tuple, replaced whole: the loops of several threads share it.
        self._known: tuple[float, float, float] | None = None

    def compare(self, before: float, wall: float, after: float) -> None:
        """Read both clocks, so that stamps from now on can be believed; arguments as of ``age_s``."""
        least, most = wall - after, wall - before
        if self._known is not None:
            low, high, since = self._known
            # Each reading narrows the distance down, however long this thread was stopped between the clocks.
            is_narrower = False
            if least > low:
                low, is_narrower = least, True
            if most < high:
                high, is_narrower = most, True
            if low <= high:
                if is_narrower:
                    self._known = low, high, since
                return
            if low <= high + ROUNDING_S:
                return
        self._known = least, most, after

    def age_s(self, stamp: float, *, before: float, wall: float, after: float) -> float:
        """Return how many seconds ago a stamp was made; 0.0 if that cannot be known.

        Args:
            stamp: A reading of the system's clock.
            before: The monotonic clock now, read before the system's.
            wall: The system's clock now.
            after: The monotonic clock, read after it.
        """
        self.compare(before, wall, after)
        age = wall - stamp
        # A clock that was set since the last reading is known since `after` only.
        return age if self._known and age > 0.0 and self._known[2] <= after - age else 0.0


_system_clock = SystemClock()


def stamp_arrivals(sock: Socket) -> None:
    """Have the kernel note when bytes arrive, for ``recv_stamped``, where it can.

    The first call in a process also opens a socket for it, and keeps that.
    """
    if not _stamping_fds:  # a change of all connections comes here for each direction
        _keep_stamps_on()
    _system_clock.compare(monotonic(), realtime(), monotonic())
    try:  # noqa: SIM105 - suppress() takes three calls, as many as all the rest
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        pass


def recv_stamped(sock: Socket, buffer: memoryview) -> tuple[int, float]:
    """Receive as ``recv_into`` does; return how much, and how many seconds ago the last of it had arrived.

    That is earlier than now by what it took to wake us up and get round to it. It is 0.0 where the kernel did
    not say, and where the system's clock was set meanwhile.

    Raises:
        OSError: As ``recv_into`` does.
    """
    size, notes, _, _ = sock.recvmsg_into([buffer], _STAMP_BYTES)
    for level, kind, note in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(note)
            return size, _system_clock.age_s(
                seconds + nanoseconds / 1e9,
                before=monotonic(),
                wall=realtime(),  # the clock that the kernel stamps by
                after=monotonic(),
            )
    return size, 0.0


def _keep_stamps_on() -> None:
    """Keep the kernel stamping from the first call on.

    Linux stamps while any socket of the machine wants it, and switches that on a moment after the first one
    asks. What arrives in that moment has no stamp: 44 of 300 messages sent right after the option, where no
    other socket had it; none where one had.
    """
    with _stamps_lock, contextlib.suppress(OSError):  # no descriptor left: the next call tries again
        if not _stamping_fds:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
                _stamping_fds.append(sock.detach())  # open until the process ends
