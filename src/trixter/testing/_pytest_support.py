"""The heavy half of the pytest plugin, imported when a test first uses a fixture."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trixter.control.commands import GetProxy
from trixter.control.journal import divergence_text
from trixter.errors import JournalError, SettingError, TrixterError
from trixter.profiles import Profile, all_profiles, pick_profile, read_profiles
from trixter.settings import Defaults
from trixter.testing.background import BackgroundProxy
from trixter.testing.bundle import bundle_of, origin_lines, write_bundle
from trixter.testing.calm_round import Point
from trixter.testing.chaos import Chaos, SessionChaos, seed_for
from trixter.testing.mark import apply_mark
from trixter.testing.pytest_plugin import (
    BUNDLE,
    IS_SEED_GIVEN,
    PROFILE_PARAM,
    REPLAYED,
    RERUN_REPLAY,
    RUN_NUMBER,
    RUN_SEED,
    RUN_SEED_BITS,
    SWEEP_PART,
    SWEEP_PROPERTY,
    mark_kwargs_with_profile,
)
from trixter.testing.reruns import shrink_failure
from trixter.testing.rounds import SweepOptions
from trixter.testing.unused_faults import UnusedFaultsWarning

# The argument of the mark that names a journal, beside the test's file.
REPLAY_KEYWORD = "replay"

# As many as a person still reads.
STRIKES_SHOWN = 20
MOST_MISSING = 5


def new_chaos(item: pytest.Item) -> Chaos:
    """Return the ``Chaos`` of one test."""
    profiles = Profiles(item.config)
    chaos = Chaos(
        seed_of(item), defaults=defaults_after_marks(item, profiles, Defaults()), find_profile=profiles.find
    )
    chaos.sweep_options = _sweep_options_of(item)
    if RERUN_REPLAY in item.stash:
        chaos.find_replay = item.stash[RERUN_REPLAY]
    elif (journal := _replay_of(item)) is not None:
        wrong = ""
        try:
            chaos.replay(journal)
        except JournalError as exc:
            if journal == _remembered(item):  # of another version, perhaps
                forget_failure(item)
                del item.stash[REPLAYED]
            else:
                wrong = str(exc)
        if wrong:  # outside of `except`, so that pytest shows no traceback of it
            pytest.fail(wrong, pytrace=False)
    return chaos


def new_session_chaos(config: pytest.Config) -> SessionChaos:
    """Return the ``Chaos`` of the session."""
    return SessionChaos(seed_for(_run_seed(config), "session"), find_profile=Profiles(config).find)


def begin_in_session(session: SessionChaos, item: pytest.Item) -> Callable[[], None]:
    """Begin a test with the proxies of the session; return the function that ends it."""
    session.sweep_options = _sweep_options_of(item)
    return session.begin_test(seed_of(item), partial(defaults_after_marks, item, Profiles(item.config)))


def seed_of(item: pytest.Item) -> int:
    """Return the seed of a test: it depends on the run's seed and on the test's name."""
    return seed_for(_run_seed_of(item), _name_of(item))


def defaults_after_marks(item: pytest.Item, profiles: Profiles, defaults: Defaults) -> Defaults:
    """Return defaults with the test's marks applied; the closest mark is applied last."""
    closest = mark_kwargs_with_profile(item)
    for mark in reversed(list(item.iter_markers("chaos"))):
        wrong = ""
        try:
            keywords = {name: value for name, value in mark.kwargs.items() if name != REPLAY_KEYWORD}
            if isinstance(keywords.get("profile"), list | tuple):
                keywords["profile"] = _profile_of_run(item) if mark.kwargs is closest else None
            defaults = apply_mark(defaults, profiles.find, *mark.args, **keywords)
        except TrixterError as exc:
            wrong = f"@pytest.mark.chaos of {_name_of(item)}: {exc}"
        if wrong:  # outside of `except`, so that pytest shows no traceback of it
            pytest.fail(wrong, pytrace=False)
    return defaults


