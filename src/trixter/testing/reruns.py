"""Reruns of a failed test, within its own protocol: the fixtures of the test are set up anew for each."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext, suppress
from functools import partial
from types import FrameType, TracebackType
from typing import Any, Literal, NamedTuple, Self
from unittest import TestCase

import pytest

from trixter.control.journal import Dropped, JournaledProxy, Replay
from trixter.errors import SettingError
from trixter.faults.validators import positive_seconds_of
from trixter.monotonic import monotonic
from trixter.testing.chaos import Chaos, FindReplay, SessionChaos, no_replay
from trixter.testing.pytest_plugin import (
    BEGAN_AT,
    REPLAYED,
    RERUN_REPLAY,
    TEARDOWN_ERROR,
    TIMEOUT_SETTINGS,
    USED,
)
from trixter.testing.shrink import Deltas, Failure, Shrink, Verdict
from trixter.testing.sweep import counted

# The time for a shrink that was asked for.
ASKED_S = 60.0

# The longest test that is shrunk by itself, the time for that, and the time for all tests of a run: a server
# that is down may fail hundreds of them.
LONGEST_AUTOMATIC_S = 2.0
AUTOMATIC_S = 20.0
ALL_AUTOMATIC_S = 60.0

SHRUNK_S = pytest.StashKey[float]()
"""Of the configuration: the time that tests were shrunk by themselves until now."""

# A run is this many times as long as the one that failed before it hangs, and at least so long.
TIMES_FAILED = 5
LEAST_TIMEOUT_S = 5.0

# From one interrupt of a run that hangs to the next: the test may catch it, or wait again in a `finally`.
INTERRUPT_AFTER_S = 1.0


class RunTimeout(BaseException):
    """The interrupt of a run that hangs. No ``Exception``: the test is not to catch it."""


class Deadline:
    """The end of a run that hangs: what the main thread does within ``with`` is interrupted.

    Args:
        seconds: The time after which it hangs.
    """

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        """Whether the time was over."""
        self._seconds = seconds
        self._may_interrupt = False
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="deadline of a rerun", daemon=True)

    @staticmethod
    def is_possible() -> bool:
        """Return whether the calling thread can be interrupted."""
        return threading.current_thread() is threading.main_thread() and hasattr(signal, "pthread_kill")

    def start(self) -> None:
        """Begin to watch the calling thread, if it can be interrupted."""
        if self.is_possible():
            self._former = signal.signal(signal.SIGINT, self._on_signal)
            self._thread.start()

    def stop(self) -> None:
        """Watch no more. Idempotent."""
        self._stopped.set()
        if self._thread.ident is not None:  # it was started
            self._thread.join()
            signal.signal(signal.SIGINT, self._former)

    def __enter__(self) -> None:
        self._may_interrupt = True

    def __exit__(self, *_: object) -> None:
        self._may_interrupt = False

    def _watch(self) -> None:
        seconds = self._seconds
        while not self._stopped.wait(seconds):
            self.is_over = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            seconds = INTERRUPT_AFTER_S

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.is_over:
            if self._may_interrupt:
                raise RunTimeout("the run hangs")
        elif callable(self._former):
            self._former(number, frame)


class Reruns:
    """Runs of a test in place of the one that failed, whose teardown comes first. Use it with ``with``.

    pytest makes the report of a failed call while the fixtures of the test are there, and tears them down
    later. So at the end the test is set up once more, without any fixture: then pytest's own teardown has a
    setup before it, as all plugins expect, and ends just the fixtures of wider scopes.

    Args:
        item: The test.
        exc: Its exception.
    """

    def __init__(self, item: pytest.Function, exc: BaseException) -> None:
        self._item = item
        self._failure = Failure.of(exc, str(item.path))
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        item = self._item
        self._timeout("cancel")
        with suppress(KeyError):
            del item.stash[USED]
        if (excinfo := self._phase("teardown")) is not None:
            item.stash[TEARDOWN_ERROR] = excinfo.value
        # What the runs print, log, report and warn of is theirs.
        self._sections = len(item._report_sections)
        self._properties = len(item.user_properties)
        self._exits.enter_context(warnings.catch_warnings(record=True))
        live = getattr(item.config.pluginmanager.get_plugin("logging-plugin"), "log_cli_handler", None)
        if live is not None:
            self._exits.callback(live.setLevel, live.level)
            live.setLevel(logging.CRITICAL + 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        item = self._item
        names, item.fixturenames = item.fixturenames, []
        item.stash[RERUN_REPLAY] = no_replay
        try:
            self._begin()
            self._phase("setup")
        finally:
            item.fixturenames = names
            del item.stash[RERUN_REPLAY]
            self._exits.close()
            self._timeout("set")

    def run(self, find_replay: FindReplay, seconds: float) -> Verdict:
        """Run the test once; return how it ended.

        Args:
            find_replay: Finds the replay of each of its proxies.
            seconds: The time after which it hangs.
        """
        item = self._item
        item.stash[RERUN_REPLAY] = find_replay
        self._timeout("set")
        deadline = Deadline(seconds)
        try:
            deadline.start()
            self._begin()
            set_up = self._phase("setup", deadline)
            called = self._phase("call", deadline) if set_up is None else None
        finally:
            deadline.stop()
            torn_down = self._phase("teardown")
            self._timeout("cancel")
            del item.stash[RERUN_REPLAY]
            del item._report_sections[self._sections :]
            del item.user_properties[self._properties :]
        if deadline.is_over:
            return Verdict.HANGS
        if called is not None and Failure.of(called.value, str(item.path)) == self._failure:
            return Verdict.FAILS
        return Verdict.DIFFERS if set_up or called or torn_down else Verdict.PASSES

    def _begin(self) -> None:
        """Make the test as new: with no values of fixtures, and no instance of its class."""
        item = self._item
        if item.cls is not None:
            with suppress(AttributeError):
                del item._instance
            item._obj = None
        item._initrequest()

    def _phase(
        self, when: Literal["setup", "call", "teardown"], deadline: Deadline | None = None
    ) -> pytest.ExceptionInfo[BaseException] | None:
        """Run a phase with its hooks; return the exception.

        Its fixtures of wider scopes stay: the next item is the collector of this one.
        """
        item = self._item
        hook: Callable[..., object] = getattr(item.ihook, f"pytest_runtest_{when}")
        more: dict[str, Any] = {"nextitem": item.parent} if when == "teardown" else {}

        def call() -> None:
            with deadline or nullcontext():
                hook(item=item, **more)

        return pytest.CallInfo.from_call(call, when, (KeyboardInterrupt, pytest.exit.Exception)).excinfo

    def _timeout(self, what: Literal["set", "cancel"]) -> None:
        """Set or cancel the timer of pytest-timeout, if it is for the whole test."""
        settings = self._item.stash.get(TIMEOUT_SETTINGS, None)
        if settings is None or settings.func_only:
            return
        more = {"settings": settings} if what == "set" else {}
        getattr(self._item.ihook, f"pytest_timeout_{what}_timer")(item=self._item, **more)


class Shrunk(NamedTuple):
    """The result of a shrink.

    Args:
        lines: For the report.
        journal_lines: The journal of the fewest decisions; none if it is that of the run that failed.
    """

    lines: list[str]
    journal_lines: list[str]


def shrink_seconds(config: pytest.Config) -> float:
    """Return the time for the shrink of a failure that the run gives.

    Raises:
        pytest.UsageError: If it is no time.
    """
    given: str | None = config.getoption("chaos_shrink_time")
    if given is None:
        return ASKED_S
    try:
        return positive_seconds_of("--chaos-shrink-time", given)
    except SettingError as exc:
        raise pytest.UsageError(str(exc)) from None


def shrink_failure(
    item: pytest.Item,
    used: Sequence[Chaos],
    exc: BaseException,
    on_progress: Callable[[str], None] | None,
) -> Shrunk:
    """Find the fewest decisions with which a test fails as it did, if that was asked for or is quick.

    Args:
        item: The test, whose call has failed.
        used: The makers of its proxies.
        exc: Its exception.
        on_progress: Called with a line before each run, and with none behind the last.
    """
    is_asked: bool = item.config.getoption("chaos_shrink")
    if not is_asked and not _may_shrink_by_itself(item):
        return Shrunk([], [])
    if why := _obstacle(item, used):
        return Shrunk([f"not shrunk: {why}"] if is_asked else [], [])
    took_s = monotonic() - item.stash[BEGAN_AT]
    most_s = shrink_seconds(item.config)
    if not is_asked:
        most_s = min(most_s, AUTOMATIC_S, ALL_AUTOMATIC_S - item.config.stash.get(SHRUNK_S, 0.0))
        if took_s >= min(LONGEST_AUTOMATIC_S, most_s):
            return Shrunk([], [])
    assert isinstance(item, pytest.Function)
    began_at = monotonic()
    try:
        return _shrunk(item, used[0], exc, took_s, most_s, on_progress or (lambda text: None))
    finally:
        if not is_asked:
            item.config.stash[SHRUNK_S] = item.config.stash.get(SHRUNK_S, 0.0) + monotonic() - began_at


def _may_shrink_by_itself(item: pytest.Item) -> bool:
    # A replay has been shrunk before, if it can be. Without capture, the output of all runs would be shown.
    is_captured = item.config.getoption("capture") != "no"
    is_on: bool = item.config.getini("chaos_shrink")
    return is_on and is_captured and REPLAYED not in item.stash and Deadline.is_possible()


def _shrunk(
    item: pytest.Function,
    chaos: Chaos,
    exc: BaseException,
    took_s: float,
    most_s: float,
    show: Callable[[str], None],
) -> Shrunk:
    deltas = _deltas_of(chaos)
    shrink = Shrink(len(deltas))
    timeout_s = max(TIMES_FAILED * took_s, LEAST_TIMEOUT_S)
    began_at = monotonic()
    ended_by = ""
    try:
        with Reruns(item, exc) as reruns:
            while (kept := shrink.next_run()) is not None:
                left_s = most_s - (monotonic() - began_at)
                if left_s <= took_s:
                    ended_by = f"; then the {most_s:g} s were over"
                    break
                show(f"shrink: run {shrink.runs + 1:,}, {counted(len(shrink.kept), 'decision')} left")
                find_replay = partial(_replay_or_calm, deltas.replays(kept))
                verdict = reruns.run(find_replay, min(timeout_s, left_s))
                if verdict is not Verdict.HANGS or timeout_s <= left_s:  # the end of the time is no verdict
                    shrink.note(verdict)
    except (KeyboardInterrupt, pytest.exit.Exception):
        ended_by = "; then it was interrupted"
        item.session.shouldstop = "interrupted while the failure of a test was shrunk"
    show("")
    cost = f"{counted(shrink.runs, 'run')} in {monotonic() - began_at:.1f} s{ended_by}"
    first, *others = shrink.lines(deltas.texts())
    is_less = 0 < len(shrink.kept) < len(deltas)
    return Shrunk(
        [first, *(f"  {line}" for line in [*others, cost])],
        deltas.journal_lines(shrink.kept) if is_less else [],
    )


def _obstacle(item: pytest.Item, used: Sequence[Chaos]) -> str:
    """Return why the failure of a test cannot be shrunk; empty if it can."""
    chaos = used[0]
    settings = item.stash.get(TIMEOUT_SETTINGS, None)
    cls = getattr(item, "cls", None)
    obstacles = {
        "Hypothesis shrinks it itself": getattr(getattr(item, "obj", None), "is_hypothesis_test", False),
        "pytest runs no test of unittest again": cls is not None and issubclass(cls, TestCase),
        "its subtests would be reported again": "subtests" in getattr(item, "fixturenames", ()),
        "pytest-rerunfailures runs it again": hasattr(item, "execution_count"),
        "it is expected to fail": item.get_closest_marker("xfail") is not None,
        "a debugger was asked for": item.config.getoption("usepdb") or item.config.getoption("trace"),
        "pytest-timeout would end the process": settings is not None and settings.method == "thread",
        "a sweep has its own breaks": any(each.sweeps for each in used),
        "other tests use the proxies of the session": any(isinstance(each, SessionChaos) for each in used),
        "it repeats a journal itself": REPLAYED not in item.stash and chaos.find_replay is not no_replay,
        "this version of pytest cannot": not hasattr(item, "_initrequest"),
        "": True,
    }
    found = next(text for text, is_there in obstacles.items() if is_there)
    return found or _obstacle_of(chaos)


def _obstacle_of(chaos: Chaos) -> str:
    if any(isinstance(each, Dropped) for each in chaos.journal()[1]):
        return "there are more decisions than are kept in memory"
    deltas = _deltas_of(chaos)
    if not len(deltas):
        return "no fault did anything"
    try:
        deltas.replays(frozenset(range(len(deltas))))
    except SettingError as exc:  # of a fault of the user's own
        return f"a decision cannot be repeated: {exc}"
    return ""


def _deltas_of(chaos: Chaos) -> Deltas:
    return Deltas([each.journaled for each in chaos.background_proxies], chaos.strikes())


def _replay_or_calm(replays: Mapping[str, Replay], name: str) -> Replay:
    """Return the replay of a proxy; one that the failed run did not come to is calm."""
    return replays.get(name) or Replay(JournaledProxy(name, 0, ""), ())
