"""The pytest plugin: the fixtures ``chaos`` and ``chaos_session``, the mark ``chaos``, and the seed.

pytest loads this module wherever trixter is installed. So it imports nothing heavy of trixter before a test
first uses a fixture.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from trixter.errors import JournalError, TrixterError

if TYPE_CHECKING:
    from trixter.control.journal import Bundle
    from trixter.testing.chaos import Chaos, SessionChaos

# The size of a seed that a run draws: short enough to be copied by hand.
RUN_SEED_BITS = 32

SECTION = "trixter: the network of this test"

CHAOS_MARK = (
    "chaos({}): faults that the proxies of `chaos` start with, and those of `chaos_session` have during the "
    "test (trixter)"
)

USED = pytest.StashKey["list[Chaos]"]()
"""Of a test: the makers of its proxies."""

RUN_NUMBER = pytest.StashKey[int]()
"""Of a test: the number of its run, from 1. Another plugin may run a test again."""

SESSION = pytest.StashKey["SessionChaos"]()
"""Of the configuration: the value of ``chaos_session``, once a test has used it."""

PROFILE_PARAM = "chaos_profile"
"""The parameter of a test whose mark has several profiles."""

# Of an error that trixter raises on purpose, the report shows no frame of these: its text has all of it.
HIDDEN_PACKAGES = {"trixter", "anyio", "asyncio", "concurrent"}

PART = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")

RUN_SEED = pytest.StashKey[int]()
IS_SEED_GIVEN = pytest.StashKey[bool]()

SWEEP_PART = pytest.StashKey[tuple[int, int]]()
"""Which part of the points of each sweep a run tries, from 1, and of how many."""

BUNDLE = pytest.StashKey["Bundle | None"]()
"""Of the configuration: the bundle that ``--chaos-replay`` repeats."""

REPLAYED = pytest.StashKey[Path]()
"""Of a test: the journal that it repeats."""

BEGAN_AT = pytest.StashKey[float]()
"""Of a test that uses ``chaos``: the time when it began, after the fixtures of wider scopes."""

TIMEOUT_SETTINGS = pytest.StashKey[Any]()
"""Of a test: the settings of pytest-timeout."""

RERUN_REPLAY = pytest.StashKey[Any]()
"""Of a test while it is run again to shrink its failure: finds the replays of its proxies."""

TEARDOWN_ERROR = pytest.StashKey[BaseException]()
"""Of a test whose failure was shrunk: the error of its own teardown, which came before that."""

SWEEP_PROPERTY = "trixter_sweep"
"""The name of a test's property that has the map of a sweep; reports carry it from pytest-xdist's workers."""

WORKER_KEY = "trixter_chaos_seed"
"""The key of the seed in the input of pytest-xdist's workers."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trixter", "network faults (trixter)")
    text = "The seed of all randomness of the network. A failing test shows it."
    group.addoption("--chaos-seed", metavar="N", help=text)
    text = "Repeat a journal of a test that failed: the same faults at the same bytes."
    group.addoption("--chaos-replay", metavar="FILE", help=text)
    text = "Write a bundle of each test that fails to this folder: --chaos-replay repeats it elsewhere."
    group.addoption("--chaos-bundle", metavar="FOLDER", help=text)
    text = "Write the maps of all sweeps to a file, as JSON."
    group.addoption("--chaos-sweep-report", metavar="FILE", help=text)
    text = "Run only the calm round of each sweep, and show how many rounds it would have, and how long."
    group.addoption("--chaos-sweep-plan", action="store_true", help=text)
    text = "Run only this round of a sweep, after the calm one. A failing test shows it."
    group.addoption("--chaos-sweep-round", metavar="SWEEP/POINT", help=text)
    text = "Try only a part of the points of each sweep, such as 1/4: one run for each part tries them all."
    group.addoption("--chaos-sweep-part", metavar="N/PARTS", help=text)
    text = "Find the fewest decisions of faults with which a failed test still fails."
    group.addoption("--chaos-shrink", action="store_true", help=text)
    text = "The time for that, such as 60s, which is the default; 20s for a test that is shrunk by itself."
    group.addoption("--chaos-shrink-time", metavar="TIME", help=text)
    text = "Whether to do that also without --chaos-shrink, for a failed test that took less than 2 s."
    parser.addini("chaos_shrink", text, type="bool", default=True)
    parser.addini("chaos_seed", "The seed, if --chaos-seed gives none: the same randomness in every run.")
    parser.addini("chaos_profiles", "TOML files with profiles of your own.", type="paths", default=[])


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", CHAOS_MARK.format(_keywords_of_mark(config)))
    bundle = config.stash[BUNDLE] = _replayed_bundle(config)
    # A worker of pytest-xdist gets the seed that the controller process drew.
    from_controller = getattr(config, "workerinput", {}).get(WORKER_KEY)
    of_bundle = bundle and str(bundle.seed)
    given = from_controller or config.getoption("chaos_seed") or of_bundle or config.getini("chaos_seed")
    seed = given or str(secrets.randbits(RUN_SEED_BITS))
    if not seed.isascii() or not seed.isdigit():
        raise pytest.UsageError(f"the chaos seed must be a whole number, 0 or more, not {seed!r}")
    config.stash[RUN_SEED] = int(seed)
    config.stash[IS_SEED_GIVEN] = bool(given)
    config.stash[SWEEP_PART] = _sweep_part_of(config)
    if config.getoption("chaos_shrink_time") is not None:
        from trixter.testing.reruns import shrink_seconds

        shrink_seconds(config)  # refuses what is no time


