"""Hypothesis strategies of faults, and the rules of a bad network for state machines.

Hypothesis is no dependency of trixter: install it beside it.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from typing import Any

from trixter.control import Change, Override, ReplaceFaults
from trixter.control.fault_methods import AnyDirection, directions_of
from trixter.control.handles import ProxyHandle
from trixter.errors import SettingError
from trixter.faults import CATALOGUE, Direction, Fault, Faults
from trixter.faults.entry import BYTES_PER_S, MILLISECONDS, Entry, Setting, Type
from trixter.faults.validators import positive_seconds_of
from trixter.testing.recent_events import describe_faults
from trixter.units import Seconds

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, rule
except ImportError:
    raise ImportError("trixter.testing.strategies needs Hypothesis: pip install hypothesis") from None

BY_NAME = {entry.name: entry for entry in CATALOGUE}

KINDS = tuple(name for name, entry in BY_NAME.items() if entry.first.takes is not Type.SWITCH)
"""The kinds that are drawn by default: under a freeze, a test takes as long as its program waits."""

# From bad to hardly noticed. A lower rate would only make tests slow.
SIZES_BYTES = (1, 65_536)
RATES_BYTES_PER_S = (10_000, 10_000_000)

# In thousandths: a smaller probability does nothing in most tests.
PROBABILITIES = (1, 1000)


class DrawnFaults(Override):
    """An override whose representation is its faults, and nothing else."""

    __slots__ = ()

    def __repr__(self) -> str:
        upstream, downstream = (self.faults(each) for each in Direction)
        return f"<{describe_faults(upstream, downstream)}>"

    def _repr_pretty_(self, printer: Any, is_cycle: bool) -> None:
        printer.text(repr(self))  # Hypothesis would print every field


def faults(
    kinds: Collection[str] = KINDS,
    *,
    direction: AnyDirection = None,
    max_delay_s: Seconds = 0.1,
    max_faults: int = 3,
) -> st.SearchStrategy[Override]:
    """Return a strategy of overrides for ``apply``: some faults, at most one of a kind in each direction.

    It shrinks to no fault, to fewer ones, and each to a milder one.

    Args:
        kinds: The names of faults, such as ``"latency"``; by default all but ``"freeze"``.
        direction: ``"upstream"`` or ``"downstream"``; by default both, each with faults of its own.
        max_delay_s: The longest latency, 1 ms or more.
        max_faults: So many at most, of both directions together.

    Raises:
        SettingError: If there is no such kind or direction, or a limit is outside its range.
    """
    if isinstance(kinds, str) or not kinds or not set(kinds) <= set(BY_NAME):
        raise SettingError("kinds", kinds, f"several of {', '.join(BY_NAME)}")
    longest_ms = int(MILLISECONDS.of(positive_seconds_of("max_delay_s", max_delay_s)))
    if longest_ms < 1:
        raise SettingError("max_delay_s", max_delay_s, "1 ms or more")
    if not isinstance(max_faults, int) or max_faults < 0:
        raise SettingError("max_faults", max_faults, "a whole number, 0 or more")
    entries = [BY_NAME[each] for each in kinds]
    places = [
        (where, each) for where in directions_of(direction) for each in entries if each.kind.fits(where)
    ]
    if not places:
        raise SettingError("kinds", kinds, f"some that can be set {directions_of(direction)[0].value}")
    drawn = st.one_of([st.tuples(st.just(where), _faults_of(each, longest_ms)) for where, each in places])
    several = st.lists(drawn, max_size=max_faults, unique_by=lambda each: (each[0], type(each[1])))
    return _overrides(several)


@st.composite
def _overrides(draw: st.DrawFn, several: st.SearchStrategy[list[tuple[Direction, Fault]]]) -> Override:
    drawn = draw(several)
    upstream, downstream = ([fault for there, fault in drawn if there is each] for each in Direction)
    return DrawnFaults(upstream=_replaced(upstream), downstream=_replaced(downstream))


def _replaced(faults: list[Fault]) -> ReplaceFaults | None:
    return ReplaceFaults(tuple((type(each), None) for each in faults), Faults(*faults)) if faults else None


@st.composite
def _faults_of(draw: st.DrawFn, entry: Entry, longest_ms: int) -> Fault:
    """Draw a fault: its first setting, those that vary this one, and choices."""
    first, *others = entry.settings
    value = draw(_values(first, longest_ms))
    settings: dict[str, Any] = {first.field: value}
    for each in others:
        if each.choices is not None:
            settings[each.field] = draw(st.sampled_from(list(each.choices)))
        elif each.varies and each.unit is MILLISECONDS:
            settings[each.field] = draw(st.integers(0, round(value * 1000))) / 1000
        elif each.varies:
            settings[each.field] = draw(st.integers(0, value - 1))
    return entry.kind(**settings)


def _values(setting: Setting, longest_ms: int) -> st.SearchStrategy[Any]:
    """Return a strategy of the values of a fault's first setting: the first is the mildest."""
    if setting.takes is Type.SWITCH:
        return st.just(True)
    if setting.takes is Type.PROBABILITY:
        return st.integers(*PROBABILITIES).map(lambda thousandths: thousandths / 1000)
    if setting.unit is MILLISECONDS:
        return st.integers(1, longest_ms).map(lambda milliseconds: milliseconds / 1000)
    worst, mildest = RATES_BYTES_PER_S if setting.unit is BYTES_PER_S else SIZES_BYTES
    return st.integers(0, mildest - worst).map(lambda milder: mildest - milder)


class NetworkRules(RuleBasedStateMachine):
    """The rules of a bad network, for a state machine that extends this class.

    They apply faults to ``proxy``, make its network good for a while, and revert these changes in any order.
    ``teardown`` reverts those that are left: call it, if you have one of your own.
    """

    proxy: ProxyHandle
    """The proxy, to be set in ``__init__``: one for each run of the machine, with the same seed."""

    drawn_faults: st.SearchStrategy[Override] = faults()
    """The strategy of the faults that are applied."""

    changes = Bundle[Change]("network changes")

    def __init__(self) -> None:
        super().__init__()
        self._changes = ExitStack()  # entered, a change over the API has a lease

    @rule(target=changes, faults=st.runner().flatmap(lambda machine: machine.drawn_faults))
    def apply_faults(self, faults: Override) -> Change:
        """Apply faults on top of those before."""
        return self._changes.enter_context(self.proxy.apply(faults))

    @rule(target=changes)
    def make_network_quiet(self) -> Change:
        """Suspend all faults, until this is reverted."""
        return self._changes.enter_context(self.proxy.quiet())

    @rule(change=consumes(changes))
    def revert(self, change: Change) -> None:
        """Revert one of these changes."""
        change.revert()

    def teardown(self) -> None:
        """Revert the changes that are left."""
        self._changes.close()
        super().teardown()
