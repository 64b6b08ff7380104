"""The rounds of a sweep: the test's body under one break after another, and the outcome of each."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from trixter.errors import SettingError, SweepError
from trixter.faults import Direction, Faults
from trixter.faults.validators import positive_seconds_of
from trixter.monotonic import monotonic
from trixter.testing.breaks import Break, break_faults, place_text, spans_of
from trixter.testing.calm_round import Point, Record
from trixter.testing.chaos_proxy import ChaosProxy
from trixter.testing.sweep import Kind, Outcome, Plan, SweepMap, counted
from trixter.units import Seconds

# A round is this many times as long as the calm one before it counts as hanging, and at least so long: a
# program that retries waits for a second or two.
TIMES_CALM = 5
LEAST_TIMEOUT_S = 5.0

# Connections of a body that has ended: a FIN is under way for a moment.
LEAK_GRACE_S = 2.0

# From the reset of its connections to the interrupt of a body that hangs, and from one interrupt to the next.
INTERRUPT_AFTER_S = 1.0

# Of an exception's text in a report.
MOST_TEXT = 200


class RoundTimeout(BaseException):
    """The interrupt of a round that hangs. No ``Exception``: the body is not to catch it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """The options of a run, for all sweeps of a test.

    Args:
        is_plan_only: Whether to stop after the calm round.
        only: The number of a sweep, from 1, and the point of its only round; ``None``: all.
        on_progress: Called with a line before each round, and with none behind the last.
        on_hang: Called in the proxy's thread while a round hangs, again and again, in place of the interrupts
            of the test's thread.
        subject: The beginning of an error about the calm round.
    """

    is_plan_only: bool = False
    only: tuple[int, Point] | None = None
    on_progress: Callable[[str], None] | None = None
    on_hang: Callable[[], None] | None = None
    subject: str = "the test"