def _sweep_part_of(config: pytest.Config) -> tuple[int, int]:
    given = config.getoption("chaos_sweep_part")
    if given is None:
        return 1, 1
    found = PART.fullmatch(given)
    number, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= parts:
        accepts = "the number of a part and how many there are, such as 1/4"
        raise pytest.UsageError(f"--chaos-sweep-part must be {accepts}, not {given!r}")
    if config.getoption("chaos_sweep_round") is not None:
        raise pytest.UsageError("--chaos-sweep-round names its point: it does not go with --chaos-sweep-part")
    return number, parts


def _replayed_bundle(config: pytest.Config) -> Bundle | None:
    """Return the bundle that is to be repeated, and let its test run if the command names no other.

    Raises:
        pytest.UsageError: If the file is no journal that can be repeated.
    """
    given = config.getoption("chaos_replay")
    if given is None:
        return None
    from trixter.control.journal import read_bundle

    try:
        bundle = read_bundle(config.invocation_params.dir / given)
    except JournalError as exc:
        raise pytest.UsageError(f"--chaos-replay: {exc}") from None
    if bundle is not None and config.args_source is not config.ArgsSource.ARGS:
        config.args = [f"{config.rootpath}/{bundle.test}"]
    return bundle


def _keywords_of_mark(config: pytest.Config) -> str:
    """Return the parameters of the mark; with the names of the faults only for ``pytest --markers``."""
    faults = "**faults"
    if config.getoption("markers", default=False):
        from trixter.faults import CATALOGUE

        faults = ", ".join(f"{entry.name}=None" for entry in CATALOGUE)
    return f"*faults, profile=None, {faults}, connection_duration=None, direction=None, replay=None"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[WORKER_KEY] = str(node.config.stash[RUN_SEED])