def _profile_of_run(item: pytest.Item) -> str | Profile:
    """Return the profile for which this is a run of the test."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    if PROFILE_PARAM not in params:
        profiles = mark_kwargs_with_profile(item)["profile"]
        accepts = "a name, or several"
        if profiles:
            accepts = "one name here: pytest repeats no test of unittest, and none marked while it runs"
        raise SettingError("profile", profiles, accepts)
    chosen: str | Profile = params[PROFILE_PARAM]
    return chosen


def section_text(item: pytest.Item, used: Sequence[Chaos], call: pytest.CallInfo[None]) -> str:
    """Return the section about the network in the report of a failing test."""
    exc = call.excinfo.value if call.excinfo is not None else None
    lines = network_report(used, exc)
    reruns = _run_number(item) - 1
    if reruns:
        lines.append(f"this was rerun {reruns}, with a seed of its own")
    replayed = item.stash.get(REPLAYED, None)
    journal = remember_failure(item, used) if replayed is None else None
    if replayed is not None and isinstance(exc, JournalError):
        forget_failure(item)  # the test has changed, and makes other proxies than when it failed
    elif call.when == "call" and exc is not None:
        shrunk = shrink_failure(item, used, exc, _progress_of(item))
        lines += shrunk.lines
        path = _remembered(item)
        if path is not None and shrunk.journal_lines:
            _write_journal(path, shrunk.journal_lines)
            lines.append(f"to repeat just that: {_replay_command_of(item, path)}")
            journal = None
    if replayed is not None:
        if (bundle := item.config.stash[BUNDLE]) is not None:
            lines += origin_lines(bundle)
        lines.append(f"to repeat this replay: {_replay_command_of(item, replayed)}")
        return "\n".join([*lines, *_bundle_lines(item, used)])
    for chaos in used:
        for sweep in chaos.sweeps:
            if sweep.is_calm and not isinstance(exc, TrixterError):
                lines.append("the test fails without any break: nothing was swept")
            if (point := sweep.failed_round()) is not None:
                lines.append(f"the round that failed: {sweep.describe(point)}")
                only = shlex.quote(f"{sweep.number}/{point.id}")
                lines.append(f"to repeat just that round: {_test_of(item)} --chaos-sweep-round={only}")
    lines.append(f"to repeat it: {command_of(item)}")
    if journal is not None:
        lines.append(f"to repeat it at the same bytes: {_replay_command_of(item, journal)}")
    return "\n".join([*lines, *_bundle_lines(item, used)])


def network_report(chaos: Sequence[Chaos], exc: BaseException | None) -> list[str]:
    """Return the lines about the proxies of a test.

    Args:
        chaos: The makers of the proxies.
        exc: The exception of the test.
    """
    proxies = [each for maker in chaos for each in maker.background_proxies]
    return [line for each in proxies for line in each.call(partial(_lines_of, each, exc))]


def conclude_sweeps(item: pytest.Item, used: Sequence[Chaos], exc: BaseException | None) -> None:
    """Put the maps of a test's sweeps into its report."""
    for chaos in used:
        for sweep in chaos.sweeps:
            sweep.conclude(exc)
            item.user_properties.append((SWEEP_PROPERTY, sweep.map.to_json()))


def _sweep_options_of(item: pytest.Item) -> SweepOptions:
    given = item.config.getoption("chaos_sweep_round")
    return SweepOptions(
        is_plan_only=item.config.getoption("chaos_sweep_plan"),
        only=None if given is None else _round_of(given),
        part=item.config.stash[SWEEP_PART],
        on_progress=_progress_of(item),
    )


def _round_of(given: str) -> tuple[int, Point]:
    number, slash, point = given.partition("/")
    try:
        if slash and number.isdecimal():
            return int(number), Point.parse(point)
    except SettingError:
        pass
    accepts = "the number of a sweep and a point, such as 1/1:downstream:214"
    pytest.fail(f"--chaos-sweep-round must be {accepts}, not {given!r}", pytrace=False)