class Sweep:
    """A sweep of a body of code: iterate over it, and use each round with ``with``.

    Args:
        proxy: The proxy, which all rounds share.
        broken: The break.
        number: Its number in the test.
        options: Those of the run.
        exhaustive: Whether to try every byte.
        max_rounds: So many rounds at most.
        round_timeout_s: A longer round hangs; ``None``: five times the calm one, and at least 5 s.
        accept: The kinds of outcomes with which the sweep passes.

    Raises:
        SettingError: If a setting is outside its range.
    """

    def __init__(
        self,
        proxy: ChaosProxy,
        broken: Break,
        number: int = 1,
        options: SweepOptions | None = None,
        *,
        exhaustive: bool = False,
        max_rounds: int | None = None,
        round_timeout_s: Seconds | None = None,
        accept: Collection[str] = ("ok", "error"),
    ) -> None:
        self.proxy = proxy
        self.broken = broken
        self.number = number
        self.record = Record()
        self.plan = Plan([], exhaustive=exhaustive, most_rounds=max_rounds)
        self.current: Round | None = None
        """The round in progress, or the one that ended the sweep."""
        self._options = options or SweepOptions()
        self._exhaustive = exhaustive
        self._max_rounds = max_rounds
        self._timeout_s = (
            None if round_timeout_s is None else positive_seconds_of("round_timeout_s", round_timeout_s)
        )
        self._accepted = _kinds(accept)
        self._calm_s = self._all_s = 0.0
        self._left_open = 0  # by the calm round
        self._texts: dict[Point, str] = {}  # of what a round raised

    def __iter__(self) -> Iterator[Round]:
        try:
            yield from self._rounds()
        finally:
            self.proxy.close()

    def _rounds(self) -> Iterator[Round]:
        began_at = monotonic()
        calm = self.current = Round(self, None, self._timeout_s)
        yield calm
        self._take_calm(calm)
        if self._options.is_plan_only:
            return
        timeout_s = self._timeout_s or max(TIMES_CALM * self._calm_s, LEAST_TIMEOUT_S)
        for point in self._points():
            self._show(self._progress_text(point))
            this = self.current = Round(self, point, timeout_s)
            yield this
            leaked = self._leaked(point.connection if self.broken.holds_end else 0)
            self.note(point, this.outcome(self.record.connections, leaked), this.exc_text)
            self.current = None
            self._all_s = monotonic() - began_at
        self._show("")
        failed = [point for point, each in self.plan.outcomes.items() if each.kind not in self._accepted]
        if failed:
            raise SweepError(self._failure_text(failed))

    @property
    def is_calm(self) -> bool:
        """Whether its calm round is in progress, or ended it."""
        return self.current is not None and self.current.point is None

    def note(self, point: Point, outcome: Outcome, text: str = "") -> None:
        """Take in the outcome of a round."""
        self.plan.note(point, outcome)
        if text:
            self._texts[point] = text

    def faults(self, this: Round, connection: int, direction: Direction) -> Faults:
        """Return the faults with which a connection begins; called on the proxy's loop."""
        this.connections = max(this.connections, connection)
        point = this.point
        if point is None:
            added = self.record.faults(connection, direction)
        elif (point.connection, point.direction) == (connection, direction):
            added = break_faults(self.record, self.broken, point)
        else:
            added = Faults()
        return Faults(*self.proxy.background.proxy.defaults.faults(direction), *added)

    @property
    def map(self) -> SweepMap:
        """What is known until now."""
        return SweepMap(
            self.proxy.upstream,
            self.broken,
            self.record,
            self.plan,
            self._calm_s,
            self._all_s,
            self._options.is_plan_only,
        )

    def conclude(self, exc: BaseException | None) -> None:
        """Take in the exception of the test that ended the sweep, behind the body of a round."""
        if self.current is not None and self.current.point is not None and exc is not None:
            is_wrong = isinstance(exc, AssertionError)
            outcome = Outcome(Kind.WRONG) if is_wrong else Outcome(Kind.ERROR, type(exc).__name__)
            self.note(self.current.point, outcome, text_of(exc))

    def failed_round(self) -> Point | None:
        """Return the point to repeat: of the round that ended the sweep, or of the first one not accepted."""
        if self.current is not None:
            return self.current.point
        failed = (point for point, each in self.plan.outcomes.items() if each.kind not in self._accepted)
        return next(failed, None)

    def describe(self, point: Point) -> str:
        """Describe the break of a round."""
        text = f"{self.broken.kind.value}, {place_text(self.record, point)}"
        outcome = self.plan.outcomes.get(point)
        return ": ".join(filter(None, [text, outcome and str(outcome), self._texts.get(point)]))

    def _show(self, text: str) -> None:
        if self._options.on_progress is not None:
            self._options.on_progress(text)

    def _take_calm(self, calm: Round) -> None:
        if not calm.was_used:
            raise SweepError("the round was not used with `with`: there is nothing to break")
        if self.record.is_too_long:
            raise SweepError(f"the calm round has more than {len(self.record.reads) - 1:,} reads: sweep less")
        if not self.record.connections:
            raise SweepError("the body opened no connection through the proxy: there is nothing to break")
        self._calm_s = self._all_s = calm.duration_s
        self._left_open = self._leaked()
        self.plan = Plan(
            spans_of(self.record, self.broken), exhaustive=self._exhaustive, most_rounds=self._max_rounds
        )
        self.current = None

    def _points(self) -> Iterator[Point]:
        only = self._options.only
        if only is None:
            while (point := self.plan.next_point()) is not None:
                yield point
        elif only[0] == self.number:
            if not any(only[1] in each for each in self.plan.spans):
                raise SettingError("point", only[1].id, "a point of this sweep, whose calm round has it")
            yield only[1]

    def _leaked(self, but: int = 0) -> int:
        """Return how many connections stay open, more than after the calm round; then end them.

        Args:
            but: The number of a connection that is not counted.
        """
        background = self.proxy.background
        registry = background.proxy.registry
        give_up_at = monotonic() + LEAK_GRACE_S
        while True:
            count = sum(each.number != but for each in background.call(registry.all)) - self._left_open
            if count <= 0:
                break
            left_s = give_up_at - monotonic()
            if left_s <= 0:
                break
            background.pause(left_s).result()
        background.call(lambda: _reset_all(self.proxy, "the round is over"))
        return max(count, 0)

    def _progress_text(self, point: Point) -> str:
        done = len(self.plan.outcomes)
        return f"sweep: round {done + 1:,} of {self.plan.least_rounds + 1:,}: {point}"

    def _failure_text(self, failed: list[Point]) -> str:
        first = self.describe(failed[0])
        return f"{len(failed)} of {counted(len(self.plan.outcomes), 'round')} failed; the first: {first}"


