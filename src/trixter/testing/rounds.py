"""The rounds of a sweep: the test's body under one break after another, and the outcome of each.

Longer than other modules: a sweep and its rounds share their state, and each is made of the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Generator, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property, partial
from types import TracebackType
from typing import Any

import anyio

from trixter.control.commands import GetProxy
from trixter.control.journal import Opened, Strike
from trixter.errors import SettingError, SweepError
from trixter.faults import Direction, Faults
from trixter.faults.validators import positive_seconds_of
from trixter.monotonic import monotonic
from trixter.testing.breaks import Break, Span, break_faults, place_text, spans_of, spans_of_retry
from trixter.testing.calm_round import MOST_KEPT_BYTES, MOST_READS, Point, Record
from trixter.testing.chaos_proxy import AsyncChaosProxy, ChaosProxy, async_handle_of
from trixter.testing.loop_thread import wait_future
from trixter.testing.sweep import AFTER_RETRY, Kind, Outcome, Plan, SweepMap, counted
from trixter.testing.watchdog import RoundTimeout, Watchdog, reset_all
from trixter.units import Seconds

# A round is this many times as long as the calm one before it counts as hanging, and at least so long: a
# program that retries waits for a second or two.
TIMES_CALM = 5
LEAST_TIMEOUT_S = 5.0

# Connections of a body that has ended: a FIN is under way for a moment.
LEAK_GRACE_S = 2.0

# Of an exception's text in a report.
MOST_TEXT = 200

THE_RETRY = "the retry"

AND_THEN = f"; in {THE_RETRY}, "

ROUND_IS_OVER = "the round is over"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOptions:
    """The options of a run, for all sweeps of a test.

    Args:
        is_plan_only: Whether to stop after the calm round.
        only: The number of a sweep, from 1, and the point of its only round; ``None``: all.
        part: Which part of the points to try, from 1, and of how many.
        on_progress: Called with a line before each round, and with none behind the last.
        on_hang: Called in the proxy's thread while a round hangs, again and again, in place of the interrupts
            of the test's thread.
        subject: The beginning of an error about the calm round.
    """

    is_plan_only: bool = False
    only: tuple[int, Point] | None = None
    part: tuple[int, int] = (1, 1)
    on_progress: Callable[[str], None] | None = None
    on_hang: Callable[[], None] | None = None
    subject: str = "the test"


class Sweep:
    """A sweep of a body of code: iterate over it, and use each round with ``with``.

    In an async test, on asyncio or Trio, iterate with ``async for``, and use each round with ``async with``.

    Args:
        proxy: The proxy, which all rounds share.
        broken: The break.
        number: Its number in the test.
        options: Those of the run.
        exhaustive: Whether to try every byte.
        max_rounds: So many rounds at most.
        round_timeout_s: A longer round hangs; ``None``: five times the calm one, and at least 5 s.
        accept: The kinds of outcomes with which the sweep passes.
        also: ``"the retry"``: where the body comes back after a retry, break that as well.

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
        also: str | None = None,
    ) -> None:
        if also not in (None, THE_RETRY):
            raise SettingError("also", also, f"{THE_RETRY!r}, or left out")
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
        self._also = also
        self._timeout_s = (
            None if round_timeout_s is None else positive_seconds_of("round_timeout_s", round_timeout_s)
        )
        self._accepted = _kinds(accept)
        self._calm_s = self._all_s = 0.0
        self._left_open = 0  # by the calm round
        self._texts: dict[Point, str] = {}  # of what a round raised
        self._retries: dict[Point, Record] = {}  # by the break that they are after
        self._retry_spans: list[Span] = []  # those that are not in the plan yet
        self._left_out = 0  # retries that were too long to be recorded

    def __iter__(self) -> Iterator[Round]:
        try:
            for step in self._steps():
                if isinstance(step, Round):
                    yield step
                else:
                    step.result()
        finally:
            self.proxy.close()

    def __aiter__(self) -> AsyncIterator[Round]:
        return AsyncRounds(self.async_proxy, self._steps())

    @cached_property
    def async_proxy(self) -> AsyncChaosProxy:
        """The proxy, for an async test."""
        return async_handle_of(self.proxy)

    def _steps(self) -> Iterator[Round | Future[Any]]:
        """Yield each round, and what is to be waited for before the next one."""
        began_at = monotonic()
        calm = self.current = Round(self, None, self._timeout_s, self.record)
        yield calm
        self._check_calm(calm)
        self._calm_s = self._all_s = calm.duration_s
        self._left_open = yield from self._leaked()
        self.plan = Plan(
            spans_of(self.record, self.broken),
            exhaustive=self._exhaustive,
            most_rounds=self._max_rounds,
            part=self._options.part,
        )
        self.current = None
        if self._options.is_plan_only:
            return
        timeout_s = self._timeout_s or max(TIMES_CALM * self._calm_s, LEAST_TIMEOUT_S)
        for point in self._points():
            self._show(self._progress_text(point))
            this = self.current = Round(self, point, timeout_s, self._retry_record(point))
            yield this
            leaked = yield from self._leaked()
            self.note(point, this.outcome(self._expected_connections(point), leaked), this.exc_text)
            self._take_retry(this)
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
        broken = [
            each
            for each in (this.point.breaks if this.point else [])
            if (each.connection, each.direction) == (connection, direction)
        ]
        added = Faults()
        if broken:
            added = break_faults(self._record_of(broken[0]), self.broken, broken[0])
        elif this.record is not None:
            added = this.record.faults(connection, direction)
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
            self._options.part,
            self._also,
            self._left_out,
        )

    def conclude(self, exc: BaseException | None) -> None:
        """Take in the end of the test, and the exception with which it ended the sweep behind a body."""
        self.proxy.close()
        if self.current is not None and self.current.point is not None and exc is not None:
            self.note(self.current.point, outcome_of(exc), text_of(exc))

    def failed_round(self) -> Point | None:
        """Return the point to repeat: of the round that ended the sweep, or of the first one not accepted."""
        if self.current is not None:
            return self.current.point
        failed = (point for point, each in self.plan.outcomes.items() if each.kind not in self._accepted)
        return next(failed, None)

    def describe(self, point: Point) -> str:
        """Describe the break of a round."""
        places = [place_text(self._record_of(each), each) for each in point.breaks]
        parts = [f"{self.broken.kind.value}, {AND_THEN.join(places)}"]
        outcome = self.plan.outcomes.get(point)
        if outcome is not None:
            parts.append(str(outcome))
        if raised := self._texts.get(point):
            parts.append(raised.removeprefix(f"{parts[-1]}: "))
        return ": ".join(parts)

    def _show(self, text: str) -> None:
        if self._options.on_progress is not None:
            self._options.on_progress(text)

    def _check_calm(self, calm: Round) -> None:
        calm.check_use()
        if self.record.is_too_long:
            raise SweepError(f"the calm round has more than {len(self.record.reads) - 1:,} reads: sweep less")
        if not self.record.connections:
            raise SweepError("the body opened no connection through the proxy: there is nothing to break")

    def _points(self) -> Iterator[Point]:
        only = self._options.only
        if only is None:
            yield from iter(self.plan.next_point, None)
            self._plan_retries()
            yield from iter(self.plan.next_point, None)
        elif only[0] == self.number:
            for point in only[1].breaks:  # the first break alone as well: its round records the retry
                if point not in self.plan:
                    accepts = "a point of this sweep: of its calm round, or of the retry after the first one"
                    raise SettingError("point", only[1].id, accepts)
                yield point
                self._plan_retries()

    def _record_of(self, point: Point) -> Record:
        return self.record if point.after is None else self._retries[point.after]

    def _expected_connections(self, point: Point) -> int:
        """Return how many connections a round has without a further retry."""
        return self.record.connections + (self._retries[point.after].connections if point.after else 0)

    def _retry_record(self, point: Point) -> Record | None:
        """Return the record for what passes in a round after its break; ``None``: that is not of interest."""
        if self._also is None or point.after is not None:
            return None
        kept = self._retries.values()
        most_reads = MOST_READS - sum(len(each.reads) for each in kept)
        return Record(most_reads, MOST_KEPT_BYTES - sum(each.kept_bytes for each in kept))

    def _take_retry(self, this: Round) -> None:
        """Keep what passed in a round after its break, if the body came back."""
        point, record = this.point, this.record
        if point is None or record is None or self.plan.outcomes[point] != AFTER_RETRY:
            return
        if record.is_too_long:
            self._left_out += 1
            return
        first = max(this.opened_before, point.connection) + 1
        retry = record.only(first, this.connections - self.record.connections)
        self._retries[point] = retry
        self._retry_spans += spans_of_retry(retry, self.broken, point)

    def _plan_retries(self) -> None:
        self.plan.add(self._retry_spans)
        self._retry_spans = []

    def _leaked(self) -> Generator[Future[Any], None, int]:
        """Yield what is to be waited for; end the connections that stay open, and return how many there are.

        As many as after the calm round do not count.
        """
        background = self.proxy.background
        point = self.current.point if self.current is not None else None
        # Of such a break, the proxy does not see that the program has closed the connection.
        unseen = [each.connection for each in point.breaks] if point and self.broken.holds_end else []
        give_up_at = monotonic() + LEAK_GRACE_S
        while True:
            background.send(GetProxy())  # from now on, a pause ends when a connection does
            opened = background.submit(background.proxy.registry.all)
            yield opened
            count = sum(each.number not in unseen for each in opened.result()) - self._left_open
            left_s = give_up_at - monotonic()
            if count <= 0 or left_s <= 0:
                break
            yield background.pause(left_s)
        yield background.submit(partial(reset_all, self.proxy, ROUND_IS_OVER))
        return max(count, 0)

    def _progress_text(self, point: Point) -> str:
        done, places = len(self.plan.outcomes), AND_THEN.join(map(str, point.breaks))
        return f"sweep: round {done + 1:,} of {self.plan.least_rounds + 1:,}: {places}"

    def _failure_text(self, failed: list[Point]) -> str:
        first = self.describe(failed[0])
        return f"{len(failed)} of {counted(len(self.plan.outcomes), 'round')} failed; the first: {first}"


