"""Linux's epoll as a poller: one for all sockets of a loop, with adaptive busy polling before it sleeps."""

from __future__ import annotations

import asyncio
import resource
import select
from collections.abc import Callable

from trixter.monotonic import TURN_S, monotonic
from trixter.proxy.poller import Callback, Poller, SpinUntil, WakeupLatency

# Waking a process that sleeps costs more than most answers take: tens of microseconds, hundreds on a virtual
# machine whose core has gone to sleep, too. An answer that comes within that time is worth waiting for awake;
# one that does not has cost at most twice what sleeping would have (the ski rental problem: Karlin et al.,
# *Competitive snoopy caching*, 1988).
# One connection, 64 B there and back: 3.2 times the messages per second, and 0.6 of the CPU time for each.
# Where being woken takes 0.4 ms: 2.2 times, and 0.8 of the CPU time.

# Times it is not even tried, at most, after it was in vain: so a quiet proxy wastes next to nothing.
MOST_SKIPPED = 63

# How often, after a time in vain, to find out what being woken takes: what comes meanwhile has to wait.
NAPS_AT_FIRST = 8
NAP_EVERY = 16

# How often to ask whether the core is wanted: it takes 2 µs. A thread that keeps a core from another one is
# stopped for it every 3 ms or so; on a free core, the kernel's own threads do so a few times a second.
LOOK_S = 0.02
MOST_SWITCHES_PER_S = 150.0
SHORTEST_PAUSE_S = 0.02
LONGEST_PAUSE_S = 1.28

# Sockets seen to before the loop gets a turn. More is a little faster, and makes timers and the API wait.
MOST_EVENTS = 64

# After more than these, the loop's own look will not be in vain, and its turn is due.
FEW_EVENTS = 8

# Long enough for the core to go to sleep as well.
NAP_S = 0.0001

# Looked up for every event otherwise; and a system without epoll imports this, too.
EPOLLIN = getattr(select, "EPOLLIN", 0)
EPOLLOUT = getattr(select, "EPOLLOUT", 0)
EPOLLONESHOT = getattr(select, "EPOLLONESHOT", 0)


class AdaptiveSpin:
    """Learn whether polling on before going to sleep pays off: after each miss it is tried half as often.

    Args:
        wakeup: How late this machine wakes us: so long it is worth polling.
    """

    __slots__ = ("_misses", "_skip", "_skips_left", "_wakeup")

    def __init__(self, wakeup: WakeupLatency) -> None:
        self._wakeup = wakeup
        self._misses = 0
        self._skip = 0
        self._skips_left = 0

    @property
    def seconds(self) -> float:
        """How long to poll."""
        return self._wakeup.mean_s

    def should_spin(self) -> bool:
        """Say whether to poll on this time."""
        if self._skips_left:
            self._skips_left -= 1
            return False
        return True

    def hit(self) -> None:
        """Note that something came while we polled."""
        self._skip = 0

    def missed(self) -> None:
        """Note that nothing came."""
        self._misses += 1
        self._skip = self._skips_left = min(2 * self._skip + 1, MOST_SKIPPED)

    def should_measure(self) -> bool:
        """Say whether to sleep for a moment, to see how late this machine wakes us."""
        return self._misses <= NAPS_AT_FIRST or self._misses % NAP_EVERY == 0


class CoreDemand:
    """Learn whether other threads want the core that polling would keep: the kernel takes it away then.

    With a free core, polling makes an answer quicker; without, it keeps from running what would answer. While
    the core is wanted, each pause of polling is twice as long as the one before.

    Args:
        involuntary_switches: Returns how often the kernel has stopped this thread for another one.
    """

    __slots__ = ("_involuntary_switches", "_look_at", "_looked_at", "_pause_s", "_resume_at", "_seen")

    def __init__(self, involuntary_switches: Callable[[], int]) -> None:
        self._involuntary_switches = involuntary_switches
        self._seen = involuntary_switches()
        self._looked_at = self._look_at = self._resume_at = 0.0
        self._pause_s = SHORTEST_PAUSE_S

    def is_high(self, now: float) -> bool:
        """Say whether to leave the core to others."""
        if now >= self._look_at:
            switches = self._involuntary_switches()
            if switches - self._seen > MOST_SWITCHES_PER_S * (now - self._looked_at):
                self._resume_at = now + self._pause_s
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            else:
                self._pause_s = SHORTEST_PAUSE_S
            self._seen = switches
            self._looked_at = now
            self._look_at = max(now, self._resume_at) + LOOK_S
        return now < self._resume_at