class Round:
    """A round: the network of one run of the body. Use it with ``with``, which gives its proxy.

    An exception in the body ends the round, and not the sweep; so does a body that hangs.

    Args:
        sweep: Its sweep.
        point: Where it breaks; ``None``: it is calm.
        timeout_s: The time after which it hangs; ``None``: it never does.
    """

    def __init__(self, sweep: Sweep, point: Point | None, timeout_s: float | None) -> None:
        self.point = point
        self.connections = 0
        """Those that were opened."""
        self.duration_s = 0.0
        self.was_used = False
        self.exc_text = ""
        self._sweep = sweep
        self._outcome = Outcome(Kind.OK)
        self._has_struck = False
        self._watchdog = Watchdog(sweep.proxy, timeout_s, sweep._options.on_hang)

    def __enter__(self) -> ChaosProxy:
        self.was_used = True
        proxy = self._sweep.proxy
        proxy.background.call(self._begin)
        self._began_at = monotonic()
        self._watchdog.start()
        return proxy

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._watchdog.stop()
        self.duration_s = monotonic() - self._began_at
        background = self._sweep.proxy.background
        self._has_struck = background.call(lambda: bool(background.journal.strikes))
        if exc is not None:
            self.exc_text = text_of(exc)
        is_error = isinstance(exc, Exception | RoundTimeout)
        if self.point is None:
            if is_error:
                what = "hangs" if self._watchdog.is_over else f"fails without any break: {self.exc_text}"
                raise SweepError(f"{self._sweep._options.subject} {what}") from exc
            return False
        if self._watchdog.is_over:
            self._outcome = Outcome(Kind.HANG)
        elif isinstance(exc, AssertionError):
            self._outcome = Outcome(Kind.WRONG)
        elif exc is not None:
            self._outcome = Outcome(Kind.ERROR, type(exc).__name__)
        return is_error

    def note(self, outcome: Outcome, text: str = "") -> None:
        """Take in the outcome of a body that raises no exception, such as that of another program.

        Args:
            outcome: The outcome; a hang or a leak takes its place.
            text: More about it, for the report.
        """
        self._outcome, self.exc_text = outcome, text

    def outcome(self, calm_connections: int, leaked: int) -> Outcome:
        """Return the outcome.

        Args:
            calm_connections: The connections that the calm round opened.
            leaked: The connections that are still open.
        """
        if not self.was_used:
            raise SweepError("the round was not used with `with`: there is nothing to break")
        if leaked and self._outcome.kind in (Kind.OK, Kind.ERROR):
            return Outcome(Kind.LEAK, f"of {counted(leaked, 'connection')}")
        if self._outcome.kind is Kind.OK and not self._has_struck:
            return Outcome(Kind.OK, "(it did not come to the break)")
        if self._outcome.kind is Kind.OK and self.connections > calm_connections:
            return Outcome(Kind.OK, "after a retry")
        return self._outcome

    def _begin(self) -> None:
        proxy = self._sweep.proxy.background.proxy
        _reset_all(self._sweep.proxy, "the round is over")
        self._sweep.proxy.background.journal.start_over()
        proxy.reseed(self._sweep.proxy.seed)
        proxy.replay = lambda connection, direction: self._sweep.faults(self, connection, direction)


class Watchdog:
    """The end of a body that hangs: its connections are reset, and then the test's thread is interrupted.

    A thread that is not the main one cannot be interrupted: it only meets the resets.

    Args:
        proxy: The proxy.
        timeout_s: The time after which it hangs; ``None``: never.
        on_hang: Called in place of the interrupts.
    """

    def __init__(
        self, proxy: ChaosProxy, timeout_s: float | None, on_hang: Callable[[], None] | None = None
    ) -> None:
        self.is_over = False
        """Whether the time was over."""
        self._proxy = proxy
        self._timeout_s = timeout_s
        self._on_hang = on_hang
        self._timer: asyncio.TimerHandle | None = None
        self._former: Any = None
        self._is_watching = self._may_interrupt = False

    def start(self) -> None:
        """Begin to watch the calling thread."""
        if self._timeout_s is None:
            return
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and self._on_hang is None and hasattr(signal, "pthread_kill"):
            self._former = signal.signal(signal.SIGINT, self._on_signal)
            self._may_interrupt = True
        self._is_watching = True
        self._proxy.background.call(lambda: self._call_later(self._timeout_s or 0.0, self._on_timeout))

    def stop(self) -> None:
        """Watch no more. Idempotent."""
        self._is_watching = False
        if self._timer is not None:
            self._proxy.background.call(self._cancel)
        if self._may_interrupt:
            self._may_interrupt = False
            signal.signal(signal.SIGINT, self._former)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_timeout(self) -> None:
        self.is_over = True
        _reset_all(self._proxy, "the round hangs")
        self._call_later(INTERRUPT_AFTER_S, self._interrupt)

    def _interrupt(self) -> None:
        if self._is_watching and self._on_hang is not None:
            self._on_hang()
        if self._is_watching and self._may_interrupt:
            with suppress(ProcessLookupError):
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        if self._is_watching:  # a body may catch it, or begin to wait again in a `finally`
            _reset_all(self._proxy, "the round hangs")
            self._call_later(INTERRUPT_AFTER_S, self._interrupt)

    def _call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, call)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.is_over:
            if self._is_watching:
                raise RoundTimeout("the round hangs")
        elif callable(self._former):
            self._former(number, frame)


def _reset_all(proxy: ChaosProxy, reason: str) -> None:
    for connection in proxy.background.proxy.registry.all():
        connection.reset(reason)


def _kinds(names: Collection[str]) -> set[Kind]:
    try:
        return {Kind(each) for each in ([names] if isinstance(names, str) else names)}
    except ValueError:
        accepts = f"some of {', '.join(repr(each.value) for each in Kind)}"
        raise SettingError("accept", names, accepts) from None


def text_of(exc: BaseException) -> str:
    """Return an exception as one line."""
    return " ".join(f"{type(exc).__name__}: {exc}".split())[:MOST_TEXT]