def pytest_report_header(config: pytest.Config) -> list[str]:
    lines = [f"chaos seed: {config.stash[RUN_SEED]}"] if config.stash[IS_SEED_GIVEN] else []
    if (bundle := config.stash[BUNDLE]) is not None:
        from trixter.testing.bundle import origin_lines

        lines += origin_lines(bundle)
    return lines


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat a test for each of the profiles of its closest mark that has any."""
    profiles = mark_kwargs_with_profile(metafunc.definition).get("profile")
    is_used = not {"chaos", "chaos_session"}.isdisjoint(metafunc.fixturenames)
    if is_used and isinstance(profiles, list | tuple) and profiles:
        metafunc.fixturenames.append(PROFILE_PARAM)
        metafunc.parametrize(PROFILE_PARAM, profiles, ids=[getattr(each, "name", each) for each in profiles])


def mark_kwargs_with_profile(item: pytest.Item) -> Mapping[str, Any]:
    """Return the keywords of the closest mark that has a profile: it replaces those of the others."""
    marks = (mark.kwargs for mark in item.iter_markers("chaos"))
    return next((kwargs for kwargs in marks if kwargs.get("profile") is not None), {})


@pytest.fixture
def chaos(request: pytest.FixtureRequest) -> Iterator[Chaos]:
    """Put a bad network between the test and its servers.

    ``chaos.proxy("127.0.0.1:5432")`` is a running proxy for a sync test, ``chaos.async_proxy(...)`` for one
    on asyncio or Trio; each fault is a method. All proxies are closed after the test.
    """
    _note_begin(request.node)
    from trixter.testing._pytest_support import new_chaos

    with new_chaos(request.node) as chaos:
        request.node.stash.setdefault(USED, []).append(chaos)
        yield chaos


@pytest.fixture(scope="session")
def chaos_session(request: pytest.FixtureRequest) -> Iterator[SessionChaos]:
    """Put a bad network between all tests and a server that is slow to start.

    As ``chaos``, but its proxies live until the end of the session. What a test changes is reverted after
    the test; what a fixture of a wider scope changes stays.
    """
    from trixter.testing._pytest_support import new_session_chaos

    with new_session_chaos(request.config) as chaos:
        request.config.stash[SESSION] = chaos
        yield chaos
        del request.config.stash[SESSION]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if RERUN_REPLAY not in item.stash:
        # pytest-rerunfailures also counts runs in workers that crashed; other plugins do not count.
        run_number = item.stash.get(RUN_NUMBER, 0) + 1
        item.stash[RUN_NUMBER] = max(run_number, getattr(item, "execution_count", 1))
    if USED in item.stash:
        del item.stash[USED]  # of the run before: its proxies are closed
    if BEGAN_AT in item.stash:
        del item.stash[BEGAN_AT]


# A test begins with its first fixture of function scope, or with its own call. By then the fixtures of wider
# scopes have been set up, and what they did to a proxy of the session is not reverted after the test.


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> None:
    if fixturedef.scope == "function":
        _begin(request.node)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    _begin(item)
    result = yield
    used = item.stash.get(USED, None)
    if used and RERUN_REPLAY not in item.stash:  # and the test has passed: otherwise `yield` raises
        from trixter.testing._pytest_support import forget_failure, warn_of_unused

        warn_of_unused(item, used)
        forget_failure(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    result = yield
    if RERUN_REPLAY not in item.stash and TEARDOWN_ERROR in item.stash:
        error = item.stash[TEARDOWN_ERROR]
        del item.stash[TEARDOWN_ERROR]
        raise error
    return result


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> None:
    item.stash[TIMEOUT_SETTINGS] = settings


def _begin(item: pytest.Item) -> None:
    if "chaos" in getattr(item, "fixturenames", ()):
        _note_begin(item)
    session = item.config.stash.get(SESSION, None)
    if session is None or "chaos_session" not in getattr(item, "fixturenames", ()):
        return
    used = item.stash.setdefault(USED, [])
    if session not in used:
        from trixter.testing._pytest_support import begin_in_session

        used.append(session)
        item.addfinalizer(begin_in_session(session, item))


def _note_begin(item: pytest.Item) -> None:
    from trixter.monotonic import monotonic

    item.stash.setdefault(BEGAN_AT, monotonic())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    if call.excinfo is not None and not item.config.getoption("fulltrace"):
        _hide_own_frames(call.excinfo.value)
    used = item.stash.get(USED, None)
    if used and call.when == "call":
        from trixter.testing._pytest_support import conclude_sweeps

        conclude_sweeps(item, used, call.excinfo.value if call.excinfo is not None else None)
    report = yield
    if used and report.failed:
        from trixter.testing._pytest_support import section_text

        report.sections.append((SECTION, section_text(item, used, call)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    sweeps = [
        {"test": report.nodeid, **value}
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == SWEEP_PROPERTY
    ]
    if sweeps:
        terminalreporter.section("trixter: sweeps")
    for sweep in sweeps:
        terminalreporter.write_line(sweep["test"])
        for line in sweep["lines"]:
            terminalreporter.write_line(f"  {line}")
    path = config.getoption("chaos_sweep_report")
    if path is not None:
        for sweep in sweeps:
            del sweep["lines"]
        text = json.dumps(sweeps, indent=2) + "\n"
        try:
            (config.invocation_params.dir / path).write_text(text, encoding="utf-8")
        except OSError as exc:
            raise pytest.UsageError(f"--chaos-sweep-report: {exc}") from None


def _hide_own_frames(exc: BaseException) -> None:
    """End the traceback of an error that trixter raised on purpose at the line of the test."""
    entry = exc.__traceback__ if isinstance(exc, TrixterError) else None
    while entry is not None:
        while entry.tb_next is not None and _package_of(entry.tb_next) in HIDDEN_PACKAGES:
            entry.tb_next = entry.tb_next.tb_next
        entry = entry.tb_next


def _package_of(entry: TracebackType) -> str:
    return str(entry.tb_frame.f_globals.get("__name__")).partition(".")[0]