def involuntary_switches() -> int:
    """Return how often the kernel has stopped this thread for another one."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nivcsw


class EpollPoller(Poller):
    """One epoll for all sockets of a loop, which watches the epoll.

    Against a watch on the loop for each socket (uvloop's), it saves a handle of half a kilobyte for each,
    most of the cost of starting and ending a watch, and the loop's call of each callback; and it sees
    resets of sockets that are not read, which a loop does not offer. It costs one more system call a turn,
    and saves the loop's own when the answer comes while we are still awake.

    Args:
        loop: Watches the epoll.
        wakeup: How late this machine wakes us.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, wakeup: WakeupLatency | None = None) -> None:
        self._loop = loop
        self._wakeup = wakeup or WakeupLatency()
        self._epoll = select.epoll()
        # A descriptor in one of the two is registered: to read, to write, or for hang-ups only.
        self._readers: dict[int, Callback] = {}  # what to call for anything but room to write
        self._writers: dict[int, Callback] = {}
        self._paused: set[int] = set()  # readers that wait for a hang-up only
        self._forgotten: set[int] = set()  # since the events at hand were fetched
        self._spin = AdaptiveSpin(self._wakeup)
        self._demand = CoreDemand(involuntary_switches)
        self._left_over: list[tuple[int, int]] = []  # events that a turn had no time for
        self._is_awake = False
        self._spin_deadline: SpinUntil | None = None
        loop.add_reader(self._epoll.fileno(), self._on_ready)

    def read(self, fd: int, on_readable: Callback) -> None:
        readers, writers = self._readers, self._writers
        if fd in readers:
            if fd in self._paused:
                self._paused.remove(fd)
                self._epoll.modify(fd, EPOLLIN | EPOLLOUT if fd in writers else EPOLLIN)
        elif fd in writers:
            self._epoll.modify(fd, EPOLLIN | EPOLLOUT)
        else:
            self._epoll.register(fd, EPOLLIN)
        readers[fd] = on_readable

    def pause(self, fd: int, on_hangup: Callback) -> None:
        # Hang-ups are reported whatever is asked for, and the state stays: where they are all we wait for,
        # once is enough.
        if fd not in self._readers and fd not in self._writers:
            self._epoll.register(fd, EPOLLONESHOT)
        elif fd not in self._paused:
            self._epoll.modify(fd, EPOLLOUT if fd in self._writers else EPOLLONESHOT)
        self._paused.add(fd)
        self._readers[fd] = on_hangup

    def write(self, fd: int, on_writable: Callback) -> None:
        if fd not in self._writers:
            if fd not in self._readers:
                self._epoll.register(fd, EPOLLOUT)
            else:
                self._epoll.modify(fd, EPOLLOUT if fd in self._paused else EPOLLIN | EPOLLOUT)
        self._writers[fd] = on_writable

    def stop_writing(self, fd: int) -> None:
        if self._writers.pop(fd, None) is None:
            return
        if fd not in self._readers:
            self._epoll.unregister(fd)
        else:
            self._epoll.modify(fd, EPOLLONESHOT if fd in self._paused else EPOLLIN)

    def forget(self, fd: int) -> None:
        # Closing takes it out of the epoll, too, but not while the child of a fork has a duplicate: then the
        # epoll would go on reporting it. It costs 0.3 µs, for closing is cheaper by most of what this takes.
        self._forgotten.add(fd)
        if self._readers.pop(fd, None) is None:
            if self._writers.pop(fd, None) is None:
                return
        elif self._writers:
            self._writers.pop(fd, None)
        self._epoll.unregister(fd)
        self._paused.discard(fd)

    def spin_until(self, spin: SpinUntil) -> None:
        if self._is_awake:
            self._spin_deadline = spin
        else:
            spin.on_abandoned()

    def close(self) -> None:
        self._loop.remove_reader(self._epoll.fileno())
        self.abandon()
        self._left_over = []

    def abandon(self) -> None:
        self._forgotten.update(self._readers, self._writers)
        self._readers.clear()
        self._writers.clear()
        self._epoll.close()

    def _on_ready(self) -> None:
        """See to what is ready; and while that is little, to what it brings about."""
        give_way_at = monotonic() + TURN_S
        self._is_awake = True
        try:
            # Not to be asked for again: an event that is reported once only would be lost.
            events = self._left_over or self._epoll.poll(0, MOST_EVENTS)
            while events:
                self._see_to(events, give_way_at)
                if self._epoll.closed or len(events) > FEW_EVENTS or monotonic() > give_way_at:
                    break
                events = self._look_again()
        finally:  # a callback may fail, and what it kept us awake for is still due
            self._is_awake = False
            spin, self._spin_deadline = self._spin_deadline, None
            if spin is not None and not self._epoll.closed:
                spin.on_abandoned()

    def _go_on(self) -> None:
        if self._left_over and not self._epoll.closed:
            self._on_ready()

    def _see_to(self, events: list[tuple[int, int]], give_way_at: float) -> None:
        forgotten, readers, writers = self._forgotten, self._readers, self._writers
        if events is not self._left_over:
            forgotten.clear()
        now, pending = monotonic, iter(events)
        try:
            for fd, event in pending:
                # A callback may close a socket that has an event further down the list, and the next accept
                # may get its number: to a dial, another socket's event would look like an answer.
                if forgotten and fd in forgotten:
                    continue
                if event == EPOLLIN:  # almost every one, and only of a descriptor that is read
                    readers[fd]()
                elif event & EPOLLOUT:
                    if fd in writers:
                        writers[fd]()
                    if event != EPOLLOUT and fd in readers:
                        readers[fd]()
                elif fd in readers:
                    readers[fd]()
                if now() > give_way_at:  # after each: one may be 256 slices, and so more than half a turn
                    break
        finally:  # a callback may fail
            self._left_over = list(pending)
            if self._left_over:
                self._loop.call_soon(self._go_on)

    def _look_again(self) -> list[tuple[int, int]]:
        """Return what has become ready meanwhile, or does so before it would be cheaper to sleep."""
        spin = self._spin_deadline
        if spin is not None:
            if events := self._poll_until(spin.deadline):
                return events
            self._spin_deadline = None
            spin.on_deadline()
        if self._epoll.closed or not self._spin.should_spin():
            return []
        now = monotonic()
        if self._demand.is_high(now):
            return []
        if events := self._poll_until(now + self._spin.seconds):
            self._spin.hit()
        else:
            self._spin.missed()
            if self._spin.should_measure():
                self._nap()
        return events

    def _nap(self) -> None:
        """Sleep for next to nothing, to see how late this machine wakes us."""
        wake_at = monotonic() + NAP_S
        select.select((), (), (), NAP_S)
        self._wakeup.observe(monotonic() - wake_at)

    def _poll_until(self, when: float) -> list[tuple[int, int]]:
        poll, now = self._epoll.poll, monotonic
        while not (events := poll(0, MOST_EVENTS)) and now() < when:
            pass
        return events