def _progress_of(item: pytest.Item) -> Callable[[str], None] | None:
    """Return what shows the round in progress in the line of the test; ``None``: nothing does."""
    config = item.config
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    capture: Any = config.pluginmanager.getplugin("capturemanager")
    if config.get_verbosity() < 1 or reporter is None or not reporter.isatty:
        return None

    def show(text: str) -> None:
        with capture.global_and_fixture_disabled() if capture else nullcontext():
            reporter.rewrite(text or f"{item.nodeid} ", erase=True)

    return show


def warn_of_unused(item: pytest.Item, used: Sequence[Chaos]) -> None:
    """Warn of each proxy of a test that had faults which did nothing."""
    for maker in used:
        for background in maker.background_proxies:
            if text := background.call(background.unused_faults_check.warning_text):
                item.warn(UnusedFaultsWarning(text))


def command_of(item: pytest.Item) -> str:
    """Return the command line that repeats a test with the same seed, for the directory of this run."""
    return f"{_test_of(item)} --chaos-seed={_run_seed_of(item)}"


def _replay_command_of(item: pytest.Item, journal: Path) -> str:
    return f"{_test_of(item)} --chaos-replay={shlex.quote(_from_here(item, journal))}"


def _test_of(item: pytest.Item) -> str:
    """Return the command line that runs a test."""
    path, colons, rest = _name_of(item).partition("::")
    name = shlex.quote(f"{_from_here(item, item.config.rootpath / path)}{colons}{rest}")
    return f"pytest {name}{_count_of(item)}"


def remember_failure(item: pytest.Item, chaos: Sequence[Chaos]) -> Path | None:
    """Keep the journal of a test that failed after a strike, to be repeated first; return its file.

    A proxy of the session has served other tests as well: their journals are not kept. A sweep repeats one of
    its rounds in another way.
    """
    path, maker = _remembered(item), _repeatable(chaos)
    if path is None or maker is None or not maker.struck():
        return None
    _write_journal(path, maker.journal_lines())
    return path