class Round:
    """A round: the network of one run of the body. Use it with ``with``, which gives its proxy.

    With ``async with`` it gives a proxy for an async test. An exception in the body ends the round, and not
    the sweep; so does a body that hangs.

    Args:
        sweep: Its sweep.
        point: Where it breaks; ``None``: it is calm.
        timeout_s: The time after which it hangs; ``None``: it never does.
        record: The record for what passes on connections that it does not break; ``None``: none is kept.
    """

    def __init__(
        self, sweep: Sweep, point: Point | None, timeout_s: float | None, record: Record | None
    ) -> None:
        self.point = point
        self.record = record
        self.connections = 0
        """Those that were opened."""
        self.opened_before = 0
        """The number of the last one that was opened before its break."""
        self.duration_s = 0.0
        self.was_used = False
        self.exc_text = ""
        self._sweep = sweep
        self._outcome = Outcome(Kind.OK)
        self._has_struck = False
        self._watchdog = Watchdog(sweep.proxy, timeout_s, sweep._options.on_hang)

    def __enter__(self) -> ChaosProxy:
        self._submit(self._begin).result()
        self._start()
        return self._sweep.proxy

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        try:
            self._stop().result()
        finally:
            self._watchdog.restore()
        return self._take(exc)

    async def __aenter__(self) -> AsyncChaosProxy:
        await wait_future(self._submit(self._begin))
        self._scope = anyio.CancelScope()
        self._scope.__enter__()
        self._start(self._scope)
        return self._sweep.async_proxy

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> bool:
        stopped = self._stop()
        try:
            if self._scope.__exit__(kind, exc, trace):
                exc = None
        except BaseException as rest:  # of a group: what the scope did not cancel
            exc = rest
        try:
            with anyio.CancelScope(shield=True):
                await wait_future(stopped)
        finally:
            self._watchdog.restore()
        return self._take(exc)

    def note(self, outcome: Outcome, text: str = "") -> None:
        """Take in the outcome of a body that raises no exception, such as that of another program.

        Args:
            outcome: The outcome; a hang or a leak takes its place.
            text: More about it, for the report.
        """
        self._outcome, self.exc_text = outcome, text

    def check_use(self) -> None:
        """Raise ``SweepError`` if the body was not run in it."""
        if not self.was_used:
            raise SweepError("the round was not used with `with` or `async with`: there is nothing to break")

    def outcome(self, expected_connections: int, leaked: int) -> Outcome:
        """Return the outcome.

        Args:
            expected_connections: The connections that the body opens if it does not retry.
            leaked: The connections that are still open.
        """
        self.check_use()
        if leaked and self._outcome.kind in (Kind.OK, Kind.ERROR):
            return Outcome(Kind.LEAK, f"of {counted(leaked, 'connection')}")
        if self._outcome.kind is Kind.OK and not self._has_struck:
            return Outcome(Kind.OK, "(it did not come to the break)")
        if self._outcome.kind is Kind.OK and self.connections > expected_connections:
            return AFTER_RETRY
        return self._outcome

    def _submit(self, call: Callable[[], None]) -> Future[None]:
        return self._sweep.proxy.background.submit(call)

    def _begin(self) -> None:
        sweep = self._sweep
        reset_all(sweep.proxy, ROUND_IS_OVER)
        sweep.proxy.background.journal.start_over()
        sweep.proxy.background.proxy.reseed(sweep.proxy.seed)
        sweep.proxy.background.proxy.replay = partial(sweep.faults, self)

    def _start(self, scope: anyio.CancelScope | None = None) -> None:
        self.was_used = True
        self._began_at = monotonic()
        self._watchdog.start(scope)

    def _stop(self) -> Future[None]:
        self.duration_s = monotonic() - self._began_at
        self._watchdog.begin_stop()
        return self._submit(self._look)

    def _look(self) -> None:
        """See whether the last break struck, and which connections were there."""
        last = self.point and self.point.breaks[-1]
        for entry in self._sweep.proxy.background.journal.entries:
            if isinstance(entry, Opened) and not self._has_struck:
                self.opened_before = max(self.opened_before, entry.connection)
            elif isinstance(entry, Strike) and last:
                place = entry.connection, entry.direction, entry.input_bytes
                self._has_struck |= place == (last.connection, last.direction, last.offset_bytes)

    def _take(self, exc: BaseException | None) -> bool:
        """Take in how the body ended; return whether that is all, and the sweep goes on."""
        if not all(isinstance(each, Exception | RoundTimeout) for each in _causes(exc)):
            return False
        is_over = self._watchdog.is_over
        if exc is not None:
            self.exc_text, self._outcome = text_of(exc), outcome_of(exc)
        if is_over:
            self._outcome = Outcome(Kind.HANG)
        if self.point is None and self._outcome.kind is not Kind.OK:
            what = "hangs" if is_over else f"fails without any break: {self.exc_text}"
            raise SweepError(f"{self._sweep._options.subject} {what}") from exc
        return True


class AsyncRounds(AsyncIterator[Round]):
    """The rounds of a sweep, for ``async for``. No generator: Trio complains of one that a test leaves.

    Args:
        proxy: The proxy of the sweep.
        steps: Its rounds, and what is to be waited for between them.
    """

    def __init__(self, proxy: AsyncChaosProxy, steps: Iterator[Round | Future[Any]]) -> None:
        self._proxy = proxy
        self._steps = steps

    async def __anext__(self) -> Round:
        try:
            for step in self._steps:
                if isinstance(step, Round):
                    return step
                await wait_future(step)
        except BaseException:
            await self._proxy.close()
            raise
        await self._proxy.close()
        raise StopAsyncIteration


def _kinds(names: Collection[str]) -> set[Kind]:
    try:
        return {Kind(each) for each in ([names] if isinstance(names, str) else names)}
    except ValueError:
        accepts = f"some of {', '.join(repr(each.value) for each in Kind)}"
        raise SettingError("accept", names, accepts) from None


def outcome_of(exc: BaseException) -> Outcome:
    """Return the outcome of a body that raised an exception."""
    cause = _causes(exc)[0]
    if isinstance(cause, AssertionError):
        return Outcome(Kind.WRONG)
    return Outcome(Kind.ERROR, type(cause).__name__)


def text_of(exc: BaseException) -> str:
    """Return an exception as one line."""
    cause = _causes(exc)[0]
    return " ".join(f"{type(cause).__name__}: {cause}".split())[:MOST_TEXT]


def _causes(exc: BaseException | None) -> list[BaseException]:
    """Return an exception, or those in a group, as task groups raise it; assertions first."""
    if isinstance(exc, BaseExceptionGroup):
        causes = [cause for each in exc.exceptions for cause in _causes(each)]
        return sorted(causes, key=lambda each: not isinstance(each, AssertionError))
    return [] if exc is None else [exc]