def _write_journal(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _repeatable(chaos: Sequence[Chaos]) -> Chaos | None:
    """Return the maker whose journal repeats a test; ``None`` if none does."""
    makers = [each for each in chaos if not isinstance(each, SessionChaos)]
    return makers[0] if len(makers) == 1 and not makers[0].sweeps else None


def _bundle_lines(item: pytest.Item, chaos: Sequence[Chaos]) -> list[str]:
    """Write the bundle of a test that failed, if there are to be any; return the lines about it."""
    folder: str | None = item.config.getoption("chaos_bundle")
    if folder is None:
        return []
    if (maker := _repeatable(chaos)) is None:
        return ["no bundle: a journal does not repeat a sweep, nor the proxies of chaos_session"]
    bundle = bundle_of(_name_of(item), _run_seed_of(item), command_of(item))
    try:
        path = write_bundle(item.config.invocation_params.dir / folder, maker, bundle)
    except (OSError, JournalError) as exc:
        return [f"no bundle: --chaos-bundle: {exc}"]
    return [f"to repeat it elsewhere: pytest --chaos-replay={shlex.quote(_from_here(item, path))}"]


def forget_failure(item: pytest.Item) -> None:
    """Drop the journal of an earlier failure: the test passes."""
    path = _remembered(item)
    if path is not None and item.stash.get(REPLAYED, None) == path:
        path.unlink(missing_ok=True)


def _replay_of(item: pytest.Item) -> Path | None:
    """Return the journal that a test repeats: that of the option or the mark, or of its last failure."""
    given: str | None = item.config.getoption("chaos_replay")
    mark = item.get_closest_marker("chaos")
    remembered = _remembered(item)
    path: Path | None = None
    if given is not None:
        path = item.config.invocation_params.dir / given
    elif mark is not None and mark.kwargs.get(REPLAY_KEYWORD) is not None:
        path = item.path.parent / mark.kwargs[REPLAY_KEYWORD]
    elif remembered is not None and remembered.exists() and not _has_own_seed(item):
        path = remembered
    if path is not None:
        item.stash[REPLAYED] = path
    return path


def _has_own_seed(item: pytest.Item) -> bool:
    """Return whether a seed was given, or this is a rerun, which is to be another run than the one before."""
    return item.config.stash[IS_SEED_GIVEN] or _run_number(item) > 1


def _remembered(item: pytest.Item) -> Path | None:
    """Return the file for the journal of a test's failure; ``None`` if pytest has no cache."""
    cache = getattr(item.config, "cache", None)
    if cache is None:
        return None
    digest = hashlib.sha256(_name_of(item).encode(errors="backslashreplace")).hexdigest()
    return Path(cache.mkdir("trixter")) / f"{digest[:16]}.jsonl"


def _from_here(item: pytest.Item, path: Path) -> str:
    """Return a path as it is typed in the directory of this run."""
    return os.path.relpath(path, item.config.invocation_params.dir).replace(os.sep, "/")


class Profiles:
    """Profiles by name: the published ones, and those of the files in the ini option.

    Args:
        config: The run's configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._files: list[Any] = config.getini("chaos_profiles")

    def find(self, name: str) -> Profile:
        """Return the profile of that name.

        Raises:
            SettingError: If there is none.
            ProfileError: If a file is wrong.
        """
        profiles = all_profiles()
        for file in self._files:
            profiles.update(read_profiles(file))
        return pick_profile(name, profiles)


def _lines_of(background: BackgroundProxy, exc: BaseException | None) -> list[str]:
    info = background.controller.execute(GetProxy())
    first, *others = background.events.in_force(background.proxy, exc)
    journal = background.journal
    strikes = journal.strikes
    earlier = len(strikes) - STRIKES_SHOWN
    replay = background.replay
    missing = replay.missing(info.stats.connections_accepted) if replay else []
    return [
        f"{', '.join(background.addresses)} → {background.proxy.upstream}",
        *([f"  {divergence_text(journal.divergence)}"] if journal.divergence else []),
        *(
            f"  the replay left the record: connection {each:,} did not come"
            for each in missing[:MOST_MISSING]
        ),
        *(["  what faults did:"] if strikes else []),
        *([f"    ({earlier} earlier decisions)"] if earlier > 0 else []),
        *(f"    {each}" for each in strikes[-STRIKES_SHOWN:]),
        *(f"  {each}" for each in background.unused_faults_check.causes()),
        f"  {info.stats}",
        f"  faults in force when it failed: {first}",
        *(f"    {line}" for line in others),
        "  the last events:",
        *(f"    {line}" for line in background.events.lines() or ["none"]),
    ]


def _run_seed_of(item: pytest.Item) -> int:
    """Return the seed with which the first run of a test in another session repeats this one.

    A rerun with the same seed would fail like the run before it, so each has a seed of its own.
    """
    seed, reruns = _run_seed(item.config), _run_number(item) - 1
    return seed_for(seed, f"rerun {reruns}") % 2**RUN_SEED_BITS if reruns else seed


def _run_number(item: pytest.Item) -> int:
    return item.stash.get(RUN_NUMBER, 1)


def _count_of(item: pytest.Item) -> str:
    """Return the option of pytest-repeat without which no test has that name."""
    is_repeated = "__pytest_repeat_step_number" in getattr(getattr(item, "callspec", None), "params", ())
    count: int = item.config.getoption("count", 1) if is_repeated else 1
    return f" --count={count}" if count > 1 else ""


def _run_seed(config: pytest.Config) -> int:
    return config.stash[RUN_SEED]


def _name_of(item: pytest.Item) -> str:
    # Not item.nodeid: pytest-xdist may have added a group to it.
    return f"{item.parent.nodeid}::{item.name}" if item.parent is not None else item.nodeid
